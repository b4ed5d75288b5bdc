/**
 * What the steps report: counts, names, cursors, decisions. No rows, no secrets (design law 1).
 * These shapes are recorded in histories: only ever add optional fields.
 */
import type { CursorInfo, CursorType } from "./cursor";
import type { Step } from "./names";
import type { SearchAttributeName } from "./search-attributes";
import type {
  BackfillRequest,
  DestinationSpec,
  MergeStrategy,
  ResolvedPipeline,
  WriteDispositionName,
} from "./spec";

/** Task queues of one host: of all workers that share a package root. */
export interface HostQueues {
  /** For people: the name of the machine that said so. */
  host: string;
  /** Steps that need the package or the host's file, but for those of the other queues. */
  disk: string;
  extract: string;
  dbt: string;
  /** Carries the activity by which a host proves that it lives; never waits behind work. */
  lease: string;
}

/** Memo of workflow `load`: where its package is, for the run that comes after a failed one. */
export interface LoadMemo {
  load_id: string;
  host: HostQueues;
  place?: string;
}

/** Workflow `hostPackages`: what is asked of the host that holds a pipeline's packages. */
export interface PackagesRequest {
  host: HostQueues;
  pipeline_name: string;
  /** As stored. */
  dataset: string;
  fingerprint: string;
  load_workflow_id: string;
  /** Present: what is pending is dropped; `force`: also what had begun to load, or may be another server's. */
  drop?: { force?: boolean };
}

export interface PackagesAnswer {
  pending: { load_id: string; state: string }[];
  /** A sentence for each package that cannot be read. */
  unreadable: string[];
  dropped: string[];
  /** Not dropped, as a run of another server or namespace may be at it. */
  kept: { load_id: string; owner: string }[];
}

/** What the memo of a run or of a schedule says. */
export interface RunMemo {
  /** The spec's name or path as it was asked for, or an inline spec's `pipeline_name`. */
  pipeline: string;
}

export interface ResolvedRun {
  spec: ResolvedPipeline;
  /** Task queue of the host that resolved the run; dbt and gate run there. */
  queue: string;
  /** The same host's queues by kind of work. */
  host?: HostQueues;
  /** Another host, which holds what the last load left, or the destination's file. */
  holder?: HostQueues;
  /** Set where the destination lies on a host's disk: only hosts with the same place may load, transform and judge. */
  place?: string;
  /** "package": one transaction for all chains, state and the load's row. */
  commits: "package" | "chain";
  /** Files must be staged before they can be loaded: a step of its own. */
  needs_staging: boolean;
  /** Lock of law 6: the load child's workflow id. */
  load_workflow_id: string;
  /** Under which workflow type this worker has `load`, where its owner gave it another name. */
  load_workflow?: string;
  /** Resources in topological order with what the workflow needs for routing. */
  resources: ResourcePlan[];
  warnings: string[];
  /** Those that the namespace knows; absent in answers of before there were any. */
  search_attributes?: SearchAttributeName[];
}

/** What the workflow may know of a resource: enough to route, and to judge a backfill request. */
export interface ResourcePlan {
  name: string;
  /** Name of the parent resource it resolves from, if any. */
  parent?: string;
  selected: boolean;
  cursor_path?: string;
  /** dlt type of the cursor as far as the spec tells it (from initial_value). */
  cursor_type?: CursorType;
  /** Of the cursor, where it counts down; absent: "max". */
  last_value_func?: "min";
  disposition: WriteDispositionName;
  strategy?: MergeStrategy;
  has_merge_key?: boolean;
  has_scope?: boolean;
}

/** Names one load package; the rest is on the worker's disk. */
export interface PackageRef {
  pipeline_name: string;
  load_id: string;
}

/** The load's reservation on its destination, without its owner, which every task knows. */
export interface ReservedPlace {
  destination: DestinationSpec;
  dataset: string;
  pipeline_name: string;
}

