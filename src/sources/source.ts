/**
 * What a source is to the engine. A source knows its vendor; it knows nothing of Temporal, files or destinations.
 * One folder per source type, listed once in registry.ts. A source never imports another source nor a step.
 */
import type { z } from "zod";
import type { ColumnPage } from "../columns/column-page";
import type { Row, Value } from "../json/values";
import type { NetworkSettings } from "../pipeline/network";
import type { IncrementalConfig, Json, JsonObject, ResourceHints, SourceSpec } from "../pipeline/spec";

/** Incremental range at the start of this run, for sources that ask only for what is new. */
export interface IncrementalRange {
  config: IncrementalConfig;
  /** last_value with lag applied, else initial_value; undefined: no lower bound. */
  start_value?: Value;
  /** Stored last_value without lag; undefined when there is no state yet. */
  last_value?: Value;
  initial_value?: Value;
  end_value?: Value;
}

export interface OpenOptions {
  signal: AbortSignal;
  /** Place handed out with the last page that is safe on disk: go on after it (design law 8). */
  resume?: Json;
  /** Rows of the parent resource, after the parent's own filters; only for dependent resources. */
  parentRows?: AsyncIterable<Row[]>;
  incremental?: IncrementalRange;
  /** HTTP attempts inside this call. */
  attempts: number;
  /** The consumer takes pages as text too; without it every page has rows or columns. */
  takesText?: true;
  /** Called for every request or statement sent. */
  onRequest?: () => void;
  /** Called while waiting (Retry-After, connecting), so that the activity can heartbeat. */
  onWait?: (what: string) => void;
}

/** Rows that nobody has read yet; valid until the next page is asked for. */
export interface RowText {
  /** UTF-8, valid JSON objects that a file may hold as they are; every line ends with a line feed. */
  lines: Buffer;
  rows: number;
}

export interface Page {
  rows: Row[];
  /** The page's rows as columns, when the source has them so; `rows` is then empty. */
  columns?: ColumnPage;
  /** The page's rows as JSON lines, as the source sent them; `rows` is then empty. Only with `takesText`. */
  text?: RowText;
  /** No page of the source, only a place reached: an ignored answer. A table is not known by it (as in dlt). */
  absent?: true;
  /** Place to resume after this page; absent: this source cannot resume here. JSON, no secrets. */
  resume?: Json;
}

export interface Resource {
  readonly name: string;
  readonly hints: ResourceHints;
  /** Resource whose rows it needs (dlt: transformer). */
  readonly parent?: string;
  readonly selected: boolean;
  readonly incremental?: IncrementalConfig;
  /** dlt: `parallelized`. false: its resources are extracted one after the other; absent: the source does not mind. */
  readonly parallelized?: boolean;
  /**
   * Pages in source order. May be called again after a crash, with `resume`; must then not repeat finished pages.
   * The consumer may stop early (`return()`), which must free connections.
   * @throws TidemarkError HTTP_*, SQL_*, SOURCE_*
   */
  open(options: OpenOptions): AsyncIterable<Page>;
}

/** What an engine of the source's own left in files, for one root table. */
export interface WholeFile {
  /** Name in the schema. */
  table: string;
  path: string;
  bytes: number;
  rows: number;
  /** Absent: JSON lines, typed as src/json/typed-json.ts has them. Parquet goes to the destination as it is. */
  format?: "parquet";
  /** Of a parquet file. */
  columns?: string[];
}

export interface WholeOptions {
  /** An empty folder of this attempt, absolute. */
  folder: string;
  pipeline_name: string;
  dataset_name: string;
  load_id: string;
  destination: { type: string; max_identifier_length: number; max_column_identifier_length: number };
  /** dlt's pipeline state as stored, typed JSON. */
  state: string;
  /** The stored schema as JSON; undefined: there is none yet. */
  schema?: string;
  /** Names of the resources to load; undefined: those that the source selects itself. */
  resources?: readonly string[];
  /** Overrides of the run and of single resources, in the words of dlt's `run` and `apply_hints`. */
  run: JsonObject;
  resource_hints: { [resource: string]: JsonObject };
  /** A backfill. `to` is exclusive; without it the cursor begins again at `from`. */
  range?: { resource: string; from: Json; to?: Json };
  signal: AbortSignal;
  onProgress: (progress: { subject?: string; rows?: number; phase?: string }) => void;
}

export interface WholeResult {
  /** The schema with all hints applied, as dlt stores it at the end of extract. */
  schema: string;
  /** Typed JSON of the whole state after extract. */
  state: string;
  files: WholeFile[];
  notes: string[];
}

