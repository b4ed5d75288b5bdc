/**
 * Names of the task queues for steps that share this disk (design law 10): drawn once, kept in the package root, so
 * that every worker with this root, now or after a restart, listens on the same queues.
 */
import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import type { HostQueues } from "../pipeline/infos";
import { readTextIfAny, writeFileOnce } from "./files";

const FILE = "disk-queue";

/** @returns e.g. `tidemark-disk-9f2c41d07ab3` and its companions; the same for every caller with this root */
export async function hostQueues(root: string): Promise<HostQueues> {
  const path = join(root, FILE);
  const known = await readTextIfAny(path);
  const drawn = known ?? (await writeFileOnce(path, `tidemark-disk-${randomBytes(6).toString("hex")}\n`));
  const disk = drawn.trim();
  return {
    host: hostname(),
    disk,
    extract: `${disk}-extract`,
    dbt: `${disk}-dbt`,
    lease: `${disk}-lease`,
  };
}
