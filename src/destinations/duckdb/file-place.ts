/**
 * Which disk a database file lies on, as a text kept beside it: all hosts that see the same file read the same text, and
 * a host where that path is another file has another one. Names of hosts and of devices cannot tell this: containers
 * share them, and a mounted folder has a device of its own on every host.
 */
import { randomBytes } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { sortError } from "./errors";
import { canonicalPath } from "./file-turns";

/** @throws TidemarkError DESTINATION_DENIED, DISK_FULL */
export async function filePlace(path: string): Promise<string> {
  const file = await canonicalPath(path);
  const beside = `${file}.place`;
  try {
    return (await readIfAny(beside)) ?? (await drawOnce(beside));
  } catch (error) {
    throw sortError(error, { path: file, doing: `writing ${beside}, which tells hosts apart` });
  }
}

async function drawOnce(path: string): Promise<string> {
  const drawn = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await writeFile(drawn, `${randomBytes(6).toString("hex")}\n`);
    // Of several workers that start at once one wins, and its text is there whole.
    await link(drawn, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(drawn, { force: true });
  }
  return (await readFile(path, "utf8")).trim();
}

async function readIfAny(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, "utf8")).trim() || undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
