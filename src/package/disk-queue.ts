/**
 * Names of the task queues for steps that share this disk (design law 10): drawn once, kept in the package root, so
 * that every worker with this root, now or after a restart, listens on the same queues.
 */
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { keptText } from "../made-here";
import type { HostQueues } from "../pipeline/infos";
import { onDisk } from "./disk-errors";

const FILE = "disk-queue";

/**
 * @param told for a worker that starts: a sentence when the root is a copy of another one, and so gets names of its own
 * @returns e.g. `tidemark-disk-9f2c41d07ab3` and its companions; the same for every caller with this root
 */
export async function hostQueues(root: string, told?: (note: string) => void): Promise<HostQueues> {
  const draw = () => `tidemark-disk-${randomBytes(6).toString("hex")}`;
  const disk = await onDisk(`reading ${FILE}`, async () => {
    await mkdir(root, { recursive: true });
    return await keptText(
      join(root, FILE),
      draw,
      told && (({ was, text, from }) => told(note(root, was, text, from))),
    );
  });
  return {
    host: hostname(),
    disk,
    extract: `${disk}-extract`,
    dbt: `${disk}-dbt`,
    lease: `${disk}-lease`,
  };
}

const note = (root: string, was: string, now: string, from: string): string =>
  `The package root ${root} is a copy of that in ${from}: two hosts would take each other's steps. Its task queue is now ` +
  `${now} (was ${was}). Load packages that came with the copy are loaded only where their destination still fits.`;
