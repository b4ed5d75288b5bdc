import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";

export default async function globalTeardown(): Promise<void> {
  await (globalThis as { standin?: { stop(): Promise<void> } }).standin?.stop();
  (globalThis as { temporalServer?: ChildProcess }).temporalServer?.stdin?.end();
  if (process.env.TIDEMARK_TEST_TMP) rmSync(process.env.TIDEMARK_TEST_TMP, { recursive: true, force: true });
}
