/** package.json: what a load package is and how far it has come. */
import { TidemarkError } from "../pipeline/errors";
import type { FinishedExtract, LoadInfo } from "../pipeline/infos";
import type { PackageBase, PackageOwner } from "../pipeline/package-base";
import type { BackfillRequest } from "../pipeline/spec";
import { readText, readTextIfAny, writeFileAtomic } from "./files";
import { type PackageRef, recordPath } from "./layout";
import { damaged, readShape, type Shape } from "./shape";

export type PackageStage = "new" | "extracted" | "normalized" | "loaded" | "aborted";

/** The part of a load's report that the package knows. */
export type CompletedLoad = Pick<
  LoadInfo,
  "cursors" | "state" | "state_load_id" | "schema_version_hash" | "backfill" | "schema_name" | "notes"
>;

/** Of package.json and all that lies beside it. Raised when an older engine would misread a package. */
export const PACKAGE_FORMAT = 1;

export interface PackageRecord {
  /** Absent: 1. */
  format?: number;
  load_id: string;
  pipeline_name: string;
  dataset: string;
  schema_name: string;
  /** The place this package is meant for (DestinationIdentity.fingerprint). */
  fingerprint: string;
  /** ISO, UTC, microseconds: dlt's package creation time, the scd2 boundary. */
  created_at: string;
  state: PackageStage;
  /** What it was begun from; absent in packages of earlier versions. */
  base?: PackageBase;
  /** The run that began it, or that took it over last. */
  owner?: PackageOwner;
  /** Pages that were safe when another run took the extraction over: without progress since, the next one starts anew. */
  taken_over_at_pages?: number;
  backfill?: BackfillRequest;
  /**
   * Set before its first row is committed where each table is committed for itself: from here to the end of the load the
   * tables may hold part of the package. Root tables by write disposition.
   */
  loading?: { [disposition: string]: string[] };
  /** Result of the end of extract, for a repeated step. */
  finished?: FinishedExtract;
  /** What was loaded, from `loaded` on. */
  loaded?: CompletedLoad;
  /** Rows per table in the package, from `loaded` on; absent in records of before. */
  rows?: { [table: string]: number };
  /** Version of the schema that it was loaded with. It may be ahead of the stored one (see `countedVersion`). */
  schema_version?: number;
}

const SHAPE: Shape = {
  fields: {
    "format?": "number",
    load_id: "text",
    pipeline_name: "text",
    dataset: "text",
    schema_name: "text",
    fingerprint: "text",
    created_at: "text",
    state: "text",
    "backfill?": { fields: { resource: "text" } },
    "finished?": { fields: { has_work: "boolean", cursors: { list: "object" } } },
    "loaded?": { fields: { cursors: { list: "object" } } },
    "schema_version?": "number",
  },
};

/** @throws TidemarkError PACKAGE_DAMAGED, ENGINE_TOO_OLD */
function parseRecord(ref: PackageRef, text: string): PackageRecord {
  const path = recordPath(ref);
  const { format = 1 } = readShape<{ format?: number }>(path, text, JSON.parse, {
    fields: { "format?": "number" },
  });
  if (format > PACKAGE_FORMAT) {
    throw new TidemarkError(
      "ENGINE_TOO_OLD",
      `Load package ${ref.load_id} of pipeline "${ref.pipeline_name}" has format ${format}, and this Tidemark reads up to ${PACKAGE_FORMAT}: a version that reads format ${format} is needed to load or drop it. Run that version here, or let its worker finish the package.`,
    );
  }
  const record = readShape<PackageRecord>(path, text, JSON.parse, SHAPE);
  if (!ORDER.includes(record.state)) throw damaged(path, "its state is none of a package");
  return record;
}

/** @throws TidemarkError PACKAGE_LOST, PACKAGE_DAMAGED, ENGINE_TOO_OLD */
export async function readPackage(ref: PackageRef): Promise<PackageRecord> {
  return parseRecord(ref, await readText(recordPath(ref)));
}

/** Null when there is no such package. @throws TidemarkError PACKAGE_DAMAGED, ENGINE_TOO_OLD */
export async function findPackage(ref: PackageRef): Promise<PackageRecord | null> {
  const text = await readTextIfAny(recordPath(ref));
  return text === null ? null : parseRecord(ref, text);
}

/** Written whole or not at all. */
export async function writePackage(ref: PackageRef, record: PackageRecord): Promise<void> {
  const text = JSON.stringify({ format: PACKAGE_FORMAT, ...record }, null, 2);
  await writeFileAtomic(recordPath(ref), `${text}\n`);
}

const ORDER: PackageStage[] = ["new", "extracted", "normalized", "loaded", "aborted"];

/**
 * Changes some fields of package.json; repeating it changes nothing, and a late attempt never takes the state back.
 * @throws TidemarkError PACKAGE_LOST
 */
export async function updatePackage(
  ref: PackageRef,
  changes: Partial<PackageRecord>,
): Promise<PackageRecord> {
  const before = await readPackage(ref);
  const record = { ...before, ...changes };
  if (ORDER.indexOf(record.state) < ORDER.indexOf(before.state)) record.state = before.state;
  await writePackage(ref, record);
  return record;
}
