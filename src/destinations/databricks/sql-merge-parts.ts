/** Words shared by the merge strategies: targets, staged rows, hard delete, scopes, and the MERGE itself. Pure text. */

import type { StoredTable } from "../../schema/types";
import type { LoadPlan } from "../destination";
import { destinationScopeOf, sourceFilterOf } from "../merge-hints";
import { columnsWith, completeColumns, type HardDelete, hardDeleteOf } from "../table-chains";
import type { TypeOptions } from "./column-types";
import type { DatabricksDestination } from "./spec";
import { folderPart, type StagedPart, type StagedTable, stagedRows } from "./sql-staged";
import { stagingTableParts } from "./sql-staging-table";
import { type Place, qualifiedTable, quoteName, quoteNames, SOURCE, TARGET, where } from "./sql-text";
import { stagedGroups, volumeOf } from "./staged-paths";

/** One table of a chain as the builders see it. */
export interface MergeTable {
  table: StoredTable;
  /** Qualified and quoted. */
  target: string;
  source: StagedTable;
  /** The staged rows as a derived table. */
  staged: string;
  names: string[];
  /** Quoted, with commas. */
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

export interface MergeOptions extends TypeOptions {
  catalog: string;
  staging_volume_name?: string;
  load_mode?: DatabricksDestination["load_mode"];
}

export function mergeTable(plan: LoadPlan, table: StoredTable, options: MergeOptions): MergeTable {
  const place: Place = { catalog: options.catalog, dataset: plan.dataset };
  const source: StagedTable = { table, parts: partsOf(plan, table, options), types: options };
  const names = completeColumns(table).map(column => column.name);
  return {
    table,
    target: qualifiedTable(place, table.name),
    source,
    staged: stagedRows(source),
    names,
    columns: quoteNames(names),
  };
}

function partsOf(plan: LoadPlan, table: StoredTable, options: MergeOptions): StagedPart[] {
  if (options.load_mode === "spark") return stagingTableParts(plan, table, options.catalog);
  const volume = volumeOf(plan, options.catalog, options.staging_volume_name);
  return stagedGroups(volume, plan, table.name).map(folderPart);
}

export function mergeRoot(plan: LoadPlan, root: StoredTable, options: MergeOptions): MergeRoot {
  const table = mergeTable(plan, root, options);
  return {
    ...table,
    primaryKey: columnsWith(root, "primary_key"),
    mergeKey: columnsWith(root, "merge_key"),
    sourceFilter: sourceFilterOf(root),
    destinationScope: destinationScopeOf(root, { table: table.target, staging_table: table.staged }),
    hardDelete: hardDeleteOf(root),
  };
}

/** Condition on rows that lack a part of their key, which then equals nothing; undefined where there are none. */
export function keyless(root: MergeRoot, key: readonly string[], prefix = ""): string | undefined {
  const nullable = key.filter(name => root.table.columns[name]?.nullable !== false);
  if (nullable.length === 0) return undefined;
  return `(${nullable.map(name => `${prefix}${quoteName(name)} IS NULL`).join(" OR ")})`;
}

/** Row keys of the staged roots in the merge source. */
export function stagedRootKeys(root: MergeRoot, rowKey: string, more?: string): string {
  return `SELECT ${quoteName(rowKey)} FROM ${root.staged} AS r${where([root.sourceFilter, more])}`;
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
  return `${key} IN (SELECT ${key} FROM ${root.staged} AS p${where([root.sourceFilter])})`;
}

/** Destination rows that are not in the merge source. */
export function absentCondition(root: MergeRoot, matchColumns: readonly string[]): string {
  const [only] = matchColumns;
  if (only !== undefined && matchColumns.length === 1) {
    const column = quoteName(only);
    return `${column} NOT IN (SELECT ${column} FROM ${root.staged} AS a${where([root.sourceFilter])})`;
  }
  // bare columns of the source filter must resolve to staged rows only, hence the derived table
  const source = `(SELECT ${quoteNames(matchColumns)} FROM ${root.staged} AS f${where([root.sourceFilter])})`;
  return `NOT EXISTS (SELECT 1 FROM ${source} AS ${matchingTarget(root, matchColumns)})`;
}

/**
 * Alias of a derived table of key columns, and the condition that they are those of the row of the target outside. The
 * columns get other names, or a column called like the catalog would stand for it.
 */
export function matchingTarget(root: MergeRoot, key: readonly string[]): string {
  const names = key.map((_, i) => keyName(i));
  const on = key.map((name, i) => `${SOURCE}.${names[i]} = ${root.target}.${quoteName(name)}`).join(" AND ");
  return `${SOURCE}(${names.join(", ")}) WHERE ${on}`;
}

export const NEW = quoteName("tidemark:new");
export const GONE = quoteName("tidemark:gone");
export const keyName = (i: number): string => quoteName(`tidemark:key${i}`);

/**
 * MERGE that takes rows away and brings rows in one commit, so that no reader sees the gap: the source is the keys of
 * rows to remove, and the rows to insert with a NULL key, which match nothing.
 * @param keys SELECT of the keys, in the order of `on`, each once; undefined: nothing is removed
 * @param rows SELECT of all columns of the table; undefined: nothing is inserted
 */
export function replaceRows(
  table: MergeTable,
  on: readonly string[],
  keys: string | undefined,
  rows: string | undefined,
): string {
  const names = on.map((_, i) => keyName(i)).join(", ");
  const parts: string[] = [];
  if (keys !== undefined) {
    const nulls = rows === undefined ? [] : table.names.map(name => `NULL AS ${quoteName(name)}`);
    parts.push(`SELECT ${[names, `FALSE AS ${NEW}`, ...nulls].join(", ")} FROM (${keys}) AS k(${names})`);
  }
  if (rows !== undefined) {
    const nulls = on.map((_, i) => `NULL AS ${keyName(i)}`).join(", ");
    parts.push(`SELECT ${nulls}, TRUE AS ${NEW}, ${table.columns} FROM (${rows}) AS n`);
  }
  const condition = on
    .map((name, i) => `${TARGET}.${quoteName(name)} = ${SOURCE}.${keyName(i)}`)
    .join(" AND ");
  const clauses: string[] = [];
  if (keys !== undefined) clauses.push("WHEN MATCHED THEN DELETE");
  if (rows !== undefined) clauses.push(`WHEN NOT MATCHED AND ${SOURCE}.${NEW} THEN ${insertClause(table)}`);
  return `MERGE INTO ${table.target} AS ${TARGET} USING (${parts.join(" UNION ALL ")}) AS ${SOURCE} ON ${condition} ${clauses.join(" ")}`;
}

export function insertClause(table: MergeTable): string {
  return `INSERT (${table.columns}) VALUES (${table.names.map(name => `${SOURCE}.${quoteName(name)}`).join(", ")})`;
}

export function updateClause(table: MergeTable): string {
  return `UPDATE SET ${table.names.map(name => `${quoteName(name)} = ${SOURCE}.${quoteName(name)}`).join(", ")}`;
}
