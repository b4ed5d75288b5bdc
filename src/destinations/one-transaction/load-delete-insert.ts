/** Merge strategy `delete-insert`: which statements run, and which can be left out without changing the outcome. */
import { rootKeyOf, rowKeyOf } from "../table-chains";
import { type ChainLoad, change, hasRows, nestedOf, tableRows } from "./load-context";
import * as sql from "./sql-delete-insert";
import { type MergeRoot, type MergeTable, mergeRoot } from "./sql-merge-parts";

interface Merge {
  load: ChainLoad;
  root: MergeRoot;
  nested: (MergeTable & { rowKey: string; rootKey: string })[];
  /** Some staged roots share a primary key. */
  duplicates: boolean;
}

export async function loadDeleteInsert(load: ChainLoad): Promise<void> {
  const root = mergeRoot(load.place, load.chain.root);
  const nested = nestedOf(load).map(table => ({
    ...table,
    rowKey: rowKeyOf(table.table),
    rootKey: rootKeyOf(table.table, load.chain.root),
  }));
  const merge: Merge = { load, root, nested, duplicates: await found(load, sql.duplicateRoots(root)) };
  const removed = await removeReplaced(merge);
  const inserted = await insertStaged(merge, removed);
  countTable(load, root.table.name, removed.get(root.table.name) ?? 0, inserted, removed.returning);
}

class Removed extends Map<string, number> {
  /** Removed roots that come back; undefined: all that can. */
  returning: number | undefined;
}

/** Deletes what the staged rows replace; an empty target has nothing to delete. */
async function removeReplaced(merge: Merge): Promise<Removed> {
  const { load, root, nested } = merge;
  const removed = new Removed();
  if ((await tableRows(load, root)) === 0) return removed;
  const remove = async (table: MergeTable, statement: string): Promise<void> => {
    removed.set(table.table.name, await change(load, "deleting replaced rows of", table.table, statement));
  };
  const keyed = root.primaryKey.length + root.mergeKey.length > 0;
  if (!keyed) removed.returning = 0;
  else if (
    root.hardDelete ||
    root.destinationScope !== undefined ||
    root.primaryKey.length * root.mergeKey.length > 0
  ) {
    removed.returning = await load.db.count(sql.countReturning(root, merge.duplicates));
  }
  if (root.destinationScope !== undefined) {
    for (const table of nested) {
      await remove(table, sql.deleteNestedInScope(table, table.rootKey, root, rowKeyOf(root.table)));
    }
    await remove(root, sql.deleteRootsInScope(root));
  } else if (keyed) {
    if (nested.length === 0) {
      await remove(root, sql.deleteMatchingRoots(root));
    } else {
      const rowKey = rowKeyOf(root.table);
      await change(load, "finding replaced rows of", root.table, sql.createRemovedRoots(root, rowKey));
      for (const table of nested) await remove(table, sql.deleteRemoved(table, table.rootKey));
      await remove(root, sql.deleteRemoved(root, rowKey));
      await load.db.run(`DROP TABLE ${sql.REMOVED_ROOTS}`);
    }
  }
  return removed;
}

/** Parents first. Returns the number of roots inserted. */
async function insertStaged(merge: Merge, removed: Removed): Promise<number> {
  const { load, root, nested, duplicates } = merge;
  const onlyKept = nested.length > 0 && sql.needsKeptRoots(root, duplicates);
  let roots: number;
  if (onlyKept) {
    const rowKey = rowKeyOf(root.table);
    await change(load, "choosing rows of", root.table, sql.createKeptRoots(root, rowKey, duplicates));
    roots = await change(load, "loading", root.table, sql.insertKeptRoots(root, rowKey));
  } else {
    roots = await change(load, "loading", root.table, sql.insertRoots(root, duplicates));
  }
  for (const table of nested) {
    let inserted = 0;
    if (hasRows(load, table.table)) {
      const twice = await found(load, sql.duplicateNested(root, table, table.rowKey));
      const statement = sql.insertNested(table, table, { duplicates: twice, onlyKept });
      inserted = await change(load, "loading", table.table, statement);
    }
    countTable(load, table.table.name, removed.get(table.table.name) ?? 0, inserted, undefined);
  }
  if (onlyKept) await load.db.run(`DROP TABLE ${sql.KEPT_ROOTS}`);
  return roots;
}

/**
 * A removed row whose key comes back is an update, the others are deletes; what was not there before is an insert.
 * Nested rows have no key of their own over time: there a replaced row counts as updated.
 */
function countTable(
  load: ChainLoad,
  table: string,
  removed: number,
  inserted: number,
  returning: number | undefined,
): void {
  const updated = Math.min(removed, inserted, returning ?? removed);
  load.add(table, { inserted: inserted - updated, updated, deleted: removed - updated });
}

async function found(load: ChainLoad, question: string | undefined): Promise<boolean> {
  if (question === undefined) return false;
  return (
    (await load.db.rows(question, [], `looking for duplicates in "${load.chain.root.name}"`))[0]?.found ===
    true
  );
}
