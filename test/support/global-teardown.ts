import type { ChildProcess } from "node:child_process";
import { rmSync } from "node:fs";

export default async function globalTeardown(): Promise<void> {
  await (globalThis as { standin?: { stop(): Promise<void> } }).standin?.stop();
  (globalThis as { temporalServer?: ChildProcess }).temporalServer?.stdin?.end();
  // The server is ending, and so may be workers of tests that failed: what they still write is waited for.
  if (process.env.TIDEMARK_TEST_TMP)
    rmSync(process.env.TIDEMARK_TEST_TMP, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}
