/**
 * A worker thread that normalizes the rows of one resource while they are still being extracted. It runs
 * `normalizePackage` over the same bytes in the same order, so what it writes is what the step would have written.
 */
import { parentPort, workerData } from "node:worker_threads";
import { parseJson } from "../json/parse";
import { orjsonText } from "../json/print";
import type { Value } from "../json/values";
import { normalizePackage } from "./normalize";
import type { NormalizeInput, NormalizeOutput, Segment } from "./types";

/** What the thread works from, but for the rows. */
export type ThreadInput = Omit<NormalizeInput, "resources" | "signal" | "onProgress"> & {
  resource: string;
  table: string;
};
/** The same as it crosses; the schema as JSON in which numbers are exact. */
export type ThreadData = Omit<ThreadInput, "schema"> & { schema: string };
/** To the thread: more rows, and whether these are all. */
export interface MoreRows {
  pieces: Segment[];
  last: boolean;
}
/** From the thread. `output` is JSON in which numbers are exact. */
export type ThreadMessage = { rows: number; bytes: number } | { output: string } | { failed: true };

/** Pieces of segments, as messages bring them. */
async function* pieces(port: NonNullable<typeof parentPort>): AsyncGenerator<Segment> {
  const waiting: MoreRows[] = [];
  let wake = (): void => {};
  port.on("message", (more: MoreRows) => {
    waiting.push(more);
    wake();
  });
  for (;;) {
    const more = waiting.shift();
    if (more === undefined) {
      await new Promise<void>(resolve => {
        wake = resolve;
      });
      continue;
    }
    yield* more.pieces;
    if (more.last) return;
  }
}

async function main(port: NonNullable<typeof parentPort>): Promise<void> {
  const { resource, table, schema, ...input } = workerData as ThreadData;
  const say = (message: ThreadMessage): void => port.postMessage(message);
  try {
    const output: NormalizeOutput = await normalizePackage({
      ...input,
      schema: parseJson(schema) as unknown as ThreadInput["schema"],
      resources: [{ resource, table, segments: pieces(port) }],
      signal: new AbortController().signal,
      onProgress: ({ rows = 0, bytes = 0 }) => say({ rows, bytes }),
    });
    say({ output: orjsonText(output as unknown as Value) });
  } catch {
    // The step does it again, and has the error where it belongs.
    say({ failed: true });
  }
  port.close();
}

if (parentPort !== null) void main(parentPort);
