/** How far the extraction of one resource has come, on disk beside its rows (design law 8). */

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { parseJson } from "../json/parse";
import { orjsonText } from "../json/print";
import type { Value } from "../json/values";
import { onDisk, readTextIfAny, writeFileAtomic, writeFileOnce } from "../package/files";
import { readShape, type Shape } from "../package/shape";
import type { CursorInfo } from "../pipeline/cursor";
import type { TidemarkError } from "../pipeline/errors";
import type { Json } from "../pipeline/spec";
import type { StoredIncremental } from "../state/pipeline-state";
import type { RunningIncremental } from "./incremental";
import { type Segment, segmentsAreWhole } from "./segments";

export interface Checkpoint {
  /** All rows up to here, of this attempt and of those it took over. */
  segments: Segment[];
  /** The source's place after the last page. */
  resume: Json;
  running?: RunningIncremental;
  /** Pages up to here, over all attempts. */
  pages: number;
  /** Requests of this attempt. */
  requests: number;
  /** A page was empty or had rows that passed: dlt then knows the table. */
  table_seen: boolean;
}

/** The finished extraction of a resource. Written once; whoever comes later adopts it. */
export interface DoneRecord {
  resource: string;
  attempt: string;
  segments: Segment[];
  rows: number;
  bytes: number;
  pages: number;
  requests: number;
  resumed_rows: number;
  table_seen: boolean;
  /** Absent without incremental, and after a stateless range. */
  incremental?: StoredIncremental;
  cursor?: CursorInfo;
  /** For people. */
  notes?: string[];
}

const SEGMENTS: Shape = {
  list: {
    fields: {
      path: "text",
      bytes: "number",
      rows: "number",
      "format?": "text",
      "table?": "text",
      "columns?": { list: "text" },
    },
  },
};
const CHECKPOINT_SHAPE: Shape = {
  fields: {
    segments: SEGMENTS,
    resume: "anything",
    "running?": { fields: { hashes: { list: "text" }, seen: "boolean", passed: "boolean" } },
    pages: "number",
    requests: "number",
    table_seen: "boolean",
  },
};
const DONE_SHAPE: Shape = {
  fields: {
    resource: "text",
    attempt: "text",
    segments: SEGMENTS,
    rows: "number",
    bytes: "number",
    pages: "number",
    requests: "number",
    resumed_rows: "number",
    table_seen: "boolean",
    "incremental?": "object",
    "cursor?": { fields: { resource: "text", cursor_path: "text", value: "object" } },
    "notes?": { list: "text" },
  },
};

const CHECKPOINT = "checkpoint.json";
const DONE = "done.json";

/** Numbers stay exact: both files hold cursor values. */
export async function writeCheckpoint(
  folder: string,
  attempt: string,
  checkpoint: Checkpoint,
): Promise<void> {
  await writeFileAtomic(join(folder, attempt, CHECKPOINT), orjsonText(checkpoint as unknown as Value));
}

/**
 * The most advanced checkpoint of any attempt whose files are whole, or null. One that cannot be read (cut short by a
 * power cut) is none: its pages are asked for again, and nothing is lost.
 */
export async function bestCheckpoint(folder: string): Promise<Checkpoint | null> {
  const attempts = await onDisk("listing attempts", async () => {
    try {
      return await readdir(folder, { withFileTypes: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  });
  const found: Checkpoint[] = [];
  for (const entry of attempts) {
    if (!entry.isDirectory()) continue;
    const path = join(folder, entry.name, CHECKPOINT);
    const text = await readTextIfAny(path);
    if (text === null) continue;
    try {
      found.push(readShape<Checkpoint>(path, text, parseJson, CHECKPOINT_SHAPE));
    } catch (error) {
      if ((error as TidemarkError).code !== "PACKAGE_DAMAGED") throw error;
    }
  }
  found.sort((a, b) => b.pages - a.pages);
  for (const checkpoint of found) {
    if (await segmentsAreWhole(folder, checkpoint.segments)) return checkpoint;
  }
  return null;
}

/** When done.json or the newest checkpoint was written, in milliseconds since 1970; 0 when there is neither. */
export async function lastWritten(folder: string): Promise<number> {
  const written = (path: string) =>
    stat(join(folder, path)).then(
      found => found.mtimeMs,
      () => 0,
    );
  const attempts = await readdir(folder).catch(() => [] as string[]);
  const times = await Promise.all([DONE, ...attempts.map(one => join(one, CHECKPOINT))].map(written));
  return Math.max(...times);
}

/** @throws TidemarkError PACKAGE_DAMAGED */
export async function readDone(folder: string): Promise<DoneRecord | null> {
  const path = join(folder, DONE);
  const text = await readTextIfAny(path);
  return text === null ? null : readShape<DoneRecord>(path, text, parseJson, DONE_SHAPE);
}

/** Puts the result in place unless another attempt was first; returns the one that counts. */
export async function settleDone(folder: string, record: DoneRecord): Promise<DoneRecord> {
  const path = join(folder, DONE);
  const text = await writeFileOnce(path, orjsonText(record as unknown as Value));
  return readShape<DoneRecord>(path, text, parseJson, DONE_SHAPE);
}
