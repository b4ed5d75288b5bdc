/**
 * The pipeline spec in its resolved form: every default filled in, every optional form gone.
 * Field names are dlt's own. Parsing and validation live in src/spec; nothing downstream handles loose forms again.
 */

import type { GateSpec } from "./gate-spec";

import type { NotifySpec } from "./notices";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export type WriteDispositionName = "append" | "replace" | "merge" | "skip";
export type MergeStrategy = "delete-insert" | "upsert" | "insert-only" | "scd2" | "cdc";
export type ReplaceStrategy = "truncate-and-insert" | "insert-from-staging" | "staging-optimized";
export type ContractMode = "evolve" | "freeze" | "discard_row" | "discard_value";
export interface SchemaContract {
  tables?: ContractMode;
  columns?: ContractMode;
  data_type?: ContractMode;
}

/** A mode alone stands for all entities. It is stored as it was written, since it is part of the schema's hash. */
export type ContractSetting = SchemaContract | ContractMode;

/** dlt: `write_disposition` in its dict form; the text form is resolved to `{ disposition }`. */
export interface WriteDisposition {
  disposition: WriteDispositionName;
  /** A replace written as an object: dlt knows only the plain word as one that resets the resource's cursors. */
  keeps_cursors?: true;
  strategy?: MergeStrategy;
  validity_column_names?: [string, string];
  active_record_timestamp?: string | null;
  boundary_timestamp?: string | null;
  row_version_column_name?: string;
  deduplicated?: boolean;
  skip_unchanged_rows?: boolean;
  source_filter?: string;
  destination_scope?: string;
}

export type DataType =
  | "text"
  | "double"
  | "bool"
  | "timestamp"
  | "bigint"
  | "binary"
  | "json"
  | "decimal"
  | "wei"
  | "date"
  | "time";

/** A column hint as written by a user (dlt: TColumnSchema, any part of it). */
export interface ColumnHint {
  name: string;
  data_type?: DataType;
  nullable?: boolean;
  precision?: number;
  scale?: number;
  timezone?: boolean;
  primary_key?: boolean;
  merge_key?: boolean;
  unique?: boolean;
  hard_delete?: boolean;
  dedup_sort?: "asc" | "desc";
  partition?: boolean;
  cluster?: boolean;
  sort?: boolean;
  description?: string;
  [hint: `x-${string}`]: Json;
}

export interface TableReference {
  referenced_table: string;
  columns: string[];
  referenced_columns: string[];
  label?: string;
  cardinality?: string;
}

/** Hints of one resource, resolved. dlt: the keyword arguments of `@dlt.resource`. */
export interface ResourceHints {
  table_name?: string;
  write_disposition?: WriteDisposition;
  primary_key?: string[];
  merge_key?: string[];
  columns?: ColumnHint[];
  max_table_nesting?: number;
  schema_contract?: ContractSetting;
  table_format?: string;
  file_format?: string;
  references?: TableReference[];
  parent_table_name?: string;
  /** Key: list key path joined with "__", e.g. "lines" or "lines__parts". */
  nested_hints?: { [path: string]: Omit<ResourceHints, "nested_hints"> };
  /** Other table hints, stored as they are (`x-…`, description). */
  extra?: JsonObject;
}

export type LastValueFunc = "max" | "min";

/** dlt: `dlt.sources.incremental` with its defaults filled in. Values keep their source type (see src/json). */
export interface IncrementalConfig {
  cursor_path: string;
  initial_value?: Json;
  end_value?: Json;
  last_value_func: LastValueFunc;
  /** undefined: the resource's primary key; []: no dedup. */
  primary_key?: string[];
  /** The key was written as a list of one: dlt then hashes `[value]`, not `value`. Only hashes for dedup differ. */
  primary_key_is_list?: boolean;
  row_order?: "asc" | "desc";
  range_start: "closed" | "open";
  range_end: "open" | "closed";
  /** Seconds for timestamps, days for dates, plain number else. */
  lag?: number;
  on_cursor_value_missing: "raise" | "include" | "exclude";
  /** Of a backfill of a cursor that holds nothing yet: texts of the bounds become what the first row has. */
  bounds_as_text?: true;
}

/** dlt: `resource.apply_hints`. */
export interface AppliedHints extends ResourceHints {
  /** In place of the resource's own. */
  incremental?: IncrementalConfig;
}

/** A secret is never in a resolved spec: it is named, and the worker looks it up. */
export type SecretRef =
  | { env: string }
  /** A dotted path in dlt's configuration, e.g. "sources.rest_api.token" (dlt: `dlt.secrets["…"]`). */
  | { dlt_secret: string }
  /** A literal in a local spec file, swapped out by the client; the worker reads it again at use. */
  | { spec_ref: { file: string; pointer: string } };

