/** Step extract of a source with an engine of its own: all its resources in one go, settled like those of a resource. */
import { mkdir } from "node:fs/promises";
import { join, relative } from "node:path";
import { onDisk, readText, writeFileAtomic } from "../package/files";
import { type PackageRef, resourceFolder } from "../package/layout";
import { safeName } from "../package/safe-name";
import type { ExtractResourceInfo, OnProgress } from "../pipeline/infos";
import type { Source, WholeOptions } from "../sources/source";
import { type DoneRecord, readDone, settleDone } from "./checkpoint";
import { infoOf } from "./extract-resource";

export interface ExtractWholeArgs extends Omit<WholeOptions, "folder" | "onProgress" | "load_id"> {
  ref: PackageRef;
  source: Source;
  /** Unique per call (design law 2). */
  attempt: string;
  onProgress: OnProgress;
}

const SCHEMA = "extracted-schema.json";
const STATE = "extracted-state.json";

/** Extracts, or adopts what an earlier attempt finished. @throws TidemarkError of the source; DISK_FULL */
export async function extractWhole(args: ExtractWholeArgs): Promise<ExtractResourceInfo> {
  const { ref, source, attempt, onProgress, ...options } = args;
  const folder = resourceFolder(ref, source.name);
  const before = await readDone(folder);
  if (before !== null) return infoOf(before);
  const own = join(folder, safeName(attempt));
  await onDisk("making the source's folder", () => mkdir(own, { recursive: true }));
  const result = await source.whole!({
    ...options,
    folder: own,
    load_id: ref.load_id,
    onProgress: ({ subject = source.name, ...more }) => onProgress({ step: "extract", subject, ...more }),
  });
  await writeFileAtomic(join(own, SCHEMA), result.schema);
  await writeFileAtomic(join(own, STATE), result.state);
  const segments = result.files.map(({ path, ...file }) => ({ ...file, path: relative(folder, path) }));
  const sum = (what: "rows" | "bytes") => segments.reduce((all, one) => all + one[what], 0);
  const done: DoneRecord = {
    resource: source.name,
    attempt,
    segments,
    rows: sum("rows"),
    bytes: sum("bytes"),
    pages: segments.length,
    requests: 0,
    resumed_rows: 0,
    table_seen: true,
    notes: result.notes,
  };
  return infoOf(await settleDone(folder, done));
}

/** What the attempt that counts left beside its rows: schema and state as texts. @throws TidemarkError PACKAGE_LOST */
export async function readWhole(
  ref: PackageRef,
  done: DoneRecord,
): Promise<{ schema: string; state: string }> {
  const own = join(resourceFolder(ref, done.resource), safeName(done.attempt));
  return { schema: await readText(join(own, SCHEMA)), state: await readText(join(own, STATE)) };
}
