/**
 * Name of the task queue for steps that share this disk (design law 10): drawn once, kept in the package root, so
 * that every worker with this root, now or after a restart, listens on the same queue.
 */
import { randomBytes } from "node:crypto";
import { link, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { onDisk, readTextIfAny } from "./files";

const FILE = "disk-queue";

/** @returns e.g. `tidemark-disk-9f2c41d07ab3`; the same for every caller with this root */
export async function diskQueueName(root: string): Promise<string> {
  const path = join(root, FILE);
  const known = await readTextIfAny(path);
  if (known !== null) return known.trim();
  return onDisk("naming the disk's task queue", async () => {
    await mkdir(root, { recursive: true });
    const own = randomBytes(6).toString("hex");
    const temporary = `${path}.${own}.tmp`;
    await writeFile(temporary, `tidemark-disk-${own}\n`);
    try {
      // link() fails when the name is taken: of two workers that start together one wins, whole.
      await link(temporary, path).catch(error => {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      });
    } finally {
      await rm(temporary, { force: true });
    }
    return ((await readTextIfAny(path)) ?? "").trim();
  });
}