export interface OpenedLoad {
  ref: PackageRef;
  /** Task queue of the host that holds the package (design law 10). */
  queue: string;
  host?: HostQueues;
  /** What is kept up beside the destination while the load goes on, where the destination knows such a thing. */
  reservation?: ReservedPlace;
  /** "pending": an earlier run left this package; it is loaded first and nothing is extracted (law 11). */
  outcome: "opened" | "pending";
  /** How far a pending package had come. */
  pending_state?: "extracted" | "normalized";
  /** Resources to extract, parents first; `parent` only where the parent is extracted too. */
  resources: ResourceToExtract[];
  notes: string[];
}

export interface ResourceToExtract {
  name: string;
  parent?: string;
  /** false: it takes turns with the others of its kind (dlt's default for an API); absent: the source does not mind. */
  parallelized?: boolean;
}

export interface FinishedExtract {
  /** false: an idle run; nothing is written (dlt). */
  has_work: boolean;
  cursors: CursorInfo[];
  /** The state as it stays when there is no work, and the load that it was stored with. */
  state?: StateRef;
  state_load_id?: string;
  notes: string[];
}

/** What history knows of the last run that completed (law 4). */
export interface HistoryState {
  state?: StateRef;
  load_id?: string;
}

export interface LoadRequest {
  spec: ResolvedPipeline;
  /** The destination's place: a host of another one refuses. */
  place?: string;
  history?: HistoryState;
  backfill?: BackfillRequest;
  /** Load id of this run's own package that is lost: what is left of it is dropped. */
  drop?: string;
}

export interface ExtractResourceInfo {
  resource: string;
  /** The attempt whose folder counts (law 2). */
  attempt: string;
  rows: number;
  bytes: number;
  pages: number;
  /** HTTP requests or SQL statements sent in this attempt. */
  requests: number;
  cursor?: CursorInfo;
  /** Rows taken over from an attempt that died. */
  resumed_rows?: number;
}

export interface TableRows {
  table: string;
  rows: number;
}

export interface NormalizeInfo {
  /** The attempt whose folder counts. */
  attempt: string;
  tables: TableRows[];
  files: number;
  bytes: number;
  schema_version: number;
  schema_version_hash: string;
  /** New tables and columns, "table" or "table.column". */
  schema_changes: string[];
  /** Rows that the schema contract kept out (`discard_row`); absent in results of before. */
  rejected_rows?: number;
}

export interface LoadedTable {
  table: string;
  /** Rows in the package for this table. */
  rows: number;
  inserted: number;
  updated: number;
  deleted: number;
  /** An earlier attempt had committed this load; its counts are not known any more and are 0. */
  already_loaded?: boolean;
}

export interface StateRef {
  version: number;
  version_hash: string;
  /** The state text (dlt's blob) when at most 32 KB; else only in the destination and the package. */
  blob?: string;
}

export interface LoadInfo {
  pipeline_name: string;
  dataset_name: string;
  schema_name: string;
  /** Absent when there was nothing to load (dlt: an idle run writes nothing). */
  load_id?: string;
  tables: LoadedTable[];
  cursors: CursorInfo[];
  state?: StateRef;
  /** The load in `_dlt_loads` that carries the state: another one than `load_id` for a second source of a pipeline. */
  state_load_id?: string;
  schema_version_hash?: string;
  /** This load was left pending by an earlier run and was loaded instead of extracting anew (law 11). */
  pending?: boolean;
  /** `tables`: root tables of the resource that got rows; absent in results of before it was told. */
  backfill?: { resource: string; from: string; to?: string; tables?: string[] };
  notes: string[];
  /** Rows that the schema contract kept out; absent in results of before. */
  rejected_rows?: number;
  /** New tables and columns, "table" or "table.column", at most 100; absent: none, or a result of before. */
  schema_changes?: string[];
  /** The load made the dataset: all of its schema is new. */
  first_load?: true;
  seconds: { [step: string]: number };
  /** Where the load was done. */
  host?: HostQueues;
}

export interface DbtNodeResult {
  unique_id: string;
  resource_type: string;
  status: string;
  seconds: number;
  message?: string;
  failures?: number;
  /** From the test's own `meta.expected_warning`. */
  expected_warning?: boolean;
  reason?: string;
}

/** A generation of a dbt project's objects, beside the one that readers see. */
export interface CandidateInfo {
  generation: number;
  /** The target's schema, where readers look. */
  live_schema: string;
  /** Every schema of the project has a sister with this suffix, where the candidate is. */
  suffix: string;
}

