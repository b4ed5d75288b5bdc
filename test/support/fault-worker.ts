/**
 * A worker process that ends itself (SIGKILL) at a chosen progress event, once: the marker file says that it has.
 * Environment: FAULT = JSON {step, phase?, subject?, rows?}, FAULT_MARKER = file, TEMPORAL address in TIDEMARK_TEST_ADDRESS.
 */
import { existsSync, writeFileSync } from "node:fs";
import { loadConfig } from "../../src/config";
import type { ProgressEvent } from "../../src/pipeline/infos";
import { startWorker } from "../../src/worker";

interface Fault {
  step: string;
  phase?: string;
  subject?: string;
  /** At least so many rows reported. */
  rows?: number;
}

const fault = process.env.FAULT ? (JSON.parse(process.env.FAULT) as Fault) : undefined;
const marker = process.env.FAULT_MARKER;

function observe(event: ProgressEvent): void {
  if (fault === undefined || marker === undefined || existsSync(marker)) return;
  if (event.step !== fault.step) return;
  if (fault.phase !== undefined && event.phase !== fault.phase) return;
  if (fault.subject !== undefined && event.subject !== fault.subject) return;
  if (fault.rows !== undefined && (event.rows ?? 0) < fault.rows) return;
  writeFileSync(marker, JSON.stringify(event));
  process.kill(process.pid, "SIGKILL");
}

async function main(): Promise<void> {
  const worker = await startWorker(loadConfig(), {
    address: process.env.TIDEMARK_TEST_ADDRESS!,
    kind: "worker",
    observe,
  });
  process.stdout.write("Ready\n");
  process.once("SIGTERM", () => {
    worker.stop().then(() => process.exit(0));
  });
  await worker.done;
}

main().catch(error => {
  console.error(error);
  process.exit(1);
});
