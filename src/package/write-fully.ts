/**
 * All bytes or an error. The operating system may take fewer than it was given: a disk that fills up takes what fits,
 * and says ENOSPC at the next call only. So what is left is written again, until all is taken or the error comes.
 */
import type { FileHandle } from "node:fs/promises";
import { TidemarkError } from "../pipeline/errors";

/** Appends the parts in order at the file's place. @returns their bytes @throws what the file system says */
export async function writeFully(file: FileHandle, parts: readonly Uint8Array[]): Promise<number> {
  let rest = parts.filter(part => part.length > 0);
  let total = 0;
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest);
    if (bytesWritten <= 0) throw Object.assign(new Error("nothing was written"), { code: "EIO" });
    total += bytesWritten;
    rest = after(rest, bytesWritten);
  }
  return total;
}

function after(parts: Uint8Array[], bytes: number): Uint8Array[] {
  let gone = 0;
  for (let left = bytes; gone < parts.length; gone++) {
    const part = parts[gone]!;
    if (left < part.length) return [part.subarray(left), ...parts.slice(gone + 1)];
    left -= part.length;
  }
  return [];
}

/**
 * The last look before a file counts: it has the size that was written.
 * @throws TidemarkError DISK_FAILED
 */
export async function assertSize(file: FileHandle, name: string, bytes: number): Promise<void> {
  const { size } = await file.stat();
  if (size === bytes) return;
  throw new TidemarkError(
    "DISK_FAILED",
    `${name} has ${size} bytes where ${bytes} were written. Its disk lost data, or somebody else writes there; the step is repeated.`,
  );
}