export interface PublishInfo {
  generation: number;
  /** "live": readers see it. "review": it waits for a person. "blocked": it is kept to be looked at, and swept later. */
  state: "live" | "review" | "blocked";
  /** Objects that readers see now, of all generations. */
  objects?: number;
  /** The generation that was live before. */
  previous?: number;
  notes: string[];
}

export interface DbtNodeTime {
  unique_id: string;
  status: string;
  seconds: number;
  /** Rows that a node changed, where the adapter says so. */
  rows?: number;
}

export interface DbtInfo {
  command: string;
  success: boolean;
  counts: { [status: string]: number };
  /** Everything that is not a plain success; successes are only counted. */
  findings: DbtNodeResult[];
  /** The slowest nodes first, at most 100; absent in results of before. */
  nodes?: DbtNodeTime[];
  seconds: number;
  run_results_path?: string;
  /** This attempt continued a failed one with `dbt retry`. */
  retried?: boolean;
  /** One page with the project's documentation (`docs: true`). */
  docs_path?: string;
  /** Where most of its models are: what a metric's `{{ analytics }}` stands for. */
  schema?: string;
  /** What was built is a candidate that readers do not see yet (`publish: candidate`). */
  candidate?: CandidateInfo;
  notes: string[];
}

/** What a run knows of its own load, for metrics that no query can tell. */
export interface LoadFacts {
  /** ISO time at which the load ended, also one that found nothing new. */
  loaded_at?: string;
  load_id?: string;
  /** Rows in the load's package, per table; absent: nothing was loaded. */
  tables?: TableRows[];
  /** Rows that the schema contract kept out. */
  rejected_rows?: number;
}

/** Values by the metric's name; a metric that is not here has no value. */
export interface GateMetrics {
  [metric: string]: number;
}

export interface MetricsInfo {
  values: GateMetrics;
  /** Why a metric has no value, by its name. */
  missing: { [metric: string]: string };
}

export type GateDecision = "promote" | "review" | "block";

/** One rule and what came of it. */
export interface GateCheck {
  name: string;
  decision: GateDecision;
  /** What it took from the score. */
  points: number;
  /** In words: "at least 1". */
  rule: string;
  value?: number;
  unit?: string;
  /** Absent where the rule is kept. */
  reason?: string;
}

export interface GateInfo {
  decision: GateDecision;
  score: number;
  reasons: string[];
  metrics: GateMetrics;
  /** Absent in results of before. */
  checks?: GateCheck[];
  packet_path?: string;
  resolved_by?: string;
}

export interface BackfillOutcome {
  resource: string;
  from: string;
  to?: string;
  status: "done" | "refused" | "failed" | "not_run";
  reason?: string;
  load_id?: string;
  rows?: number;
}

/** Result of workflow `pipeline`: all a scheduled successor needs to go on. */
export interface RunResult {
  pipeline_name: string;
  /** About the spec and the settings it was resolved with. */
  warnings: string[];
  load?: LoadInfo;
  backfills: BackfillOutcome[];
  freshness?: DbtInfo;
  dbt?: DbtInfo;
  gate?: GateInfo;
  publish?: PublishInfo;
  /** Cursors and state after this run, whether or not it moved them (law 4). */
  cursors: CursorInfo[];
  state?: StateRef;
  state_load_id?: string;
  /** Notices that could not be delivered, a sentence each; absent: all were. */
  undelivered?: string[];
  seconds: { [step: string]: number };
}

/** What an engine room tells while it works; becomes heartbeats and the live progress of the command line. */
export interface ProgressEvent {
  step: Step;
  /** Resource, table, dbt node, file. */
  subject?: string;
  rows?: number;
  bytes?: number;
  /** A phase inside the step, e.g. "waiting for the file", "before _dlt_loads". */
  phase?: string;
  message?: string;
  /** Nodes of a dbt command that runs. */
  nodes?: NodesProgress;
}

export interface NodesProgress {
  done: number;
  total: number;
  /** Names, the first few. */
  failed: string[];
  /** The slowest that have finished. */
  slowest: { name: string; seconds: number }[];
}
export type OnProgress = (event: ProgressEvent) => void;
