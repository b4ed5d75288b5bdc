/** dlt's merge strategy `delete-insert`, one MERGE per table. Pure text. */
import { dedupSortOf } from "../table-chains";
import { keyless, type MergeRoot, type MergeTable, matchingTarget, replaceRows } from "./sql-merge-parts";
import { selectFirstPerKey } from "./sql-staged";
import { isNotDeleted, quoteName, quoteNames, SOURCE, sameKey, TARGET, where } from "./sql-text";

/** Which destination roots the load replaces: how they are matched, and the SELECT of their keys. */
interface Replaced {
  on: readonly string[];
  keys: string;
}

/** Row keys of destination roots that the load removes. */
function removedRoots(root: MergeRoot, rowKey: string): string | undefined {
  if (root.destinationScope !== undefined) {
    return `SELECT ${quoteName(rowKey)} FROM ${root.target}${where([root.destinationScope])}`;
  }
  // two EXISTS and not one with OR: each becomes a hash join
  const matches = [root.primaryKey, root.mergeKey]
    .filter(key => key.length > 0)
    .map(
      key =>
        `EXISTS (SELECT 1 FROM ${root.staged} AS ${SOURCE}${where([sameKey(TARGET, SOURCE, key), root.sourceFilter])})`,
    );
  if (matches.length === 0) return undefined;
  return `SELECT ${TARGET}.${quoteName(rowKey)} FROM ${root.target} AS ${TARGET} WHERE ${matches.join(" OR ")}`;
}

/**
 * Keys of rows that must go: what the load replaces, and what an earlier attempt of this load brought, so that a
 * repetition converges also where the key does not cover the new rows.
 */
function goneByRowKey(root: MergeRoot, rowKey: string): string {
  const staged = `SELECT ${quoteName(rowKey)} FROM ${root.staged} AS r`;
  const removed = removedRoots(root, rowKey);
  return removed === undefined ? `SELECT DISTINCT * FROM (${staged})` : `${removed} UNION ${staged}`;
}

function replacedRoots(root: MergeRoot, rowKey: () => string): Replaced {
  const keys = [root.primaryKey, root.mergeKey].filter(key => key.length > 0);
  const [only] = keys;
  const plain = root.destinationScope === undefined && keys.length === 1;
  if (plain && only !== undefined && keyless(root, only) === undefined) {
    return {
      on: only,
      keys: `SELECT DISTINCT ${quoteNames(only)} FROM ${root.staged} AS k${where([root.sourceFilter])}`,
    };
  }
  return { on: [rowKey()], keys: goneByRowKey(root, rowKey()) };
}

function selectKept(root: MergeRoot, columns: string, duplicates: boolean): string {
  const conditions = where([root.hardDelete && isNotDeleted(root.hardDelete), root.sourceFilter]);
  return duplicates
    ? selectFirstPerKey(root.source, columns, root.primaryKey, dedupSortOf(root.table), conditions)
    : `SELECT ${columns} FROM ${root.staged} AS ${SOURCE}${conditions}`;
}

export function mergeRoots(root: MergeRoot, rowKey: () => string, duplicates: boolean): string {
  const { on, keys } = replacedRoots(root, rowKey);
  return replaceRows(root, on, keys, selectKept(root, root.columns, duplicates));
}

/**
 * Nested rows of replaced roots go, those of kept staged roots come. To run before the roots: the ones it finds rows
 * through are gone afterwards.
 */
export function mergeNested(
  nested: MergeTable,
  keys: { rowKey: string; rootKey: string },
  root: MergeRoot,
  rootRowKey: string,
  duplicates: { roots: boolean; nested: boolean },
): string {
  const gone = goneByRowKey(root, rootRowKey);
  if (nested.source.parts.length === 0) return replaceRows(nested, [keys.rootKey], gone, undefined);
  const onlyKept = duplicates.roots || root.hardDelete !== undefined || root.sourceFilter !== undefined;
  const kept = selectKept(root, quoteName(rootRowKey), duplicates.roots);
  const conditions = where([onlyKept ? `${quoteName(keys.rootKey)} IN (${kept})` : undefined]);
  const rows = duplicates.nested
    ? selectFirstPerKey(nested.source, nested.columns, [keys.rowKey], undefined, conditions)
    : `SELECT ${nested.columns} FROM ${nested.staged} AS ${SOURCE}${conditions}`;
  return replaceRows(nested, [keys.rootKey], gone, rows);
}

/**
 * Destination rows that come back: their key (primary, else merge key) is among the kept rows. undefined where all
 * removed rows may.
 */
export function countReturning(root: MergeRoot, duplicates: boolean): string | undefined {
  const keyed = root.primaryKey.length + root.mergeKey.length > 0;
  if (!keyed) return "0";
  const partly = root.hardDelete !== undefined || root.destinationScope !== undefined;
  if (!partly && root.primaryKey.length * root.mergeKey.length === 0) return undefined;
  const key = root.primaryKey.length > 0 ? root.primaryKey : root.mergeKey;
  const kept = selectKept(root, quoteNames(key), duplicates);
  const returning = `EXISTS (SELECT 1 FROM (${kept}) AS ${matchingTarget(root, key)})`;
  return `SELECT count(*) FROM ${root.target}${where([returning, root.destinationScope])}`;
}
