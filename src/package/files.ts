/** Small files of a package: written whole or not at all, and errors of the disk sorted at the door. */
import { randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { onDisk, packageError } from "./disk-errors";
import { writeFully } from "./write-fully";

export { onDisk, packageError } from "./disk-errors";

/** A file that nobody else has the name of. */
async function writeNew(path: string, text: string): Promise<void> {
  const file = await open(path, "wx");
  try {
    await writeFully(file, [Buffer.from(text)]);
  } finally {
    await file.close();
  }
}

/** Replaces `path` in one step: readers see the old text or the new one. Makes the folder when it is missing. */
export async function writeFileAtomic(path: string, text: string): Promise<void> {
  await onDisk(`writing ${basename(path)}`, async () => {
    const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
    await mkdir(dirname(path), { recursive: true });
    try {
      await writeNew(temporary, text);
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
  });
}

/**
 * Writes `path` unless it is there: of several writers the first wins, whole.
 * @returns the text that counts
 */
export async function writeFileOnce(path: string, text: string): Promise<string> {
  await onDisk(`writing ${basename(path)}`, async () => {
    const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
    await mkdir(dirname(path), { recursive: true });
    try {
      await writeNew(temporary, text);
      // link() fails when the name is taken, which rename() does not.
      await link(temporary, path).catch(error => {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      });
    } finally {
      await rm(temporary, { force: true });
    }
  });
  return readText(path);
}

/** @throws TidemarkError PACKAGE_LOST when the file is missing */
export async function readText(path: string): Promise<string> {
  return onDisk(`reading ${basename(path)}`, () => readFile(path, "utf8"));
}

/** The text, or null when there is no such file. */
export async function readTextIfAny(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw packageError(error, `reading ${basename(path)}`);
  }
}
