/** Words shared by the merge strategies: targets, staged rows, hard delete and counts. Pure text. */
import type { StoredTable } from "../../schema/types";
import { destinationScopeOf, sourceFilterOf } from "../merge-hints";
import { columnsWith, completeColumns, type HardDelete, hardDeleteOf } from "../table-chains";
import { stagedName } from "./sql-staged";
import { type Place, qualifiedTable, quoteName, quoteNames, where } from "./sql-text";

/** One table of a chain as the builders see it. All names are quoted. */
export interface MergeTable {
  table: StoredTable;
  target: string;
  staged: string;
  columns: string;
}

/** The hints of a root that decide how it is merged. */
export interface MergeRoot extends MergeTable {
  primaryKey: string[];
  mergeKey: string[];
  sourceFilter: string | undefined;
  destinationScope: string | undefined;
  hardDelete: HardDelete | undefined;
}

export function mergeTable(place: Place, table: StoredTable): MergeTable {
  return {
    table,
    target: qualifiedTable(place, table.name),
    staged: stagedName(table.name),
    columns: quoteNames(completeColumns(table).map(c => c.name)),
  };
}

export function mergeRoot(place: Place, root: StoredTable): MergeRoot {
  const table = mergeTable(place, root);
  return {
    ...table,
    primaryKey: columnsWith(root, "primary_key"),
    mergeKey: columnsWith(root, "merge_key"),
    sourceFilter: sourceFilterOf(root),
    destinationScope: destinationScopeOf(root, { table: table.target, staging_table: table.staged }),
    hardDelete: hardDeleteOf(root),
  };
}

export function insertRows(into: MergeTable, select: string): string {
  return `INSERT INTO ${into.target} (${into.columns}) ${select}`;
}

export function selectStaged(table: MergeTable, conditions: readonly (string | undefined)[] = []): string {
  return `SELECT ${table.columns} FROM ${table.staged}${where(conditions)}`;
}

export function countRows(from: string, conditions: readonly (string | undefined)[] = []): string {
  return `SELECT count(*) AS n FROM ${from}${where(conditions)}`;
}

export function deleteRows(from: string, conditions: readonly (string | undefined)[] = []): string {
  return `DELETE FROM ${from}${where(conditions)}`;
}

/** Row keys of the staged roots in the merge source. */
export function stagedRootKeys(root: MergeRoot, rowKey: string): string {
  return `SELECT ${quoteName(rowKey)} FROM ${root.staged}${where([root.sourceFilter])}`;
}

/**
 * Which destination rows `cdc` may delete and `scd2` retire: the destination scope, else rows with a staged merge
 * key, else all (undefined). dlt compares composite merge keys as concatenated text.
 */
export function partitionCondition(root: MergeRoot): string | undefined {
  if (root.destinationScope !== undefined) return root.destinationScope;
  if (root.mergeKey.length === 0) return undefined;
  const names = quoteNames(root.mergeKey);
  const key = root.mergeKey.length === 1 ? names : `CONCAT(${names})`;
  return `${key} IN (SELECT ${key} FROM ${root.staged}${where([root.sourceFilter])})`;
}

/** Destination rows that are not in the merge source. */
export function absentCondition(root: MergeRoot, matchColumns: readonly string[]): string {
  const [only] = matchColumns;
  if (only !== undefined && matchColumns.length === 1) {
    const column = quoteName(only);
    return `${column} NOT IN (SELECT ${column} FROM ${root.staged}${where([root.sourceFilter])})`;
  }
  // bare columns of the source filter must resolve to staged rows only, hence the derived table
  const source = `(SELECT * FROM ${root.staged}${where([root.sourceFilter])})`;
  const on = matchColumns.map(c => `s.${quoteName(c)} = ${root.target}.${quoteName(c)}`).join(" AND ");
  return `NOT EXISTS (SELECT 1 FROM ${source} AS s WHERE ${on})`;
}
