/** dlt's merge strategy `delete-insert`. Pure text. */
import type { StoredTable } from "../../schema/types";
import { dedupSortOf } from "../table-chains";
import { countRows, deleteRows, insertRows, type MergeRoot, type MergeTable } from "./sql-merge-parts";
import { hasDuplicates, selectFirstPerKey } from "./sql-staged";
import { isNotDeleted, quoteName, quoteNames, sameKey, where } from "./sql-text";

/** Row keys of destination roots that the merge removes. */
export const REMOVED_ROOTS = quoteName("tidemark:removed");
/** Row keys of staged roots that the merge inserts. */
export const KEPT_ROOTS = quoteName("tidemark:kept");

/**
 * Destination rows `d` that match a staged row by primary key or by merge key. Two EXISTS and not one with OR:
 * each becomes a hash join.
 */
function matchesStaged(root: MergeRoot): string {
  return [root.primaryKey, root.mergeKey]
    .filter(key => key.length > 0)
    .map(
      key =>
        `EXISTS (SELECT 1 FROM ${root.staged} AS s${where([sameKey("d", "s", key), root.sourceFilter])})`,
    )
    .join(" OR ");
}

export function deleteMatchingRoots(root: MergeRoot): string {
  return deleteRows(`${root.target} AS d`, [matchesStaged(root)]);
}

export function createRemovedRoots(root: MergeRoot, rowKey: string): string {
  return (
    `CREATE TEMPORARY TABLE ${REMOVED_ROOTS} AS SELECT d.${quoteName(rowKey)} AS id ` +
    `FROM ${root.target} AS d${where([matchesStaged(root)])}`
  );
}

/** Children first: their rows are found through roots. */
export function deleteRemoved(table: MergeTable, keyColumn: string): string {
  return deleteRows(table.target, [`${quoteName(keyColumn)} IN (SELECT id FROM ${REMOVED_ROOTS})`]);
}

export function deleteNestedInScope(
  nested: MergeTable,
  rootKey: string,
  root: MergeRoot,
  rowKey: string,
): string {
  const roots = `SELECT ${quoteName(rowKey)} FROM ${root.target}${where([root.destinationScope])}`;
  return deleteRows(nested.target, [`${quoteName(rootKey)} IN (${roots})`]);
}

export function deleteRootsInScope(root: MergeRoot): string {
  return deleteRows(root.target, [root.destinationScope]);
}

/** Whether the staged roots must be deduplicated; undefined when the hints say never. */
export function duplicateRoots(root: MergeRoot): string | undefined {
  if (root.primaryKey.length === 0 || isDeduplicated(root.table)) return undefined;
  return hasDuplicates(root.table.name, root.primaryKey);
}

/** dlt guards nested tables against rows staged twice, by their own row key. */
export function duplicateNested(root: MergeRoot, nested: MergeTable, rowKey: string): string | undefined {
  return isDeduplicated(root.table) ? undefined : hasDuplicates(nested.table.name, [rowKey]);
}

function isDeduplicated(root: StoredTable): boolean {
  return root["x-stage-data-deduplicated"] === true;
}

function keptConditions(root: MergeRoot): string {
  return where([root.hardDelete && isNotDeleted(root.hardDelete), root.sourceFilter]);
}

function selectKept(root: MergeRoot, columns: string, duplicates: boolean): string {
  return duplicates
    ? selectFirstPerKey(
        root.table.name,
        columns,
        root.primaryKey,
        dedupSortOf(root.table),
        keptConditions(root),
      )
    : `SELECT ${columns} FROM ${root.staged}${keptConditions(root)}`;
}

/** A set of kept roots is needed only when some staged root is left out. */
export function needsKeptRoots(root: MergeRoot, duplicates: boolean): boolean {
  return duplicates || root.hardDelete !== undefined || root.sourceFilter !== undefined;
}

export function createKeptRoots(root: MergeRoot, rowKey: string, duplicates: boolean): string {
  return `CREATE TEMPORARY TABLE ${KEPT_ROOTS} AS ${selectKept(root, `${quoteName(rowKey)} AS id`, duplicates)}`;
}

/** Roots of a chain without nested tables: chosen and inserted in one statement. */
export function insertRoots(root: MergeRoot, duplicates: boolean): string {
  return insertRows(root, selectKept(root, root.columns, duplicates));
}

/** Roots of a chain with nested tables, by the set of kept ones. */
export function insertKeptRoots(root: MergeRoot, rowKey: string): string {
  return insertRows(
    root,
    `SELECT ${root.columns} FROM ${root.staged} WHERE ${quoteName(rowKey)} IN (SELECT id FROM ${KEPT_ROOTS})`,
  );
}

export function insertNested(
  nested: MergeTable,
  keys: { rowKey: string; rootKey: string },
  options: { duplicates: boolean; onlyKept: boolean },
): string {
  const conditions = where([
    options.onlyKept ? `${quoteName(keys.rootKey)} IN (SELECT id FROM ${KEPT_ROOTS})` : undefined,
  ]);
  return insertRows(
    nested,
    options.duplicates
      ? selectFirstPerKey(nested.table.name, nested.columns, [keys.rowKey], undefined, conditions)
      : `SELECT ${nested.columns} FROM ${nested.staged}${conditions}`,
  );
}

/**
 * Destination rows that come back: their key (primary, else merge key) is among the kept rows. Asked before the
 * deletes, and only where not every removed row comes back.
 */
export function countReturning(root: MergeRoot, duplicates: boolean): string {
  const key = root.primaryKey.length > 0 ? root.primaryKey : root.mergeKey;
  const kept = selectKept(root, quoteNames(key), duplicates);
  return countRows(root.target, [
    `EXISTS (SELECT 1 FROM (${kept}) AS s WHERE ${sameKey(root.target, "s", key)})`,
    root.destinationScope,
  ]);
}
