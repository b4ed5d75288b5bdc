/** dlt's merge strategies `upsert`, `insert-only` and `cdc`. Pure text. */
import { comparedColumns, completeColumns } from "../table-chains";
import {
  absentCondition,
  countRows,
  deleteRows,
  type MergeRoot,
  type MergeTable,
  partitionCondition,
  stagedRootKeys,
} from "./sql-merge-parts";
import { isDeleted, isNotDeleted, quoteName, sameKey, where } from "./sql-text";

export interface UpsertOptions {
  insertOnly: boolean;
  /** cdc: destination rows absent from the load go, and rows that arrive deleted are not inserted. */
  deleteAbsent: boolean;
  skipUnchanged: boolean;
}

/** insert-only has no `source_filter` in dlt and drops deleted rows beforehand instead. */
function source(root: MergeRoot, options: UpsertOptions): string {
  const condition = options.insertOnly
    ? where([root.hardDelete && isNotDeleted(root.hardDelete)])
    : where([root.sourceFilter]);
  return condition === "" ? root.staged : `(SELECT * FROM ${root.staged}${condition})`;
}

/** The rows `s` and `d` differ; undefined when every matched row is to be updated. */
function changed(table: MergeTable, options: UpsertOptions): string | undefined {
  if (!options.skipUnchanged) return undefined;
  const columns = comparedColumns(table.table);
  if (columns.length === 0) return undefined;
  return columns.map(c => `s.${quoteName(c)} IS DISTINCT FROM d.${quoteName(c)}`).join(" OR ");
}

function insertClause(table: MergeTable, condition: string | undefined): string {
  const values = completeColumns(table.table)
    .map(c => `s.${quoteName(c.name)}`)
    .join(", ");
  const when = condition === undefined ? "" : ` AND (${condition})`;
  return `WHEN NOT MATCHED${when} THEN INSERT (${table.columns}) VALUES (${values})`;
}

function updateClause(table: MergeTable, options: UpsertOptions): string {
  const condition = changed(table, options);
  const assignments = completeColumns(table.table)
    .map(c => `${quoteName(c.name)} = s.${quoteName(c.name)}`)
    .join(", ");
  return `WHEN MATCHED${condition === undefined ? "" : ` AND (${condition})`} THEN UPDATE SET ${assignments}`;
}

/** Update all columns of matched rows, ids and load id included; insert the rest, duplicates included. */
export function mergeRoots(root: MergeRoot, options: UpsertOptions): string {
  const clauses: string[] = [];
  if (!options.insertOnly) {
    if (root.hardDelete) clauses.push(`WHEN MATCHED AND ${isDeleted(root.hardDelete, "s.")} THEN DELETE`);
    clauses.push(updateClause(root, options));
  }
  clauses.push(insertClause(root, arrivingDeleted(root, options)));
  return (
    `MERGE INTO ${root.target} AS d USING ${source(root, options)} AS s ` +
    `ON ${sameKey("d", "s", root.primaryKey)} ${clauses.join(" ")}`
  );
}

function arrivingDeleted(root: MergeRoot, options: UpsertOptions): string | undefined {
  return options.deleteAbsent && root.hardDelete ? isNotDeleted(root.hardDelete, "s.") : undefined;
}

/**
 * First half of the fast form of a MERGE that updates whole rows: matched rows go, then all staged rows come.
 * DuckDB updates rows one small run at a time: 200,000 + 600,000 rows took 92 s by MERGE, 1.5 s this way.
 */
export function deleteMatched(table: MergeTable, key: readonly string[], stagedRows: string): string {
  return deleteRows(`${table.target} AS d`, [
    `EXISTS (SELECT 1 FROM ${stagedRows} AS s WHERE ${sameKey("d", "s", key)})`,
  ]);
}

/** What `mergeRoots` does to an empty table, without the join. */
export function insertAllRoots(root: MergeRoot, options: UpsertOptions): string {
  const condition = arrivingDeleted(root, options);
  return (
    `INSERT INTO ${root.target} (${root.columns}) SELECT ${root.columns} FROM ${source(root, options)} AS s` +
    where([condition])
  );
}

