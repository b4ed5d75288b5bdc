/** package.json: what a load package is and how far it has come. */
import type { FinishedExtract, LoadInfo } from "../pipeline/infos";
import type { PackageBase, PackageOwner } from "../pipeline/package-base";
import type { BackfillRequest } from "../pipeline/spec";
import { readText, readTextIfAny, writeFileAtomic } from "./files";
import { type PackageRef, recordPath } from "./layout";

export type PackageStage = "new" | "extracted" | "normalized" | "loaded" | "aborted";

/** The part of a load's report that the package knows. */
export type CompletedLoad = Pick<
  LoadInfo,
  "cursors" | "state" | "state_load_id" | "schema_version_hash" | "backfill" | "schema_name" | "notes"
>;

export interface PackageRecord {
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
  /** Version of the schema that it was loaded with. It may be ahead of the stored one (see `countedVersion`). */
  schema_version?: number;
}

/** @throws TidemarkError PACKAGE_LOST */
export async function readPackage(ref: PackageRef): Promise<PackageRecord> {
  return JSON.parse(await readText(recordPath(ref))) as PackageRecord;
}

/** Null when there is no such package. */
export async function findPackage(ref: PackageRef): Promise<PackageRecord | null> {
  const text = await readTextIfAny(recordPath(ref));
  return text === null ? null : (JSON.parse(text) as PackageRecord);
}

/** Written whole or not at all. */
export async function writePackage(ref: PackageRef, record: PackageRecord): Promise<void> {
  await writeFileAtomic(recordPath(ref), `${JSON.stringify(record, null, 2)}\n`);
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
