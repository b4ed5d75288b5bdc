/**
 * Databricks' errors, sorted once. Its messages quote values of rows ("The value 'abc' of the type STRING cannot be
 * cast"), so nothing of them is passed on but error class, SQLSTATE and names of tables, columns and privileges; for
 * the same reason the vendor's error is never the `cause`.
 */
import { type ErrorCode, TidemarkError } from "../../pipeline/errors";

/** What may be repeated inside the activity. */
export type Repeat =
  /** The session is gone; another one may answer. */
  | "session"
  /** Another writer was faster; Delta asks to repeat. */
  | "conflict"
  /** The server could not be reached or is starting. */
  | "connection";

export class DatabricksError extends TidemarkError {
  constructor(
    code: ErrorCode,
    message: string,
    /** Databricks' error class, e.g. TABLE_OR_VIEW_NOT_FOUND; "" when it gave none. */
    readonly condition: string,
    readonly repeat?: Repeat,
    retryAfterMs?: number,
  ) {
    super(code, message, retryAfterMs === undefined ? {} : { retryAfterMs });
  }
}

export interface ErrorContext {
  /** The warehouse, as the user knows it: host and path. */
  where: string;
  /** What was being done, e.g. `loading table "orders"`. */
  doing: string;
}

/** Any error of the driver, of HTTP or of the server. A TidemarkError stays as it is. */
export function sortError(error: unknown, context: ErrorContext): TidemarkError {
  if (error instanceof TidemarkError) return error;
  const message = messageOf(error);
  const condition = /\[([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)?)\]/.exec(message)?.[1] ?? "";
  const failed = `Databricks ${context.where}, ${context.doing}: `;
  for (const rule of RULES) {
    // names and values of users are in what the server says of a statement, and may be called "timeout"
    const match = rule.test.exec(rule.ofTheRoad && condition !== "" ? condition : message);
    if (match) return new DatabricksError(rule.code, failed + rule.say(match), condition, rule.repeat);
  }
  const status = statusOf(error);
  if (status !== undefined) return httpError(status, failed, condition);
  const state = /SQLSTATE: (\w{5})/.exec(message)?.[1];
  const known = [condition, state && `SQLSTATE ${state}`].filter(Boolean).join(", ");
  return new DatabricksError(
    "DESTINATION_REFUSED",
    `${failed}the warehouse refused the statement${known ? ` (${known})` : ""}. Its query history shows the details.`,
    condition,
  );
}

/** A table, schema or volume that the statement names is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof DatabricksError && MISSING.test(error.condition);
}

/** Not even the schema is there: what is to be made in it cannot be. */
export function isSchemaMissing(error: unknown): boolean {
  return error instanceof DatabricksError && error.condition.startsWith("SCHEMA_NOT_FOUND");
}

export function isDenied(error: unknown): boolean {
  return error instanceof DatabricksError && error.code === "DESTINATION_DENIED";
}

export function isSuperseded(error: unknown): boolean {
  return error instanceof TidemarkError && error.code === "LOAD_SUPERSEDED";
}

/** The server says so, and cannot say by what. */
export function isAssertionFailed(error: unknown): boolean {
  return error instanceof DatabricksError && isSuperseded(error);
}

export function isRefused(error: unknown): boolean {
  return error instanceof DatabricksError && error.code === "DESTINATION_REFUSED";
}

/** Staged files are not where they were put, or not readable. */
export function isStagedFileGone(error: unknown): boolean {
  return error instanceof DatabricksError && STAGED_GONE.test(error.condition);
}

/** A value did not fit the type of its column. */
export function isMisfit(error: unknown): boolean {
  return error instanceof DatabricksError && MISFIT.test(error.condition);
}

/** The server does not know SQL scripting, or not for this statement. */
export function isScriptRefused(error: unknown): boolean {
  return error instanceof DatabricksError && /^(PARSE_SYNTAX_ERROR|.*SCRIPT.*)/.test(error.condition);
}