/** What a destination understands is its own business: the core knows `type` and what all of them share. */
export interface DestinationSpec {
  type: string;
  /** A name of one's own, under which dlt's settings have it; kept in the state. */
  destination_name?: string;
  replace_strategy: ReplaceStrategy;
  /** Constraints and indexes that dlt makes of hints. */
  create_indexes: boolean;
  /** dlt: naming layout of the staging dataset, `%s` stands for the dataset name. */
  staging_dataset_name_layout: string;
  enable_dataset_name_normalization: boolean;
  max_identifier_length?: number;
  max_column_identifier_length?: number;
  /** dlt's capability: every name is in lower case there, also where names are not normalized. */
  casefold_identifier?: "lower";
}

/** What a source understands is its own business: the core sees `type` and `name` only. */
export interface SourceSpec {
  type: string;
  /** Source name = schema name = key in dlt's `sources` state. */
  name: string;
  max_table_nesting?: number;
  root_key?: boolean;
  schema_contract?: ContractSetting;
  [option: string]: Json | undefined | SchemaContract;
}

export interface DbtSpec {
  /** Absolute path. */
  project_dir: string;
  /** Absolute path; default: project_dir. */
  profiles_dir: string;
  /** Empty: DBT_TARGET, else the profile's own default. */
  target: string;
  /** dbt node selection, as in `dbt build --select`. */
  select?: string;
  exclude?: string;
  /** Name of a selector in selectors.yml, in place of `select` and `exclude`. */
  selector?: string;
  vars?: JsonObject;
  /** In place of the profile's. */
  threads?: number;
  /** Absolute path of a folder with the manifest.json of another run: for `state:` selections and `defer`. */
  state?: string;
  /** Nodes that are not selected and not there are read from where `state` has them. */
  defer?: boolean;
  /** Run `dbt source freshness` before the build. */
  freshness: boolean;
  full_refresh: boolean;
  /** "candidate": readers see what was built only once it has passed; "live" (default): as it is built. */
  publish?: "live" | "candidate";
  /** Published generations that are kept, for `tidemark rollback`; default 3. */
  generations?: number;
  /** `dbt docs generate` after the build; the page is kept with the run. */
  docs?: boolean;
}

export interface RetrySpec {
  /** HTTP attempts inside one activity attempt (dlt's five). */
  http_attempts: number;
  /** Attempts of each activity; 0 = no limit. */
  activity_attempts: number;
  /** A host that does not prove for this long that it lives counts as gone; default 60. */
  host_timeout_seconds?: number;
}

/** Names of the datasets as they are in the destination. */
export interface DatasetNames {
  dataset: string;
  staging_dataset: string;
}

export interface ResolvedPipeline {
  pipeline_name: string;
  /** As it is written: what state and messages say. */
  dataset_name: string;
  /** As it is stored there; absent in histories of earlier versions (see destinations/dataset-names.ts). */
  stored?: DatasetNames;
  destination: DestinationSpec;
  source: SourceSpec;
  /** Run-level overrides, as in dlt's `pipeline.run(...)`. */
  write_disposition?: WriteDisposition;
  schema_contract?: ContractSetting;
  primary_key?: string[];
  merge_key?: string[];
  columns?: ColumnHint[];
  table_name?: string;
  loader_file_format?: "parquet" | "jsonl" | "insert_values";
  refresh?: "drop_sources" | "drop_resources" | "drop_data";
  /** dlt: `resource.apply_hints`, by resource name. */
  resource_hints?: { [resource: string]: AppliedHints };
  /** Load only these resources (and the parents they need). */
  resources?: string[];
  /** Name of the environment variables whose values must never appear in messages. */
  transform?: { dbt: DbtSpec };
  gate?: GateSpec;
  /** Who is told what happens to a run. */
  notify?: NotifySpec[];
  retry: RetrySpec;
  /** Resources that are extracted at the same time; default 8. */
  parallel?: number;
  /** While another run loads this pipeline into this dataset: wait (default), or fail and say which. */
  on_busy?: "wait" | "fail";
  /** All of a long spec, for its way through history; the other fields are then only those that a workflow reads. */
  packed?: PackedSpec;
}

/** See src/spec/packed-spec.ts. */
export interface PackedSpec {
  /** The resolved spec's JSON. */
  gzip_base64: string;
  /** Of the JSON. */
  bytes: number;
  sha256: string;
}

/** Input of workflow `pipeline`; what `temporal workflow start --input` takes. */
export interface RunInput {
  /** A name in `pipelines/`, a path the worker can read, or an inline spec (unresolved form). */
  pipeline: string | JsonObject;
  /** false: no regular load; run queued backfills only, then transform and gate. */
  load?: boolean;
  /** Overrides of the spec for this run. */
  resources?: string[];
  write_disposition?: Json;
  refresh?: "drop_sources" | "drop_resources" | "drop_data";
  /** How rows get there, in place of the spec's `destination.load_mode`, where the destination has more than one way. */
  load_mode?: "warehouse" | "spark";
  full_refresh?: boolean;
  transform?: boolean;
  gate?: boolean;
  retry?: Partial<RetrySpec>;
  parallel?: number;
  on_busy?: "wait" | "fail";
}

/** Payload of signal `backfill` and update `requestBackfill`. `to` is exclusive. */
export interface BackfillRequest {
  resource: string;
  from: string | number;
  to?: string | number;
  allow_duplicates?: boolean;
}
