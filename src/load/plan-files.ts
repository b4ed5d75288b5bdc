/** What the steps leave for each other in a package, beside package.json and the rows. */
import type { PackageFile } from "../destinations/destination";
import { parseJson } from "../json/parse";
import { orjsonText } from "../json/print";
import type { Value } from "../json/values";
import { readText, readTextIfAny, writeFileAtomic, writeFileOnce } from "../package/files";
import {
  extractedPath,
  normalizedPath,
  type PackageRef,
  schemaPath,
  specPath,
  statePath,
} from "../package/layout";
import type { CursorInfo } from "../pipeline/cursor";
import type { TableRows } from "../pipeline/infos";
import type { IncrementalConfig, ResolvedPipeline } from "../pipeline/spec";
import type { StoredSchema } from "../schema/types";
import type { PipelineState, StoredIncremental } from "../state/pipeline-state";
import type { RefreshPlan } from "./refresh";

export interface ResourceStart {
  name: string;
  parent?: string;
  /** Loaded, not only requested for its children. */
  selected: boolean;
  incremental?: { config: IncrementalConfig; stored?: StoredIncremental; stateless: boolean };
}

/** state.json: the state as this run begins with it, and what was decided. */
export interface BegunState {
  /** After resets. Its `_version_hash` is that of the state row in the destination: a new hash means a new row. */
  state: PipelineState;
  /** A state row is due whatever its hash: tables are dropped, or the row in the destination is missing. */
  force_state: boolean;
  default_schema_name: string;
  dataset_missing?: boolean;
  /** Of the schema as the destination had it; absent for a new one. */
  stored_version_hash?: string;
  /** The load that the state was stored with; absent for a new one. */
  state_load_id?: string;
  resources: ResourceStart[];
  refresh?: RefreshPlan;
  /** The pipeline's default schema, where the source's own is another (dlt keeps the state with it). */
  default_schema?: StoredSchema;
}

/** extracted.json: what normalize and load work from. */
export interface Extracted {
  schema: StoredSchema;
  /** Resources with their root tables, normalised, in order. */
  tables: { resource: string; table: string }[];
  /** Root tables without rows that must be emptied (replace). */
  emptied: string[];
  cursors: CursorInfo[];
  state: PipelineState;
  /** A state row is due. */
  state_due: boolean;
  /** The state goes into a package of its own: the default schema is another one. */
  state_package?: { load_id: string; schema: StoredSchema };
}

/** normalized.json: the files, and the schemas as they are to be stored. */
export interface Normalized {
  /** The attempt whose folder counts. */
  attempt: string;
  schema: StoredSchema;
  /** Paths relative to the attempt's folder. */
  files: PackageFile[];
  tables: TableRows[];
  schema_changes: string[];
  state_schema?: StoredSchema;
}

// Numbers stay exact: 1 and 1.0 differ, and integers have 64 bits.
const write = (path: string, value: unknown) => writeFileAtomic(path, orjsonText(value as Value));
const read = async <T>(path: string) => parseJson(await readText(path)) as unknown as T;

/** The run's pinned spec, beside the package, so that history holds it once. */
export const writeSpec = (ref: PackageRef, spec: ResolvedPipeline) =>
  writeFileAtomic(specPath(ref), JSON.stringify(spec));
/** Null when the package was not begun to its end. */
export async function findSpec(ref: PackageRef): Promise<ResolvedPipeline | null> {
  const text = await readTextIfAny(specPath(ref));
  return text === null ? null : (JSON.parse(text) as ResolvedPipeline);
}
export async function findBegun(ref: PackageRef): Promise<BegunState | null> {
  const text = await readTextIfAny(statePath(ref));
  return text === null ? null : (parseJson(text) as unknown as BegunState);
}
export const readSpec = async (ref: PackageRef) =>
  JSON.parse(await readText(specPath(ref))) as ResolvedPipeline;
export const writeBegun = (ref: PackageRef, begun: BegunState) => write(statePath(ref), begun);
export const readBegun = (ref: PackageRef) => read<BegunState>(statePath(ref));
export const writeSchema = (ref: PackageRef, schema: StoredSchema) => write(schemaPath(ref), schema);
export const readSchema = (ref: PackageRef) => read<StoredSchema>(schemaPath(ref));
export const writeExtracted = (ref: PackageRef, extracted: Extracted) => write(extractedPath(ref), extracted);
export const readExtracted = (ref: PackageRef) => read<Extracted>(extractedPath(ref));
/** The first attempt to finish counts; returns its result. */
export const settleNormalized = async (ref: PackageRef, normalized: Normalized) =>
  parseJson(
    await writeFileOnce(normalizedPath(ref), orjsonText(normalized as unknown as Value)),
  ) as unknown as Normalized;
/** Null when the package is not normalized yet. */
export async function findNormalized(ref: PackageRef): Promise<Normalized | null> {
  const text = await readTextIfAny(normalizedPath(ref));
  return text === null ? null : (parseJson(text) as unknown as Normalized);
}