const MISSING = /^(TABLE_OR_VIEW_NOT_FOUND|SCHEMA_NOT_FOUND|DELTA_TABLE_NOT_FOUND|DELTA_PATH_DOES_NOT_EXIST)/;
const STAGED_GONE =
  /^(?!FAILED_READ_FILE\.PARQUET_COLUMN_DATA_TYPE_MISMATCH)(PATH_NOT_FOUND|UC_VOLUME_NOT_FOUND|VOLUME_NOT_FOUND|RESOURCE_DOES_NOT_EXIST|FAILED_READ_FILE|CANNOT_READ_FILE|UNABLE_TO_INFER_SCHEMA|CANNOT_READ_FILE_FOOTER)/;
const MISFIT =
  /^(CAST_INVALID_INPUT|CAST_OVERFLOW|CAST_OVERFLOW_IN_TABLE_INSERT|NUMERIC_VALUE_OUT_OF_RANGE|ARITHMETIC_OVERFLOW|INVALID_PARAMETER_VALUE|MALFORMED_RECORD_IN_PARSING|DATETIME_OVERFLOW|FAILED_READ_FILE\.PARQUET_COLUMN_DATA_TYPE_MISMATCH)/;

interface Rule {
  test: RegExp;
  code: ErrorCode;
  repeat?: Repeat;
  /** About the way to the server: a message with an error class is about a statement, and only its class is tested. */
  ofTheRoad?: true;
  say(match: RegExpExecArray): string;
}

const LACKING = /does not have (?:the )?([A-Z_ ]{3,40}?) (?:privilege )?on ([A-Za-z]+ '[^'\s]{1,800}')/;
const NAME = "(`[^`\\s]{1,255}`(?:\\.`[^`]{1,255}`){0,2})";

