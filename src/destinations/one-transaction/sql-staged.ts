/** Staged rows: what the files of one table hold, in the types of the target. How they come there is the vendor's. */
import { createHash } from "node:crypto";
import { quoteName, quoteNames } from "./sql-text";

/** Arrival order of staged rows: place of the file in the package, then place of the row in the file. */
export const ARRIVAL_COLUMNS = ["tidemark:file", "tidemark:row"] as const;

/** Normalised names hold no colon, so these never meet a table of a user. */
export function stagedName(table: string): string {
  return quoteName(scratchName("staged", table));
}

/** The shortest limit for names that there is (PostgreSQL cuts longer ones without a word). */
const LONGEST_NAME = 63;

/** The name of something temporary that belongs to a table. */
export function scratchName(kind: string, table: string): string {
  const name = `${kind}:${table}`;
  if (name.length <= LONGEST_NAME) return name;
  return `${kind}:${createHash("sha256").update(table).digest("hex").slice(0, 32)}`;
}

/** True when two staged rows share `columns`. */
export function hasDuplicates(table: string, columns: readonly string[]): string {
  return `SELECT EXISTS (SELECT 1 FROM ${stagedName(table)} GROUP BY ${quoteNames(columns)} HAVING count(*) > 1) AS found`;
}

/**
 * Staged rows, one per key: by `sort` if given (dlt: dedup_sort, NULLs last either way), then the first to arrive.
 * dlt leaves the order open without a sort; on DuckDB it keeps the first row in practice, so that is our rule.
 * `conditions` are tested after the choice (dlt: a deleted winner deletes).
 */
export function selectFirstPerKey(
  table: string,
  columns: string,
  key: readonly string[],
  sort: { column: string; order: "asc" | "desc" } | undefined,
  conditions: string,
): string {
  const order = [
    ...(sort ? [`${quoteName(sort.column)} ${sort.order.toUpperCase()}`] : []),
    ...ARRIVAL_COLUMNS.map(quoteName),
  ].join(", ");
  return (
    `SELECT ${columns} FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY ${quoteNames(key)} ORDER BY ${order}) AS "tidemark:rank" ` +
    `FROM ${stagedName(table)}) AS s WHERE "tidemark:rank" = 1${conditions.replace(/^ WHERE /, " AND ")}`
  );
}
