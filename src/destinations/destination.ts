/**
 * What a destination is to the engine: capabilities as data, and a session with a few verbs, each of which may be
 * called twice (design law 2). One folder per destination, listed once in registry.ts.
 */

import type { z } from "zod";
import type { LoadedTable, OnProgress } from "../pipeline/infos";
import type { PackageBase, PackageOwner, PipelineLoads } from "../pipeline/package-base";
import type { DestinationSpec, Json, JsonObject, MergeStrategy, ReplaceStrategy } from "../pipeline/spec";
import type { StoredSchema } from "../schema/types";
import type { Generations } from "./generations";

export interface DestinationCapabilities {
  max_identifier_length: number;
  max_column_identifier_length: number;
  merge_strategies: readonly MergeStrategy[];
  replace_strategies: readonly ReplaceStrategy[];
  /** "package": all chains, state and _dlt_loads in one transaction. "chain": each chain for itself. */
  commits: "package" | "chain";
  /** Files must be uploaded before they can be loaded. */
  needs_staging: boolean;
  /** Default precision and scale of dlt decimal / wei. */
  decimal_precision: [number, number];
  wei_precision: [number, number];
  /** dlt's default files hold SQL literals here, which know no NUL, no NaN, no infinity and no minus zero. */
  literal_files?: boolean;
  /** Numbers of more digits than Parquet's 38 are carried as text. */
  long_decimals?: boolean;
  /** Files carry a time as plain microseconds since midnight: the destination has no such type to read. */
  times_as_microseconds?: boolean;
}

/** dlt's destination type text in the pipeline state, e.g. "dlt.destinations.duckdb". */
export interface DestinationIdentity {
  destination_type: string;
  destination_name: string | null;
  /** Two destinations with the same fingerprint are the same place: path of the file, or host + catalog. */
  fingerprint: string;
}

export interface StoredState {
  /** dlt's blob as stored (base64 of zlib, or bare JSON). */
  blob: string;
  version: number;
  version_hash: string | null;
  load_id: string;
}

export interface Restored {
  dataset_exists: boolean;
  /** Newest state of this pipeline whose load has status 0 (dlt: load_id DESC as text). */
  state: StoredState | null;
  /** Latest stored schema by name, for every name asked for that exists. */
  schemas: { [name: string]: StoredSchema };
  /** Greatest load id in _dlt_loads, as text. */
  max_load_id: string | null;
  /** Greatest committed load id of this pipeline (PipelineLoads); null without `of` in the query, and without one. */
  newest_load_id: string | null;
}

/** A normalized file: parquet, one table, columns by normalised name. */
export interface PackageFile {
  table: string;
  path: string;
  rows: number;
  bytes: number;
  columns: string[];
}

/** A package file as it lies in the destination's staging place. */
export interface StagedFile {
  table: string;
  /** Derived from load id, table and place in the package: the same in every attempt (design law 2). */
  path: string;
  bytes: number;
  /** An earlier attempt had staged it. */
  resumed: boolean;
}

export interface StateRow {
  version: number;
  engine_version: number;
  pipeline_name: string;
  blob: string;
  /** ISO timestamp, UTC, microseconds. */
  created_at: string;
  version_hash: string;
  dlt_id: string;
}

export interface LoadPlan {
  load_id: string;
  /** Keeps the staged files of pipelines apart; absent: the schema's name. */
  pipeline_name?: string;
  dataset: string;
  staging_dataset: string;
  /** The schema after normalize; names are normalised. */
  schema: StoredSchema;
  files: PackageFile[];
  /** Root tables that had a job or must be truncated (replace without rows counts). */
  roots: string[];
  /** Absent when the state did not change. */
  state?: StateRow;
  /** dlt: package creation time, the scd2 boundary unless the spec sets one. ISO, UTC, microseconds. */
  created_at: string;
  /** The dataset was not there when the load began; it may have been made since, by this load or another. */
  dataset_missing?: boolean;
  /** The destination had exactly this schema version when the load began: nothing to migrate but a refresh. */
  version_known?: boolean;
  refresh?: { drop: string[]; truncate: string[] };
  /** What the package was begun from; absent in packages of earlier versions. */
  base?: PackageBase;
  /** Load ids of this package, which never stand against its own base. */
  own_load_ids?: string[];
}

export interface TakenBack {
  table: string;
  /** null: rows that cannot be told from those of other loads were left where they are. */
  deleted: number | null;
}

export interface MigrationInfo {
  created: string[];
  /** "table.column" */
  added: string[];
  /** The schema version was new and a `_dlt_version` row was written. */
  version_written: boolean;
}

export interface RestoreQuery {
  dataset: string;
  pipeline_name: string;
  schema_names: string[];
  /** Asks for `newest_load_id`. */
  of?: Pick<PipelineLoads, "schema_name" | "mark">;
  /** No earlier run is known: the dataset is probably not there yet. Changes no answer, but may save a round trip. */
  first_run?: boolean;
}

