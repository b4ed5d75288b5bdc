/**
 * Name of the task queue for steps that share this disk (design law 10): drawn once, kept in the package root, so
 * that every worker with this root, now or after a restart, listens on the same queue.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { readTextIfAny, writeFileOnce } from "./files";

const FILE = "disk-queue";

/** @returns e.g. `tidemark-disk-9f2c41d07ab3`; the same for every caller with this root */
export async function diskQueueName(root: string): Promise<string> {
  const path = join(root, FILE);
  const known = await readTextIfAny(path);
  return (known ?? (await writeFileOnce(path, `tidemark-disk-${randomBytes(6).toString("hex")}\n`))).trim();
}