export interface Source {
  readonly name: string;
  /** Parents before children. */
  readonly resources: readonly Resource[];
  /** What a run should say about it, e.g. that no certificate is checked. */
  readonly warnings?: readonly string[];
  /**
   * Set where an engine of its own extracts all resources in one go and keeps schema and state as dlt does; `open` of
   * the resources is then not called. May be called again after a crash, with another folder.
   * @throws TidemarkError PYTHON_*, SOURCE_CODE_FAILED, CONTRACT_VIOLATION
   */
  whole?(options: WholeOptions): Promise<WholeResult>;
}

/** What the worker knows besides the spec. */
export interface Surroundings {
  network: NetworkSettings;
  /** Texts that stood behind references in the spec: they may not be shown, nor given to others. */
  secrets: readonly string[];
  /** The worker's environment, for what a vendor's own clients look up there (libpq: PGHOST, …). */
  env: { readonly [name: string]: string | undefined };
  /** Folder outside the project for what is large and shared, absolute. */
  cache?: string;
  /** Sources of the user's code that the worker was given by name; undefined: it was given none. */
  registered?: { readonly [name: string]: unknown };
  /** Names one load: what was read to build the source may be used again for it. Undefined: nothing is kept. */
  load?: string;
}

/** A problem in a spec: where (path of keys), what is wrong, what would be right. */
export interface SpecProblem {
  path: (string | number)[];
  message: string;
}

/** A value that dlt looks up in environment and TOML files when code leaves it out (dlt: configuration/resolve.py). */
export interface SourceSetting {
  /** Where it goes: a JSON pointer inside `source`. */
  pointer: string;
  key: string;
  /** dlt's sections, most specific last, e.g. `["sources", "sql_database", "orders"]`. */
  sections: readonly string[];
  /** dlt's section of the config itself, which stays while the path is shortened, e.g. `credentials`. */
  within?: string;
  kind: "text" | "integer" | "boolean" | "list" | "object" | "any";
  /** Must not stand in config.toml. */
  secret?: boolean;
  /** Stands under a secret pointer: written as a reference, whether or not it is a secret itself. */
  reference?: boolean;
  /** When nothing is found, a reference to the most telling variable stands in; the worker then says what to set. */
  required?: boolean;
  /** What stands above the pointer when it is missing or a shorthand text, e.g. `{ "type": "bearer" }`. */
  parent?: JsonObject;
  /** dlt lets it win over what the spec says. */
  wins?: boolean;
}

export interface DescribeOptions {
  pipeline_name: string;
  signal: AbortSignal;
  onWait: (what: string) => void;
}

export interface Described {
  name: string;
  /** Kept in the resolved spec under `described`. */
  described: JsonObject;
}

/** One row in registry.ts per source type. */
export interface SourceType {
  readonly type: string;
  /** Of its part of a spec, in one piece: for editors and docs/spec.md. What counts is `check`. */
  readonly shape?: z.ZodType;
  /** A whole spec in YAML, for the reference page; a test checks it. */
  readonly example?: string;
  /** One resource without a source: without a name its schema is called as the pipeline (dlt: standalone resources). */
  readonly standalone?: true;
  /**
   * Checks the source's own part of a spec. Unknown keys are problems, with the nearest valid name.
   * Pure and offline: also used by `tidemark doctor` and by the client before anything is started.
   * Secrets may be literals or `{env}` / `{spec_ref}` objects here.
   */
  check(source: SourceSpec): SpecProblem[];
  /** Completes a spec's source from what the worker was given, before it is checked. @throws TidemarkError SOURCE_NOT_REGISTERED */
  complete?(source: SourceSpec, registered: Surroundings["registered"]): SourceSpec;
  /** Paths (JSON pointers inside `source`) at which secrets may stand, whether or not they do. */
  secretPointers(source: SourceSpec): string[];
  /** What may be left out of a spec because dlt would look it up by name, in order; a filled pointer stays as it is. */
  settings?(source: SourceSpec): SourceSetting[];
  /**
   * Only where the source itself has to be asked for its name and resources: the resolved spec with the answer in it,
   * by which `create` builds the source later. Called once a run. Secrets are looked up in `source`, not in the answer.
   */
  describe?(source: SourceSpec, surroundings: Surroundings, options: DescribeOptions): Promise<Described>;
  /** Builds the source. `source` has its secrets looked up already: plain text wherever a reference stood. */
  create(source: SourceSpec, surroundings?: Surroundings): Promise<Source> | Source;
}
