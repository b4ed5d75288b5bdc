/**
 * What DuckDB and PostgreSQL do differently while a package is loaded in one transaction; all else is shared in this room.
 * Both quote names by double quotes and bind `$1`.
 */

import type { TidemarkError } from "../../pipeline/errors";
import type { OnProgress } from "../../pipeline/infos";
import type { ReplaceStrategy } from "../../pipeline/spec";
import type { StoredTable } from "../../schema/types";
import type { DestinationCapabilities, LoadPlan, PackageFile } from "../destination";
import type { CompleteColumn } from "../table-chains";
import type { Place } from "./sql-text";

export type Bound = string | bigint | number | null;
export type ResultRow = { [column: string]: unknown };

/** One connection. Every error leaves it sorted. */
export interface SqlDatabase {
  /** For messages, e.g. "DuckDB file /x". */
  readonly name: string;
  /** As information_schema names it. */
  readonly catalog: string;
  readonly onProgress: OnProgress;
  /** As statements name a dataset. */
  place(dataset: string): Place;
  /** Runs one statement and returns the number of rows it changed. */
  run(sql: string, params?: readonly Bound[], doing?: string): Promise<number>;
  /** Small results only. 64-bit integers come as numbers where they are safe. */
  rows(sql: string, params?: readonly Bound[], doing?: string): Promise<ResultRow[]>;
  /** The number in column `n` of a one-row result. */
  count(sql: string, params?: readonly Bound[]): Promise<number>;
  /** Commits what `fn` did, or nothing. */
  transaction<T>(doing: string, fn: () => Promise<T>): Promise<T>;
}

export interface LoadOptions {
  replace_strategy: ReplaceStrategy;
  create_indexes: boolean;
}

export interface SqlVendor {
  readonly db: SqlDatabase;
  readonly options: LoadOptions;
  readonly capabilities: DestinationCapabilities;
  /** Deleting matched rows and inserting all staged ones may stand for a MERGE that updates whole rows. */
  readonly mayReplaceRows: boolean;
  /** @throws TidemarkError DESTINATION_UNSUPPORTED for a precision that there is no type for */
  columnType(table: StoredTable, column: CompleteColumn): string;
  /** How the values of a new column are stored, as it stands behind its definition; absent: the destination chooses. */
  columnStorage?(column: CompleteColumn): string;
  /** @throws TidemarkError DESTINATION_REFUSED for a column that cannot be added */
  addColumn(place: Place, table: StoredTable, column: CompleteColumn): string;
  /**
   * Called first in every transaction that depends on the newest load: nobody else changes the dataset's tables, or the
   * pipeline's loads, until the commit.
   */
  lock(plan: LoadPlan, what: "tables" | "loads"): Promise<void>;
  /** Puts files of a table under `stagedName(table)`, in the types of the target and with ARRIVAL_COLUMNS. */
  stage(table: StoredTable, files: readonly PackageFile[]): Promise<void>;
  unstage(table: StoredTable): Promise<void>;
  /** Appends files as they are, where that is faster than by `stage`; the rows that were added. */
  append?(place: Place, table: StoredTable, files: readonly PackageFile[]): Promise<number>;
  /** Empties a table that is filled again in the same transaction; the rows that were there. */
  empty(place: Place, table: StoredTable): Promise<number>;
  /** A refusal of rows, with table, column and type named where that can be found out. After the rollback. */
  explainRefusal(plan: LoadPlan, refusal: TidemarkError): Promise<TidemarkError>;
}
