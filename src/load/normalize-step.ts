/** Step normalize of a load: extracted rows to files of tables, schema and state table brought up to date. */
import { mkdir } from "node:fs/promises";
import { join, relative } from "node:path";
import type { DestinationCapabilities } from "../destinations/destination";
import { readDone } from "../extract/checkpoint";
import { normalizePackage } from "../normalize/normalize";
import type {
  NormalizeInput,
  NormalizeLimits,
  NormalizeOutput,
  ResourceSegments,
  Segment,
} from "../normalize/types";
import { onDisk } from "../package/files";
import { normalizeAttemptFolder, type PackageRef, resourceFolder } from "../package/layout";
import { updatePackage } from "../package/package-record";
import { TidemarkError } from "../pipeline/errors";
import type { NormalizeInfo, OnProgress } from "../pipeline/infos";
import { completeStateTable } from "../schema/stored-schema";
import { bumpVersion } from "../schema/version";
import { takeAhead } from "./ahead-of-normalize";
import {
  type Extracted,
  findNormalized,
  type Normalized,
  readExtracted,
  settleNormalized,
} from "./plan-files";

export interface NormalizeStepArgs {
  ref: PackageRef;
  capabilities: DestinationCapabilities;
  /** Unique per call; the first to finish counts. */
  attempt: string;
  limits: NormalizeLimits;
  signal: AbortSignal;
  onProgress: OnProgress;
}

/** @throws TidemarkError CONTRACT_VIOLATION, CANNOT_COERCE, NULL_IN_KEY, BAD_IDENTIFIER, DISK_FULL, PACKAGE_LOST */
export async function normalizeStep(args: NormalizeStepArgs): Promise<NormalizeInfo> {
  const { ref } = args;
  const before = await findNormalized(ref);
  if (before !== null) {
    await updatePackage(ref, { state: "normalized" });
    return infoOf(before);
  }
  const extracted = await readExtracted(ref);
  const folder = normalizeAttemptFolder(ref, args.attempt);
  const input = {
    load_id: ref.load_id,
    schema: extracted.schema,
    with_state: extracted.state_due && extracted.state_package === undefined,
    resources: await segmentsOf(ref, extracted),
    out_dir: folder,
    capabilities: args.capabilities,
    limits: args.limits,
    signal: args.signal,
    onProgress: args.onProgress,
  };
  const made = (await takeAhead(ref, input)) ?? { attempt: args.attempt, output: await work(ref, input) };
  const settled = await settleNormalized(ref, normalizedOf(ref, made.attempt, extracted, made.output));
  await updatePackage(ref, { state: "normalized" });
  return infoOf(settled);
}

async function work(ref: PackageRef, input: NormalizeInput): Promise<NormalizeOutput> {
  await onDisk("making the folder of normalized files", () => mkdir(input.out_dir, { recursive: true }));
  return await tellingWhatStays(ref, normalizePackage(input));
}

/** Rows that no repetition can bring into tables stay pending, as in dlt: every next run would begin with them and fail. */
async function tellingWhatStays<T>(ref: PackageRef, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof TidemarkError) || !OF_THE_ROWS.has(error.code)) throw error;
    const { code, message, ...more } = error;
    throw new TidemarkError(
      code,
      `${message} The extracted rows stay in load package ${ref.load_id}, with which the next run begins: drop it by ` +
        `\`tidemark abort-packages ${ref.pipeline_name}\`; the cursor has not moved, so they are extracted again.`,
      { ...more, cause: error.cause },
    );
  }
}

const OF_THE_ROWS = new Set(["CONTRACT_VIOLATION", "CANNOT_COERCE", "NULL_IN_KEY", "BAD_IDENTIFIER"]);

async function segmentsOf(
  ref: PackageRef,
  { tables }: Extracted,
): Promise<(ResourceSegments & { segments: Segment[] })[]> {
  const all: (ResourceSegments & { segments: Segment[] })[] = [];
  for (const { resource, table, folder: own = resource } of tables) {
    const folder = resourceFolder(ref, own);
    const done = await readDone(folder);
    if (done === null) {
      throw new TidemarkError(
        "PACKAGE_LOST",
        `The rows of resource "${resource}" are gone from load package ${ref.load_id}.`,
      );
    }
    const segments = done.segments
      .filter(one => one.table === undefined || one.table === table)
      .map(one => ({ ...one, path: join(folder, one.path) }));
    all.push({ resource, table, segments });
  }
  return all;
}

function normalizedOf(
  ref: PackageRef,
  attempt: string,
  extracted: Extracted,
  output: NormalizeOutput,
): Normalized {
  const folder = normalizeAttemptFolder(ref, attempt);
  const normalized: Normalized = {
    attempt,
    schema: output.schema,
    files: output.files.map(file => ({ ...file, path: relative(folder, file.path) })),
    tables: output.tables,
    schema_changes: output.schema_changes,
    ...(output.rejected_rows === 0 ? {} : { rejected_rows: output.rejected_rows }),
  };
  if (extracted.state_package !== undefined) {
    const { schema } = extracted.state_package;
    completeStateTable(schema);
    bumpVersion(schema);
    normalized.state_schema = schema;
  }
  return normalized;
}

function infoOf({
  attempt,
  schema,
  files,
  tables,
  schema_changes,
  rejected_rows,
}: Normalized): NormalizeInfo {
  return {
    attempt,
    tables,
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    schema_version: schema.version,
    schema_version_hash: schema.version_hash,
    schema_changes,
    ...(rejected_rows === undefined ? {} : { rejected_rows }),
  };
}
