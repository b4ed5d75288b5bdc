/** Merge strategies `upsert`, `insert-only` and `cdc`. */
import type { MergeStrategy } from "../../pipeline/spec";
import { columnsWith, rootKeyOf, rowKeyOf } from "../table-chains";
import { type ChainLoad, change, hasRows, nestedOf, tableRows } from "./load-context";
import { type MergeRoot, type MergeTable, mergeRoot } from "./sql-merge-parts";
import { hasDuplicates } from "./sql-staged";
import * as sql from "./sql-upsert";

export async function loadUpsert(load: ChainLoad, strategy: MergeStrategy): Promise<void> {
  const options: sql.UpsertOptions = {
    insertOnly: strategy === "insert-only",
    deleteAbsent: strategy === "cdc",
    skipUnchanged: strategy !== "insert-only" && load.chain.root["x-merge-skip-unchanged-rows"] === true,
  };
  const root = mergeRoot(load.place, load.chain.root);
  const nested = nestedOf(load);
  if (options.deleteAbsent) await deleteAbsent(load, root, nested);
  await mergeRootRows(load, root, options);
  for (const table of nested) await mergeNestedRows(load, root, table, options);
}

/** cdc. Nested rows go first: they are found through roots that still exist. */
async function deleteAbsent(load: ChainLoad, root: MergeRoot, nested: MergeTable[]): Promise<void> {
  for (const table of nested) {
    const rootKey = rootKeyOf(table.table, root.table);
    const statement = sql.deleteNestedOfAbsent(table, rootKey, root, rowKeyOf(root.table));
    load.add(table.table.name, {
      deleted: await change(load, "deleting absent rows of", table.table, statement),
    });
  }
  const deleted = await change(load, "deleting absent rows of", root.table, sql.deleteAbsentRoots(root));
  load.add(root.table.name, { deleted });
}

async function mergeRootRows(load: ChainLoad, root: MergeRoot, options: sql.UpsertOptions): Promise<void> {
  const name = root.table.name;
  const before = await tableRows(load, root);
  if (before === 0) {
    load.add(name, {
      inserted: await change(load, "loading", root.table, sql.insertAllRoots(root, options)),
    });
    return;
  }
  const staged = sql.stagedRoots(root, options);
  if (await canReplace(load, root, root.primaryKey, options)) {
    const updated = await change(
      load,
      "merging",
      root.table,
      sql.deleteMatched(root, root.primaryKey, staged),
    );
    const written = await change(load, "merging", root.table, sql.insertAllRoots(root, options));
    load.add(name, { inserted: written - updated, updated });
    return;
  }
  const flagged = sql.countFlagged(root, options);
  const deleted = flagged === undefined ? 0 : await load.db.count(flagged);
  const matched = options.insertOnly
    ? 0
    : await load.db.count(sql.countMatched(root, root.primaryKey, staged, options));
  await change(load, "merging", root.table, sql.mergeRoots(root, options));
  const inserted = (await tableRows(load, root)) - before + deleted;
  // skip_unchanged_rows does not shield a flagged row that is otherwise unchanged from its delete
  load.add(name, { inserted, updated: Math.max(0, matched - deleted), deleted });
}

async function mergeNestedRows(
  load: ChainLoad,
  root: MergeRoot,
  table: MergeTable,
  options: sql.UpsertOptions,
): Promise<void> {
  const name = table.table.name;
  const rowKey = rowKeyOf(table.table);
  const rootRowKey = rowKeyOf(root.table);
  const rootKey = options.insertOnly ? undefined : rootKeyOf(table.table, root.table);
  const before = await tableRows(load, table);
  if (hasRows(load, table.table)) {
    const staged = sql.stagedNested(table, rootKey, root, rootRowKey, options);
    if (before === 0) {
      load.add(name, {
        inserted: await change(load, "loading", table.table, sql.insertAllNested(table, staged)),
      });
    } else if (await canReplace(load, table, [rowKey], options)) {
      const updated = await change(load, "merging", table.table, sql.deleteMatched(table, [rowKey], staged));
      const written = await change(load, "merging", table.table, sql.insertAllNested(table, staged));
      load.add(name, { inserted: written - updated, updated });
    } else {
      const updated = options.insertOnly
        ? 0
        : await load.db.count(sql.countMatched(table, [rowKey], staged, options));
      await change(load, "merging", table.table, sql.mergeNested(table, rowKey, staged, options));
      load.add(name, { inserted: (await tableRows(load, table)) - before, updated });
    }
  }
  if (rootKey === undefined) return;
  if (before > 0) {
    const gone = sql.deleteGoneElements(table, { rowKey, rootKey }, root, rootRowKey);
    load.add(name, { deleted: await change(load, "deleting gone elements of", table.table, gone) });
  }
  const ofDeleted = sql.deleteNestedOfDeleted(table, rootKey, root, rootRowKey);
  if (ofDeleted !== undefined) {
    load.add(name, { deleted: await change(load, "deleting nested rows of", table.table, ofDeleted) });
  }
}

/**
 * Deleting matched rows and inserting all staged ones equals the MERGE when every matched row is updated whole, by
 * one staged row only.
 */
async function canReplace(
  load: ChainLoad,
  table: MergeTable,
  key: readonly string[],
  options: sql.UpsertOptions,
): Promise<boolean> {
  if (options.insertOnly || options.skipUnchanged || !load.vendor.mayReplaceRows) return false;
  if (load.chain.root.name === table.table.name && columnsWith(table.table, "hard_delete").length > 0)
    return false;
  const found = await load.db.rows(
    hasDuplicates(table.table.name, key),
    [],
    `looking for duplicates in "${table.table.name}"`,
  );
  return found[0]?.found !== true;
}
