/**
 * Two kinds of error, sorted once at the vendor's door:
 *   terminal  - repeating the step cannot help; the message says what to do
 *   transient - repeating may help (timeouts, 429/5xx, lost connections, a locked file)
 *
 * Rules for messages: what was tried, on which resource or table, what the vendor said, what to do next.
 * Never a secret, never a value of a row (messages enter Temporal history).
 */
import type { Step } from "./names";

export type ErrorKind = "terminal" | "transient";

/**
 * Stable codes. Each comment is the manual page: cause, and what to do.
 * Kept in groups by area; add yours to its group.
 */
export const ERROR_KINDS = {
  // ---- spec
  /** The pipeline spec has problems; all are listed with their paths. Correct the spec. */
  SPEC_INVALID: "terminal",
  /** No pipeline of that name in `pipelines/`, nor a file at that path. */
  SPEC_NOT_FOUND: "terminal",
  /** A spec that reached the server holds a literal secret. Rotate that secret, then name an environment variable. */
  SPEC_HOLDS_SECRET: "terminal",
  /** A spec names an environment variable that the worker does not have. Set it where the worker runs. */
  SECRET_MISSING: "terminal",

  /** A TypeScript file of the project, and nothing that reads it: install tsx there, or use Node 22.18 or newer. */
  TYPESCRIPT_UNREADABLE: "terminal",
  /** tidemark.config (or key `tidemark` of package.json) does not parse, or says what nobody knows. Correct it. */
  PROJECT_FILE_INVALID: "terminal",
  /** `tidemark init --template`: there is none of that name; the message lists them. */
  TEMPLATE_UNKNOWN: "terminal",
  /** `tidemark init` writes into an empty folder only: nothing of yours is written over. Name another folder. */
  FOLDER_NOT_EMPTY: "terminal",

  // ---- worker

  // ---- worker
  /** A project folder that is not there, or whose `.tidemark` cannot be written. */
  PROJECT_UNUSABLE: "terminal",
  /** The plugin twice in one worker, or in two workers of one process that share a package folder. Give it to one. */
  PLUGIN_TWICE: "terminal",
  /** Another copy or an older version of @temporalio packages than the worker's. Keep one: `npm ls @temporalio/worker`. */
  SDK_MISMATCH: "terminal",
  /** An activity or a workflow of the worker's owner has a name of ours. Rename it, or export our workflow under another. */
  NAME_TAKEN: "terminal",
  /** The worker's workflow code has no workflow of Tidemark: `export * from "tidemark/workflows"` there. */
  WORKFLOWS_MISSING: "terminal",
  /** A spec names a source that the worker was not given: add it to `sources`. */
  SOURCE_NOT_REGISTERED: "terminal",

  // ---- sources: http
  /** The host could not be reached or did not answer in time. Retried. */
  HTTP_UNREACHABLE: "transient",
  /** The host's name is not known. Check base_url; three attempts, since name services recover. */
  HTTP_HOST_UNKNOWN: "terminal",
  /** The server's certificate is not trusted, or ours is not: the message says which setting helps. */
  HTTP_TLS: "terminal",
  /** 429, a rate limit told as 403, or 5xx after all HTTP attempts. Retried by the activity, Retry-After respected. */
  HTTP_RETRYABLE_STATUS: "transient",
  /** 401 or 403. Check the credentials the message names. */
  HTTP_UNAUTHORIZED: "terminal",
  /** Another 4xx. Check path and params. */
  HTTP_STATUS: "terminal",
  /** The body is not JSON; the message names what came. Say data_format where it is meant. */
  HTTP_BAD_JSON: "terminal",
  /** A paginator, selector or parent field asked for something the response does not have. */
  SOURCE_BAD_RESPONSE: "terminal",

  // ---- sources: sql
  /** The database refused or dropped the connection. Retried. */
  SQL_CONNECTION: "transient",
  /** Wrong user or password, or no such database. */
  SQL_UNAUTHORIZED: "terminal",
  /** A connection parameter that is unknown or not supported, or a host, file or certificate that is not as it says. */
  SQL_SETTINGS: "terminal",
  /** Missing table or column, or bad SQL. */
  SQL_QUERY: "terminal",
  /** A column of a type that cannot be taken; the message names it and the way out. */
  SQL_TYPE: "terminal",

  // ---- sources: code
  /** A registered generator threw. */
  SOURCE_CODE_FAILED: "terminal",

  // ---- sources: dlt
  /** No Python to run a dlt project with. Make a .venv beside the project, or name one by source.python. */
  PYTHON_MISSING: "terminal",
  /** A package that the dlt project needs is not there, or could not be installed; the message names it. */
  PYTHON_REQUIREMENTS: "terminal",
  /** The project's Python has no dlt, another module of that name, or one that is too old. */
  PYTHON_DLT: "terminal",
  /** The module, its function, or what it gives is not what the spec says; the message says what is there. */
  PYTHON_SOURCE: "terminal",
  /** A connection failed, or a service answered that it is busy, while Python extracted. Retried. */
  PYTHON_SOURCE_UNAVAILABLE: "transient",
  /** Python was killed, or ended without a word. Retried. */
  PYTHON_DIED: "transient",
  /** Python was silent, or worked, for longer than the spec allows. */
  PYTHON_TIMEOUT: "terminal",
  /** Python used more memory than the spec allows, or than there was. */
  PYTHON_MEMORY: "terminal",

  // ---- extract
  /** A row has no cursor value, or null, and `on_cursor_value_missing` is `raise`. */
  CURSOR_VALUE_MISSING: "terminal",
  /** Cursor values of different types. */
  CURSOR_TYPE: "terminal",
  /** A row lacks a field of the key that rows at the cursor's boundary are told apart by. Name keys that every row has. */
  DEDUP_KEY_MISSING: "terminal",
  /** An integer beyond 64 bits (dlt refuses it at extract too). Send it as text. */
  INTEGER_TOO_LARGE: "terminal",
  /** A row that no file can carry: nested without end, or text with half of a surrogate pair. */
  ROW_NOT_STORABLE: "terminal",

  // ---- normalize
  /** A schema contract in mode `freeze` refused new tables, columns or types (dlt: DataValidationError). */
  CONTRACT_VIOLATION: "terminal",
  /** A value could not be coerced, not even into a variant column. */
  CANNOT_COERCE: "terminal",
  /** Null in a NOT NULL column (dlt: CannotCoerceNullException). */
  NULL_IN_KEY: "terminal",
  /** A name that is empty after normalisation. */
  BAD_IDENTIFIER: "terminal",

  // ---- package
  /** Files of a load package are missing: the worker that held them is gone, or they were removed. */
  PACKAGE_LOST: "transient",
  /**
   * A file of a load package does not parse or has another shape; the message names it. It was cut short by a crash of
   * the machine, changed by hand, or copied from another version. `tidemark abort-packages` drops the package: the
   * cursor had not moved, so the next run extracts its rows again.
   */
  PACKAGE_DAMAGED: "terminal",
  /** The disk is full, or a quota is used up. Free space under the package root. */
  DISK_FULL: "transient",
  /** The disk or the mount of the package root fails (EIO, ESTALE, ENXIO, ENOTCONN). Retried; look at the mount. */
  DISK_FAILED: "transient",
  /** The package root cannot be read or written. Give the worker a folder that it may write. */
  PACKAGE_DENIED: "terminal",

  // ---- destination
  /** Another process holds the DuckDB file, or a reader what is to be published; the message names it. Retried. */
  DESTINATION_BUSY: "transient",
  /** The destination cannot be opened or written. */
  DESTINATION_UNAVAILABLE: "transient",
  /** Wrong path, read-only file or folder, missing permission. */
  DESTINATION_DENIED: "terminal",
  /** The destination refused the rows or the statement. */
  DESTINATION_REFUSED: "terminal",
  /**
   * Another run committed a load of this pipeline after this package was begun: loading it would double or set back
   * rows. The package is dropped and its rows are extracted again, by this run or the next.
   */
  LOAD_SUPERSEDED: "terminal",
  /**
   * Some tables may hold part of a load package's rows, so that dropping it would load them twice. Run the pipeline, which
   * finishes it, or drop it all the same by `abort-packages --force`.
   */
  PACKAGE_PARTLY_LOADED: "terminal",
  /** The file is on another host than this one; the message names it. Waited for. */
  DESTINATION_ELSEWHERE: "transient",
  /** The destination cannot do what the spec asks (for example a merge strategy). */
  DESTINATION_UNSUPPORTED: "terminal",
  /** The stored schema or state, or a load package, was written by a newer engine than this one reads. */
  ENGINE_TOO_OLD: "terminal",

  // ---- transform and gate
  /** dbt is not installed where the worker runs; the message says how to set it up. */
  DBT_MISSING: "terminal",
  /** dbt did not get as far as running nodes: parse or compile error, bad profile. */
  DBT_COMPILE: "terminal",
  /** dbt crashed, was killed or hung. Retried. */
  DBT_CRASHED: "transient",
  /**
   * A test of dbt's with severity error failed, or a node could not be built, and the pipeline has no gate to judge it.
   * The load is committed. Correct the data or the test, and run again; `gate: {}` in the spec adds a decision with reasons.
   */
  DBT_TESTS_FAILED: "terminal",
  /** The database refused the SQL of a model: a misspelt column, table or function. Correct the model. */
  DBT_SQL: "terminal",
  /** `dbt deps` failed: a package hub or git does not answer, or packages.yml names what is not there. Retried. */
  DBT_PACKAGES: "transient",
  /**
   * A candidate cannot be built or made live: a schema of its name that is not ours, objects in it that dbt did not build,
   * a materialization or a destination that knows no candidates, a generation that is gone or overtaken. Readers keep the
   * live generation. The message says which, and what to do.
   */
  PUBLISH_REFUSED: "terminal",
  /** dbt reads another schema than the one this pipeline loads into. */
  DBT_SCHEMA_MISMATCH: "terminal",
  /** run_results or metrics files are missing, not readable, too old or of another run; the message says which. */
  GATE_INPUT: "terminal",
  /**
   * The SELECT of a metric cannot be run, or gives text, several rows or several columns; the message names the metric.
   * Correct `gate.metrics` in the spec.
   */
  GATE_METRIC: "terminal",
  /**
   * The gate's decision is `block`. The load is committed; the failure's details hold score, reasons and the packet's
   * path. Mend what the reasons name and run again. `gate.fail_on_block: false` ends such runs as completed.
   */
  GATE_BLOCKED: "terminal",

  // ---- notices
  /** A webhook answered 5xx or 429, hung, or was not reached; a command failed. Retried; no run fails for it. */
  NOTICE_FAILED: "transient",
  /** A webhook refused the notice or is no URL, or a command could not be started. No run fails for it. */
  NOTICE_REFUSED: "terminal",

  // ---- drill
  /** A drill could not be done: the pipeline fails without faults too, or a dataset of an earlier drill is in the way. */
  DRILL_FAILED: "terminal",

  // ---- run
  /** What was asked for needs that no load of the pipeline runs, and one does. Wait for it, or cancel it. */
  LOAD_RUNNING: "terminal",
  /** Nobody serves a task queue that the run needs; the message names it and says which command serves it. */
  QUEUE_NOT_SERVED: "transient",
  /**
   * A workflow or schedule of that id exists and was not made by Tidemark (by workflow type and memo): it was not touched.
   * Choose another id (`--workflow-id`), or another namespace.
   */
  NOT_OURS: "terminal",
  /** A worker here would take workflow tasks of somebody else's worker. Give Tidemark a task queue of its own. */
  QUEUE_OF_OTHERS: "terminal",
  /** Nothing waits for a review, or the decision is none; the message says which. */
  REVIEW_REFUSED: "terminal",
  /** There is no run or schedule of that id. */
  RUN_NOT_FOUND: "terminal",
  /**
   * The server's payloads cannot be decoded here: they were written with a codec or converter that this client does not
   * have, or with another key. Name the one that the workers use (`dataConverter` in tidemark.config, or
   * TIDEMARK_DATA_CONVERTER).
   */
  PAYLOAD_UNREADABLE: "terminal",
  /** Workers of one task queue would load into different files under one name. Give each its own task queue, or one file. */
  HOSTS_DISAGREE: "transient",
  /** A step ended its worker process again and again at the same place (memory?). Give the worker more, or smaller pages. */
  WORKER_DIES: "terminal",
  /** The worker stops; the step goes on elsewhere, or here once it is back. */
  WORKER_STOPPING: "transient",
  /** A backfill request that cannot be run; the message says why and what is valid. */
  BACKFILL_REFUSED: "terminal",
  /** A bug in Tidemark. Please report it. */
  INTERNAL: "terminal",
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_KINDS;

export interface TidemarkErrorOptions {
  /** The step that failed; filled in at the activity door when absent. */
  step?: Step;
  /** Wait at least this long before the next attempt (HTTP Retry-After), in milliseconds. */
  retryAfterMs?: number;
  /** Name of the corresponding dlt exception, where there is one (e.g. "DataValidationError"). */
  dltException?: string;
  cause?: unknown;
}

/** The one error class that rooms throw on purpose. Its message is fit for history: no secret, no row value. */
/** A second copy of this package, in a repository that has two, throws errors that are known all the same. */
const MARK = Symbol.for("tidemark.error");

export class TidemarkError extends Error {
  readonly [MARK] = true;
  readonly kind: ErrorKind;
  readonly step?: Step;
  readonly retryAfterMs?: number;
  readonly dltException?: string;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: TidemarkErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "TidemarkError";
    this.kind = ERROR_KINDS[code];
    this.step = options.step;
    this.retryAfterMs = options.retryAfterMs;
    this.dltException = options.dltException;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    // Its subclasses are told apart as usual.
    // biome-ignore lint/complexity/noThisInStatic: the class that is asked for
    if (this !== TidemarkError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === "object" && value !== null && (value as { [MARK]?: unknown })[MARK] === true;
  }
}
