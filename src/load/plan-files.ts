/**
 * What the steps leave for each other in a package, beside package.json and the rows. One that is not what it should
 * be is told by its name (PACKAGE_DAMAGED).
 */
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
import { readShape, type Shape } from "../package/shape";
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
  /** Stands for all resources of a source that is extracted in one go. */
  whole?: WholeStart;
}

export interface WholeStart {
  /** Names of the resources to load; absent: those that the source selects itself. */
  resources?: string[];
  /** Of a backfill. */
  range?: { resource: string; from: string | number; to?: string | number };
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
  /** schema.json is the stored schema, for an engine of the source's own to go on with; absent: it begins anew. */
  schema_kept?: boolean;
}

/** extracted.json: what normalize and load work from. */
export interface Extracted {
  schema: StoredSchema;
  /** Resources with their root tables, normalised, in order. */
  tables: {
    resource: string;
    table: string;
    /** Name of the folder with its rows, where it is not the resource's own. */
    folder?: string;
  }[];
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
  rejected_rows?: number;
  state_schema?: StoredSchema;
}

const SCHEMA: Shape = {
  fields: {
    name: "text",
    version: "number",
    version_hash: "text",
    tables: "object",
    settings: "object",
    normalizers: { fields: { names: "text", json: "object" } },
  },
};
const SPEC: Shape = {
  fields: {
    pipeline_name: "text",
    dataset_name: "text",
    destination: { fields: { type: "text" } },
    source: { fields: { type: "text", name: "text" } },
    retry: { fields: { http_attempts: "number", activity_attempts: "number" } },
  },
};
const STATE: Shape = { fields: { _state_version: "number", pipeline_name: "text", dataset_name: "text" } };
const BEGUN: Shape = {
  fields: {
    state: STATE,
    force_state: "boolean",
    default_schema_name: "text",
    resources: {
      list: {
        fields: {
          name: "text",
          selected: "boolean",
          "whole?": { fields: { "resources?": { list: "text" }, "range?": "object" } },
          "incremental?": { fields: { config: { fields: { cursor_path: "text" } }, stateless: "boolean" } },
        },
      },
    },
    "refresh?": { fields: { drop: { list: "text" }, truncate: { list: "text" } } },
    "default_schema?": SCHEMA,
  },
};
const EXTRACTED: Shape = {
  fields: {
    schema: SCHEMA,
    tables: { list: { fields: { resource: "text", table: "text", "folder?": "text" } } },
    emptied: { list: "text" },
    cursors: { list: "object" },
    state: STATE,
    state_due: "boolean",
    "state_package?": { fields: { load_id: "text", schema: SCHEMA } },
  },
};
const NORMALIZED: Shape = {
  fields: {
    attempt: "text",
    schema: SCHEMA,
    files: {
      list: {
        fields: { table: "text", path: "text", rows: "number", bytes: "number", columns: { list: "text" } },
      },
    },
    tables: { list: { fields: { table: "text", rows: "number" } } },
    schema_changes: { list: "text" },
    "state_schema?": SCHEMA,
  },
};

// Numbers stay exact: 1 and 1.0 differ, and integers have 64 bits.
const write = (path: string, value: unknown) => writeFileAtomic(path, orjsonText(value as Value));
const read = async <T>(path: string, shape: Shape) =>
  readShape<T>(path, await readText(path), parseJson, shape);
/** The first attempt to finish counts; returns its result. */
async function settle<T>(path: string, value: T, shape: Shape): Promise<T> {
  const text = await writeFileOnce(path, orjsonText(value as unknown as Value));
  return readShape<T>(path, text, parseJson, shape);
}
async function find<T>(
  path: string,
  shape: Shape,
  parse: (text: string) => unknown = parseJson,
): Promise<T | null> {
  const text = await readTextIfAny(path);
  return text === null ? null : readShape<T>(path, text, parse, shape);
}

/** The run's pinned spec, beside the package, so that history holds it once. */
export const writeSpec = (ref: PackageRef, spec: ResolvedPipeline) =>
  writeFileAtomic(specPath(ref), JSON.stringify(spec));
/** Null when the package was not begun to its end. */
export const findSpec = (ref: PackageRef) => find<ResolvedPipeline>(specPath(ref), SPEC, JSON.parse);
export const findBegun = (ref: PackageRef) => find<BegunState>(statePath(ref), BEGUN);
export const readSpec = async (ref: PackageRef) =>
  readShape<ResolvedPipeline>(specPath(ref), await readText(specPath(ref)), JSON.parse, SPEC);
export const writeBegun = (ref: PackageRef, begun: BegunState) => write(statePath(ref), begun);
export const readBegun = (ref: PackageRef) => read<BegunState>(statePath(ref), BEGUN);
export const writeSchema = (ref: PackageRef, schema: StoredSchema) => write(schemaPath(ref), schema);
export const readSchema = (ref: PackageRef) => read<StoredSchema>(schemaPath(ref), SCHEMA);
export const readExtracted = (ref: PackageRef) => read<Extracted>(extractedPath(ref), EXTRACTED);
export const settleExtracted = (ref: PackageRef, extracted: Extracted) =>
  settle(extractedPath(ref), extracted, EXTRACTED);
export const settleNormalized = (ref: PackageRef, normalized: Normalized) =>
  settle(normalizedPath(ref), normalized, NORMALIZED);
/** Null when the package is not normalized yet. */
export const findNormalized = (ref: PackageRef) => find<Normalized>(normalizedPath(ref), NORMALIZED);