/** In this order: the first that matches decides. */
const RULES: readonly Rule[] = [
  {
    test: /Invalid ?SessionHandle|session was closed or has expired|SESSION_NOT_FOUND|INVALID_HANDLE/i,
    ofTheRoad: true,
    code: "DESTINATION_UNAVAILABLE",
    repeat: "session",
    say: () => "the session expired. The step is tried again.",
  },
  {
    test: /\[DELTA_CONCURRENT_\w+|Concurrent(?:Append|DeleteRead|DeleteDelete|Transaction|Write)Exception|\[DELTA_METADATA_CHANGED|MetadataChangedException|\[DELTA_PROTOCOL_CHANGED|ProtocolChangedException|\[CONCURRENT_/,
    code: "DESTINATION_UNAVAILABLE",
    repeat: "conflict",
    say: () => "another writer changed the table at the same time. The statement is tried again.",
  },
  {
    test: /\[USER_RAISED_EXCEPTION\].*tidemark: load superseded/s,
    code: "LOAD_SUPERSEDED",
    say: () =>
      "another run or engine committed a load of this pipeline since the load package was begun, or the destination was " +
      "put back. Its rows are extracted again.",
  },
  {
    // every CREATE of ours is IF NOT EXISTS: this is a race of two first loads into one dataset
    test: /\[(?:TABLE_OR_VIEW_ALREADY_EXISTS|SCHEMA_ALREADY_EXISTS|DELTA_TABLE_ALREADY_EXISTS|DELTA_CREATE_TABLE_WITH_NON_EMPTY_LOCATION)\]/,
    code: "DESTINATION_UNAVAILABLE",
    repeat: "conflict",
    say: () => "another writer is creating the same table. The statement is tried again.",
  },
  {
    test: /TEMPORARILY_UNAVAILABLE|warehouse is (?:starting|stopped|stopping)|Cluster .{0,80}(?:is starting|not running|terminated)|RESOURCE_EXHAUSTED|too many (?:queries|requests)/i,
    ofTheRoad: true,
    code: "DESTINATION_UNAVAILABLE",
    repeat: "connection",
    say: () => "the warehouse is not ready. The step is tried again.",
  },
  {
    test: /ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN|socket hang up|Premature close|other side closed|timed? ?out/i,
    ofTheRoad: true,
    code: "DESTINATION_UNAVAILABLE",
    repeat: "connection",
    say: match => `no connection (${match[0]}). The step is tried again.`,
  },
  {
    test: /ENOTFOUND/,
    ofTheRoad: true,
    code: "DESTINATION_DENIED",
    say: () => "the host is not known. Correct server_hostname (DATABRICKS_HOST).",
  },
  {
    test: /self[- ]signed certificate|unable to (?:verify|get local issuer)|CERT_|ERR_TLS/i,
    ofTheRoad: true,
    code: "DESTINATION_DENIED",
    say: () =>
      "its certificate is not trusted. Set ca_file to the authority's PEM file, or NODE_EXTRA_CA_CERTS.",
  },
  {
    test: /invalid_client|Client authentication failed/,
    ofTheRoad: true,
    code: "DESTINATION_DENIED",
    say: () =>
      "the service principal was refused. Check client_id and client_secret (DATABRICKS_CLIENT_ID, DATABRICKS_CLIENT_SECRET).",
  },
  {
    test: /Invalid access token|\b401\b|UNAUTHENTICATED/,
    ofTheRoad: true,
    code: "DESTINATION_DENIED",
    say: () =>
      "the access token was refused: it is wrong, expired or of another workspace. Make a new one and set it where the worker runs.",
  },
  {
    test: /\[NO_SUCH_CATALOG_EXCEPTION|CATALOG_DOES_NOT_EXIST|Catalog '([^']{1,255})' (?:was )?not found/,
    code: "DESTINATION_DENIED",
    say: () =>
      "there is no such catalog, or the principal has no USE CATALOG on it. Correct `catalog` (DATABRICKS_CATALOG).",
  },
  {
    test: /INSUFFICIENT_PERMISSIONS|PERMISSION_DENIED|UNAUTHORIZED_ACCESS|does not have (?:the )?[A-Z_ ]{3,40} (?:privilege )?on|SQLSTATE: 42501/,
    code: "DESTINATION_DENIED",
    say: ({ input }) => {
      const [, privilege, object] = LACKING.exec(input) ?? [];
      return privilege === undefined
        ? "the principal lacks a privilege. Grant USE CATALOG, USE SCHEMA, CREATE TABLE, SELECT, MODIFY, and READ VOLUME and " +
            "WRITE VOLUME on the dataset."
        : `the principal lacks ${privilege.trim()} on ${object}. Grant it; nothing was changed by this statement.`;
    },
  },
  {
    test: /\[(?:UC_VOLUME_NOT_FOUND|VOLUME_NOT_FOUND|PATH_NOT_FOUND)\]/,
    code: "DESTINATION_UNAVAILABLE",
    say: () => "a staged file or its Volume is gone. The files are staged again.",
  },
  {
    test: new RegExp(`\\[(?:TABLE_OR_VIEW_NOT_FOUND|SCHEMA_NOT_FOUND|DELTA_TABLE_NOT_FOUND)\\][^\`]*${NAME}`),
    code: "DESTINATION_REFUSED",
    say: match =>
      `${match[1]} is not there. It was dropped by hand (restore it by UNDROP TABLE, or run once with ` +
      "`refresh: drop_resources`), or a merge condition of the spec names a wrong one.",
  },
  {
    test: /\[(?:DELTA_)?NOT_NULL_CONSTRAINT_VIOLATED[^\]]*\].*?column:? `?([^\s`.]{1,255})|NOT NULL constraint violated for column: `?([^\s`.]{1,255})/s,
    code: "DESTINATION_REFUSED",
    say: match =>
      `a row has no value in the NOT NULL column "${match[1] ?? match[2]}". Make the column nullable or drop such rows in ` +
      "the source.",
  },
  {
    test: /\[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES\].{0,40}CHECK constraint (\w{1,255})|\[CHECK_CONSTRAINT_VIOLATION\]/,
    code: "DESTINATION_REFUSED",
    say: match =>
      `a row breaks the CHECK constraint${match[1] ? ` "${match[1]}"` : ""} that somebody put on the table. Drop the constraint, or ` +
      "correct the rows in the source.",
  },
  {
    test: /\[DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE\]|MERGE_CARDINALITY_VIOLATION/,
    code: "DESTINATION_REFUSED",
    say: () =>
      "several rows of the load have the primary key of one row of the table. Remove the duplicates in the source, or use " +
      "the merge strategy delete-insert.",
  },
  {
    // files of one table differ in a column's type only where values did not fit the type of the others
    test: /\[(?:FAILED_READ_FILE\.PARQUET_COLUMN_DATA_TYPE_MISMATCH|CAST_INVALID_INPUT|CAST_OVERFLOW|CAST_OVERFLOW_IN_TABLE_INSERT|NUMERIC_VALUE_OUT_OF_RANGE|ARITHMETIC_OVERFLOW|DATETIME_OVERFLOW|MALFORMED_RECORD_IN_PARSING)[.\]]/,
    code: "DESTINATION_REFUSED",
    say: () => "a value does not fit the type of its column. Give the column a wider type by a hint.",
  },
  {
    test: /\[(?:DELTA_FAILED_TO_MERGE_FIELDS|DELTA_MERGE_INCOMPATIBLE_DATATYPE|COPY_INTO_SCHEMA_MISMATCH_WITH_TARGET_TABLE|DATATYPE_MISMATCH)[.\]]/,
    code: "DESTINATION_REFUSED",
    say: () =>
      "a column of the table has another type than the schema says; it was changed by hand. Restore it, or load once " +
      "with `refresh: drop_resources`.",
  },
  {
    test: /\[UNRESOLVED_COLUMN[^\]]*\][^`]*`([^`]{1,255})`|\[DELTA_MERGE_UNRESOLVED_EXPRESSION\][^`]*?([\w.]{1,255}) in/,
    code: "DESTINATION_REFUSED",
    say: match =>
      `there is no column "${match[1] ?? match[2]}". Correct the merge condition in the spec, or restore the column.`,
  },
  {
    test: /\[(?:FAILED_READ_FILE|CANNOT_READ_FILE)|is not a Parquet file|CANNOT_READ_FILE_FOOTER/,
    code: "DESTINATION_UNAVAILABLE",
    say: () => "a staged file is not readable. The files are staged again.",
  },
  {
    test: /\[PARSE_SYNTAX_ERROR\]/,
    code: "DESTINATION_REFUSED",
    say: () => "the statement cannot be read. Check `source_filter` and `destination_scope` of the spec.",
  },
  {
    test: /\[DATA_SOURCE_NOT_FOUND\].*iceberg/is,
    code: "DESTINATION_UNSUPPORTED",
    say: () => "the server has no Iceberg. Managed Iceberg tables need Unity Catalog; drop `table_format`.",
  },
];

/** @param failed begin of the message */
export function httpError(status: number, failed: string, condition = ""): DatabricksError {
  if (status === 401 || status === 403) {
    return new DatabricksError(
      "DESTINATION_DENIED",
      `${failed}access was refused (HTTP ${status}). The token is wrong or expired, or its principal may not use the warehouse ` +
        "(CAN USE) or the Volume (READ VOLUME, WRITE VOLUME).",
      condition,
    );
  }
  if (status === 404 || status === 400) {
    return new DatabricksError(
      "DESTINATION_DENIED",
      `${failed}there is no such warehouse (HTTP ${status}). Correct http_path (DATABRICKS_HTTP_PATH); it stands in the warehouse's ` +
        "connection details.",
      condition,
    );
  }
  return new DatabricksError(
    "DESTINATION_UNAVAILABLE",
    `${failed}HTTP ${status}. The step is tried again.`,
    condition,
    "connection",
  );
}

function statusOf(error: unknown): number | undefined {
  const e = error as { statusCode?: unknown; payload?: { response?: { status?: unknown } } } | undefined;
  const status = e?.statusCode ?? e?.payload?.response?.status;
  return typeof status === "number" && status >= 400 ? status : undefined;
}

function messageOf(error: unknown): string {
  if (typeof error !== "object" || error === null) return String(error);
  const { code, message, displayMessage } = error as {
    code?: unknown;
    message?: unknown;
    displayMessage?: unknown;
  };
  return [typeof code === "string" ? code : "", message ?? "", displayMessage ?? ""].join(" ").trim();
}
