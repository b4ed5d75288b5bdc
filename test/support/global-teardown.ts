import { rmSync } from "node:fs";

export default async function globalTeardown(): Promise<void> {
  const pid = (globalThis as { temporalServerPid?: number }).temporalServerPid;
  if (pid !== undefined) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It is gone already.
    }
  }
  if (process.env.TIDEMARK_TEST_TMP) rmSync(process.env.TIDEMARK_TEST_TMP, { recursive: true, force: true });
}
