/** Small files of a package: written whole or not at all, and errors of the disk sorted at the door. */
import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { TidemarkError } from "../pipeline/errors";

/**
 * Translates an error of the file system.
 * @returns DISK_FULL, PACKAGE_LOST, PACKAGE_DENIED, or the error itself when it is of another kind
 */
export function packageError(error: unknown, doing: string): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new TidemarkError(
      "DISK_FULL",
      `The disk was full while ${doing}. Free space under the package root; the step is then repeated.`,
      { cause: error },
    );
  }
  if (code === "ENOENT") {
    return new TidemarkError(
      "PACKAGE_LOST",
      `A file of the load package is missing: ${doing} failed. The worker that wrote it is gone, or the package root was cleaned.`,
      { cause: error },
    );
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS" || code === "ENOTDIR") {
    return new TidemarkError(
      "PACKAGE_DENIED",
      `The package root cannot be used: ${doing} failed (${code}). Give the worker a folder that it may write.`,
      { cause: error },
    );
  }
  return error;
}

/** Runs `work` and translates what the file system throws. `doing` names files, never values. */
export async function onDisk<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw packageError(error, doing);
  }
}

/** Replaces `path` in one step: readers see the old text or the new one. Makes the folder when it is missing. */
export async function writeFileAtomic(path: string, text: string): Promise<void> {
  await onDisk(`writing ${basename(path)}`, async () => {
    const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
    await mkdir(dirname(path), { recursive: true });
    try {
      await writeFile(temporary, text);
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
      await writeFile(temporary, text);
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
