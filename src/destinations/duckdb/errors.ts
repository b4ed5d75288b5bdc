/**
 * DuckDB's errors, sorted once. Its messages quote values of rows ("Could not convert string 'abc'", "duplicate
 * key "5""), so nothing of them is passed on but the names of tables, columns, types and files; for the same
 * reason the vendor's error is never the `cause`.
 */
import { TidemarkError } from "../../pipeline/errors";

export interface ErrorContext {
  /** The database file, as the user knows it. */
  path: string;
  /** What was being done, e.g. `loading table "orders"`. */
  doing: string;
}

export interface LockHolder {
  /** Absent where the system does not tell: it is another user's. */
  program?: string;
  /** Absent where it is held from another container or, over a network, from another host. */
  pid?: string;
}

export function holderText({ program, pid }: LockHolder): string {
  if (pid === undefined) return "a program that is not of this host or container";
  return program === undefined ? `process ${pid}` : `${program} (process ${pid})`;
}

/** Who holds DuckDB's lock on the file; undefined for any other error. */
export function lockHolder(error: unknown): LockHolder | undefined {
  const message = messageOf(error);
  if (!message.includes("Could not set lock on file")) return undefined;
  const [, program, ofProgram, alone] =
    /Conflicting lock is held in (?:(.+?) \(PID (\d+)\)|PID (\d+))/.exec(message) ?? [];
  const pid = ofProgram ?? alone;
  if (pid === undefined || pid === "0") return {};
  return program === undefined ? { pid } : { program, pid };
}

export function busy(context: ErrorContext, holder: LockHolder, waitedSeconds: number): TidemarkError {
  return new TidemarkError(
    "DESTINATION_BUSY",
    `The DuckDB file ${context.path} is held by ${holderText(holder)} and did not become free in ` +
      `${waitedSeconds} s. Close that program or its connection; the step is tried again.`,
  );
}

/** Any error of DuckDB or of the file system around it. A TidemarkError stays as it is. */
export function sortError(error: unknown, context: ErrorContext): TidemarkError {
  if (error instanceof TidemarkError) return error;
  const message = messageOf(error);
  const failed = `DuckDB file ${context.path}, ${context.doing}: `;
  // the class alone ("Binder Error") is safe to tell, the rest may quote values
  const kind = /^([A-Za-z ]{3,30}) Error/.exec(message)?.[1];
  const options = kind === undefined ? {} : { dltException: `${kind.replaceAll(" ", "")}Exception` };
  for (const rule of RULES) {
    const match = rule.test.exec(message);
    if (match) return new TidemarkError(rule.code, failed + rule.say(match), options);
  }
  return new TidemarkError(
    "DESTINATION_REFUSED",
    `${failed}DuckDB refused the statement${kind ? ` (${kind} Error)` : ""}. Nothing was loaded.`,
    options,
  );
}

interface Rule {
  test: RegExp;
  code:
    | "DESTINATION_DENIED"
    | "DESTINATION_REFUSED"
    | "DESTINATION_UNAVAILABLE"
    | "DISK_FULL"
    | "PACKAGE_LOST";
  say(match: RegExpExecArray): string;
}

