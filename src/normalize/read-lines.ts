/** Reads the segments of a resource in chunks of whole lines, with bounded memory. */
import { open } from "node:fs/promises";
import { TidemarkError } from "../pipeline/errors";
import type { Segment } from "./types";

/** Measured: large enough that calls do not count, small enough for the processor's cache. */
const CHUNK_BYTES = 256 * 1024;
const NEWLINE = 10;

/**
 * Chunks of whole lines; each is valid until the next is asked for.
 * @throws TidemarkError PACKAGE_LOST when a file is missing or shorter than recorded
 */
export async function* readLines(segment: Segment): AsyncIterable<Buffer> {
  const file = await open(segment.path, "r").catch((cause: unknown) => {
    throw lost(segment, cause);
  });
  try {
    let buffer = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, segment.bytes) + 1);
    let held = 0;
    let read = segment.from ?? 0;
    while (read < segment.bytes) {
      if (held === buffer.length) buffer = Buffer.concat([buffer], buffer.length * 2);
      const wanted = Math.min(buffer.length - held, segment.bytes - read);
      const { bytesRead } = await file.read(buffer, held, wanted, read);
      if (bytesRead === 0) throw lost(segment);
      read += bytesRead;
      held += bytesRead;
      const end = read === segment.bytes ? held : buffer.lastIndexOf(NEWLINE, held - 1) + 1;
      if (end === 0) continue;
      yield buffer.subarray(0, end);
      buffer.copy(buffer, 0, end, held);
      held -= end;
    }
  } finally {
    await file.close();
  }
}

export function lost(segment: Segment, cause?: unknown): TidemarkError {
  return new TidemarkError(
    "PACKAGE_LOST",
    `An extracted file of the load package is missing or cut short (${segment.path.split(/[\\/]/).pop()}). The run extracts again.`,
    { step: "normalize", cause },
  );
}