/** What differs between destinations in the SQL that other rooms build. */
export interface SqlWords {
  /** A name, quoted. */
  name(name: string): string;
  /** A schema, quoted, with its catalog: what `{{ raw }}` stands for. */
  schema(name: string): string;
  /** Seconds from an expression's time (timestamp or date, UTC) to now. */
  secondsSince(expression: string): string;
  /** The catalog (DuckDB: the attached database) as information_schema names it, and where its columns are listed. */
  readonly catalog: string;
  readonly columnsView: string;
}

/** `missing`: a sentence for NULL, no row, or a table, schema or column that is not there. */
export type SelectedNumber = { value: number } | { missing: string };

export interface DestinationSession extends AsyncDisposable {
  /** Reads what dlt would restore at the start of a run. A missing dataset or table is an empty answer, no error. */
  restore(query: RestoreQuery): Promise<Restored>;
  /** True when `_dlt_loads` has this load id with status 0. */
  isLoaded(dataset: string, loadId: string): Promise<boolean>;
  /**
   * CREATE SCHEMA/TABLE, ALTER TABLE ADD COLUMN, `_dlt_version`. Repeatable; no DDL where the hash is known.
   * @throws TidemarkError LOAD_SUPERSEDED when the plan's base is not the newest load any more: nothing is changed
   */
  migrate(plan: LoadPlan): Promise<MigrationInfo>;
  /**
   * `needs_staging` only: brings the plan's files to where the destination can read them, after `migrate` and before
   * `loadChains`. Repeatable; files that are there already are left alone.
   * @throws TidemarkError PACKAGE_LOST, DESTINATION_DENIED, DESTINATION_UNAVAILABLE
   */
  stage?(plan: LoadPlan): Promise<StagedFile[]>;
  /**
   * Loads table chains of a package. With `commits: "package"` all of its plans in one transaction, `roots` being
   * ignored: a state that lies with another schema is committed with its rows. A load id that is committed already
   * changes nothing. The base is compared inside the transaction, or before each chain.
   * @throws TidemarkError LOAD_SUPERSEDED: nothing is changed
   */
  loadChains(plans: readonly LoadPlan[], roots: readonly string[]): Promise<LoadedTable[]>;
  /**
   * `commits: "chain"` only, after `loadChains` has loaded all of the plan's roots: what is left of the state row, then
   * the `_dlt_loads` row. Repeatable.
   */
  completeLoad(plan: LoadPlan): Promise<void>;
  /**
   * Takes out of tables that are appended to what a package left that began to load and was superseded: its own rows and
   * those nested in them. Changes nothing where the load is closed or may still be. Repeatable. Absent where a package
   * is committed as a whole.
   */
  takeBack?(plan: LoadPlan): Promise<TakenBack[]>;
  /** Absent where dbt's candidates cannot be published (`publish: candidate`). */
  readonly generations?: Generations;
  /** How SQL for this destination is written, where another room writes some. */
  readonly words: SqlWords;
  /**
   * The number that one SELECT gives, written by us or by a user (`selectProblem` has passed it). Read-only, whatever it
   * says, and out of the destination alone: no file, no other system.
   * @throws TidemarkError GATE_METRIC (terminal): it cannot be run, or what it gives is not one number
   */
  selectNumber(sql: string): Promise<SelectedNumber>;
  /** Rows of a small result. SQL is written by us, never by a user. */
  query(sql: string, params?: (string | number)[]): Promise<{ [column: string]: unknown }[]>;
}

export interface OpenDestinationOptions {
  signal: AbortSignal;
  onProgress: OnProgress;
  readOnly?: boolean;
}

/** One thing that a load needs, tried. */
export interface AccessFinding {
  what: string;
  ok: boolean;
  /** What was found, or the error with its code: names what is missing and what to do. */
  detail: string;
}

/** A load that is under way, as told to runs of other namespaces and servers. */
export interface LoadReservation extends PackageOwner {
  dataset: string;
  pipeline_name: string;
}

export interface LoadReservations {
  /** Takes the reservation, unless another run's is alive: then that one is returned. */
  take(reservation: LoadReservation): Promise<LoadReservation | undefined>;
  /** To be called every few seconds; no harm where another has it now. */
  renew(reservation: LoadReservation): Promise<void>;
  release(reservation: LoadReservation): Promise<void>;
}