/** In this order: the first that matches decides. */
const RULES: readonly Rule[] = [
  {
    test: /No space left on device|ENOSPC|max_temp_directory_size|Disk quota exceeded|EDQUOT/,
    code: "DISK_FULL",
    say: () =>
      "no space is left on the disk of the file or of its .tmp folder. Free space; the step is tried again.",
  },
  {
    test: /Permission denied|EACCES|EPERM|Operation not permitted/,
    code: "DESTINATION_DENIED",
    say: () =>
      "permission denied. Give the worker's user the right to write the file and its folder, or set DUCKDB_PATH.",
  },
  {
    test: /Read-only file system|EROFS/,
    code: "DESTINATION_DENIED",
    say: () => "the file system is read-only. Choose a path that can be written (DUCKDB_PATH).",
  },
  {
    test: /read-only mode: database does not exist/,
    code: "DESTINATION_DENIED",
    say: () => "the file does not exist yet. Run a pipeline first, or correct the path (DUCKDB_PATH).",
  },
  {
    test: /attached in read-only mode/,
    code: "DESTINATION_DENIED",
    say: () => "it was opened for reading only.",
  },
  {
    test: /Is a directory|EISDIR/,
    code: "DESTINATION_DENIED",
    say: () => "the path is a folder. Name a file in it (DUCKDB_PATH).",
  },
  {
    test: /No such file or directory|ENOENT|Not a directory|ENOTDIR|EEXIST/,
    code: "DESTINATION_DENIED",
    say: () => "the folder of the file cannot be reached or created. Correct the path (DUCKDB_PATH).",
  },
  {
    test: /database file with version number (\d+)|newer version of DuckDB|storage version/,
    code: "DESTINATION_DENIED",
    say: match =>
      `the file was written by another line of DuckDB${match[1] ? ` (storage version ${match[1]})` : ""}. ` +
      "Use a file of DuckDB 1.5, or export it there and import it into a new one.",
  },
  {
    test: /not a valid DuckDB database file|Corrupt database file|file is not a database/,
    code: "DESTINATION_DENIED",
    say: () =>
      "the file is not a DuckDB database, or it is damaged. Choose another path (DUCKDB_PATH) or restore a copy.",
  },
  {
    test: /No files found that match|No magic bytes|\.parquet.*(?:too small|not a parquet)/is,
    code: "PACKAGE_LOST",
    say: () => "a parquet file of the load package is missing or incomplete.",
  },
  {
    test: /NOT NULL constraint failed: ([^\s,]+)/,
    code: "DESTINATION_REFUSED",
    say: match =>
      `a row has no value in the NOT NULL column ${match[1]}. Nothing was loaded. Make the column nullable or drop ` +
      "such rows in the source.",
  },
  {
    test: /Constraint Error.*duplicate key|Duplicate key/is,
    code: "DESTINATION_REFUSED",
    say: () =>
      "two rows share the value of a UNIQUE column (made by `create_indexes`). Nothing was loaded. Remove the " +
      "duplicates in the source, or load without `create_indexes`.",
  },
  {
    test: /Conversion Error|Out of Range Error/,
    code: "DESTINATION_REFUSED",
    say: () =>
      "a value does not fit the type of its column. Nothing was loaded. Give the column a wider type by a hint.",
  },
  {
    test: /Table with name (\S+) does not exist/,
    code: "DESTINATION_REFUSED",
    say: match =>
      `the table ${match[1]} is not in the dataset. Nothing was loaded. It was dropped by hand, or a merge condition ` +
      "of the spec names a wrong one.",
  },
  {
    test: /Referenced column "([^"]{1,200})" (?:was )?not found/,
    code: "DESTINATION_REFUSED",
    say: match =>
      `there is no column "${match[1]}". Nothing was loaded. Correct the merge condition in the spec, or restore the column.`,
  },
  {
    test: /Parser Error/,
    code: "DESTINATION_REFUSED",
    say: () =>
      "DuckDB cannot read the statement. Nothing was loaded. Check `source_filter` and `destination_scope` of the spec.",
  },
  {
    test: /Out of Memory Error|could not allocate block/,
    code: "DESTINATION_REFUSED",
    say: () =>
      "the memory limit is too small for this load. Nothing was loaded. Raise `memory_limit` of the destination " +
      '(for example "2GB").',
  },
  {
    test: /database has been invalidated|Connection (?:was|has been) closed|IO Error/,
    code: "DESTINATION_UNAVAILABLE",
    say: () => "the file could not be read or written. The step is tried again.",
  },
];

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  return code ? `${code} ${error.message}` : error.message;
}