/** Destination rows that the merge deletes because the staged row is flagged. Asked before the merge. */
export function countFlagged(root: MergeRoot, options: UpsertOptions): string | undefined {
  if (!root.hardDelete || options.insertOnly) return undefined;
  const match = where([sameKey("d", "s", root.primaryKey), isDeleted(root.hardDelete, "s.")]);
  return countRows(`${root.target} AS d`, [`EXISTS (SELECT 1 FROM ${source(root, options)} AS s${match})`]);
}

/** Destination rows that a staged row matches and, with skip_unchanged_rows, differs from. */
export function countMatched(
  root: MergeTable,
  key: readonly string[],
  stagedRows: string,
  options: UpsertOptions,
): string {
  const match = where([sameKey("d", "s", key), changed(root, options)]);
  return countRows(`${root.target} AS d`, [`EXISTS (SELECT 1 FROM ${stagedRows} AS s${match})`]);
}

export function stagedRoots(root: MergeRoot, options: UpsertOptions): string {
  return source(root, options);
}

/** Nested rows of the merge source. */
export function stagedNested(
  nested: MergeTable,
  rootKey: string | undefined,
  root: MergeRoot,
  rootRowKey: string,
  options: UpsertOptions,
): string {
  if (options.insertOnly || root.sourceFilter === undefined || rootKey === undefined) return nested.staged;
  return `(SELECT * FROM ${nested.staged} WHERE ${quoteName(rootKey)} IN (${stagedRootKeys(root, rootRowKey)}))`;
}

export function mergeNested(
  nested: MergeTable,
  rowKey: string,
  stagedRows: string,
  options: UpsertOptions,
): string {
  const update = options.insertOnly ? "" : `${updateClause(nested, options)} `;
  return (
    `MERGE INTO ${nested.target} AS d USING ${stagedRows} AS s ON ${sameKey("d", "s", [rowKey])} ` +
    `${update}${insertClause(nested, undefined)}`
  );
}

export function insertAllNested(nested: MergeTable, stagedRows: string): string {
  return `INSERT INTO ${nested.target} (${nested.columns}) SELECT ${nested.columns} FROM ${stagedRows} AS s`;
}

/** List elements that are gone from rows of this load. */
export function deleteGoneElements(
  nested: MergeTable,
  keys: { rowKey: string; rootKey: string },
  root: MergeRoot,
  rootRowKey: string,
): string {
  const rowKey = quoteName(keys.rowKey);
  return deleteRows(nested.target, [
    `${quoteName(keys.rootKey)} IN (${stagedRootKeys(root, rootRowKey)})`,
    `${rowKey} NOT IN (SELECT ${rowKey} FROM ${nested.staged})`,
  ]);
}

/** Nested rows of roots that this load deletes. */
export function deleteNestedOfDeleted(
  nested: MergeTable,
  rootKey: string,
  root: MergeRoot,
  rootRowKey: string,
): string | undefined {
  if (!root.hardDelete) return undefined;
  const roots = `SELECT ${quoteName(rootRowKey)} FROM ${root.staged}${where([isDeleted(root.hardDelete), root.sourceFilter])}`;
  return deleteRows(nested.target, [`${quoteName(rootKey)} IN (${roots})`]);
}

/** cdc: conditions of destination roots absent from the load, inside their partition. */
function absentRoots(root: MergeRoot): (string | undefined)[] {
  return [absentCondition(root, root.primaryKey), partitionCondition(root)];
}

export function deleteAbsentRoots(root: MergeRoot): string {
  return deleteRows(root.target, absentRoots(root));
}

export function deleteNestedOfAbsent(
  nested: MergeTable,
  rootKey: string,
  root: MergeRoot,
  rootRowKey: string,
): string {
  const roots = `SELECT ${quoteName(rootRowKey)} FROM ${root.target}${where(absentRoots(root))}`;
  return deleteRows(nested.target, [`${quoteName(rootKey)} IN (${roots})`]);
}