export interface Destination {
  readonly type: string;
  /** Absent where a destination has no cheap place for it. A courtesy: the base of a package decides (law 11). */
  readonly reservations?: LoadReservations;
  /**
   * Where a destination lies that is bound to a disk (a file): a text that is the same for every host that sees that
   * same disk, and differs for another one of the same path. Absent: every host reaches it.
   * @param told a sentence for people when the disk's text came with a copy and was renewed
   * @throws TidemarkError DESTINATION_DENIED
   */
  place?(told?: (note: string) => void): Promise<string>;
  readonly capabilities: DestinationCapabilities;
  readonly identity: DestinationIdentity;
  /**
   * Opens a session, waiting for its turn where there is one writer only (law 6).
   * @throws TidemarkError DESTINATION_BUSY (transient), DESTINATION_DENIED (terminal)
   */
  open(options: OpenDestinationOptions): Promise<DestinationSession>;
  /**
   * Holds the destination's turn while another program (dbt) has it open; absent where everybody may come at once.
   * @throws TidemarkError DESTINATION_BUSY
   */
  withTurn?<T>(options: OpenDestinationOptions, work: () => Promise<T>): Promise<T>;
  /**
   * What this destination's own parser says against a SELECT, offline; undefined: nothing. Absent where there is no parser
   * at hand.
   */
  selectProblem?(sql: string): Promise<string | undefined>;
  /** Tries what a load needs; absent where opening is all there is to try. Leaves nothing behind. */
  checkAccess?(
    options: OpenDestinationOptions,
    names: Pick<LoadPlan, "dataset" | "staging_dataset">,
  ): Promise<AccessFinding[]>;
}

/** What the worker knows besides the spec. */
export interface Surroundings {
  env: { readonly [name: string]: string | undefined };
  /** The project's folder, from which relative paths count. */
  cwd: string;
  /** Folder of the files that are made where nothing else is said. */
  home: string;
}

/** A value that dlt looks up below `destination.<name>` when code leaves it out (dlt: configuration/resolve.py). */
export interface DestinationSetting {
  key: string;
  /** The option that it fills, or a path into it with dots; default: the key. Filled ones stay as they are. */
  option?: string;
  /** dlt's section of the config itself, e.g. `credentials`. */
  within?: string;
  kind: "text" | "integer" | "boolean" | "list" | "object" | "any";
  /** Must not stand in config.toml. */
  secret?: boolean;
  /** Written as a reference: the worker looks it up at use. */
  reference?: boolean;
  /** The option's value from what was found; undefined: it is not meant for this destination. @throws TidemarkError SPEC_INVALID */
  parse?(value: Json, name: string): Json | undefined;
}

/** One thing that the doctor looked at. */
export interface Finding {
  name: string;
  ok: boolean;
  /** Never a value of a variable that may be secret. */
  detail: string;
  /** What to do where it is not ok. */
  fix?: string;
  /** Not ok, and yet no failure. */
  isWarning?: true;
}

export interface ProjectLook {
  cwd: string;
  env: Record<string, string>;
  /** The network may be used. */
  online: boolean;
  findProgram(name: string): string | undefined;
}

export interface DbtVariables {
  [name: string]: string;
}

/** How dbt comes to this destination. */
export interface DbtAdapter {
  /** The adapter's Python package; the dbt profile's output has the destination's name. */
  distribution: string;
  /** Which of set-up's Python environments has it (setup/requirements-<venv>.txt), and the command that makes it. */
  venv: string;
  setup: string;
  /** Variables that the profile reads, secrets included: the only way in for them. @param spec with its secrets looked up */
  environment(spec: DestinationSpec): DbtVariables | Promise<DbtVariables>;
  /** The database as dbt's manifest names it; undefined: not known here. */
  database(spec: DestinationSpec): string | undefined;
  /** More packages whose versions matter, and what they say: those that do not work with the worker. */
  packages?: readonly string[];
  findings?(versions: { [distribution: string]: string | null }): Finding[];
}

/** One row in registry.ts per destination type. Cheap to load: drivers are loaded when a session is opened. */
export interface DestinationType {
  readonly type: string;
  /** Shape of its part of a spec document, `type` included; secrets may be literals or references there. */
  readonly shape: z.ZodObject;
  /** Key `destination` of a spec in YAML, for the reference page; a test checks it. */
  readonly example: string;
  /** What the rest of the spec document may not hold with this destination. */
  conflicts?(document: JsonObject): { path: string[]; message: string }[];
  /** What may be left out of a spec because dlt would look it up by name, in order. */
  readonly settings: readonly DestinationSetting[];
  /** Words for `load_mode` of a run or spec; absent: there is one way only. */
  readonly loadModes?: readonly string[];
  /**
   * Fills in defaults and what the environment has. Secrets become references.
   * @param file the spec's file; absent for an inline spec, whose literals would stand in history
   * @throws TidemarkError SPEC_INVALID naming all that is missing, SPEC_HOLDS_SECRET
   */
  resolve(given: JsonObject, around: Surroundings, file: string | undefined): DestinationSpec;
  /** A destination that is a file: where it is by default, and the variable that says so. */
  defaultFile?(around: Surroundings): { path: string; variable: string };
  readonly dbt: DbtAdapter;
  /** Its sessions have `generations`: dbt's candidates can be published. */
  readonly publishes?: true;
  /** Whether the environment has what a spec without options needs; offline. */
  checkEnvironment(around: Surroundings): Omit<Finding, "name">;
  /** Files of the project that belong to the destination. */
  checkProject?(look: ProjectLook): Promise<Finding[]>;
  create(spec: DestinationSpec): Destination;
  /** Ends what its sessions share, for a process that is about to end. */
  close?(): Promise<void>;
}
