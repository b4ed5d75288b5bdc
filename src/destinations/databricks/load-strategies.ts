/** Which statements a chain takes, by disposition and strategy, and what they count. */
import type { StoredTable } from "../../schema/types";
import { columnsWith, mergeStrategyOf, rootKeyOf, rowKeyOf } from "../table-chains";
import { DATABRICKS_CAPABILITIES } from "./capabilities";
import { decisionTable } from "./decisions";
import { type ChainLoad, dmlCounts, replacedCounts } from "./load-context";
import { makeInStaging } from "./make-in-staging";
import { together } from "./parallel";
import * as deleteInsert from "./sql-delete-insert";
import type { Fence } from "./sql-fence";
import { type MergeRoot, type MergeTable, mergeRoot, mergeTable } from "./sql-merge-parts";
import * as scd2Sql from "./sql-scd2";
import { copyInto } from "./sql-staged";
import * as upsertSql from "./sql-upsert";
import { type StagedGroup, stagedGroups, volumeOf } from "./staged-paths";

/**
 * Straight into the table; COPY INTO passes over what an earlier attempt loaded.
 * @param fence asserted before each statement, in the same request
 */
export async function loadAppend(load: ChainLoad, fence: Fence | undefined): Promise<void> {
  const volume = volumeOf(load.plan, load.options.catalog, load.options.staging_volume_name);
  await eachTable(load, async table => {
    const { target, source } = mergeTable(load.plan, table, load.options);
    for (const group of stagedGroups(volume, load.plan, table.name)) {
      for (const [i, sql] of copyInto(target, source, group).entries()) {
        const doing = `loading table "${table.name}"`;
        const rows =
          fence === undefined
            ? await load.db.run(sql, doing)
            : await load.db.guarded(fence.assertion, sql, doing);
        // a server may give no counts of a statement in a script: the files' own then
        const counted = rows[0]?.num_inserted_rows !== undefined;
        const inserted = counted ? dmlCounts(rows).inserted : i === 0 ? rowsIn(group) : 0;
        load.add(table.name, { inserted });
      }
    }
  });
}

const rowsIn = (group: StagedGroup): number => group.files.reduce((sum, { file }) => sum + file.rows, 0);

/** Straight from the staging tables; a row that an earlier attempt brought is known by its key. */
export async function loadInsert(load: ChainLoad): Promise<void> {
  await eachTable(load, async table => {
    const parts = mergeTable(load.plan, table, load.options);
    if (parts.source.parts.length === 0) return;
    // the load's id too, where rows have it: a row of another load is never taken for one of this
    const key = [rowKeyOf(table), ...parts.names.filter(name => name === "_dlt_load_id")];
    load.add(table.name, await merge(load, table, upsertSql.insertNew(parts, key, undefined)));
  });
}

/**
 * All rows of every table of the chain, in one commit per table: no reader ever sees an empty table, and a repetition
 * writes the same. dlt's three replace strategies come to this.
 */
export async function loadReplace(load: ChainLoad): Promise<void> {
  await eachTable(load, async table => {
    const parts = mergeTable(load.plan, table, load.options);
    const sql = `INSERT OVERWRITE ${parts.target} (${parts.columns}) SELECT ${parts.columns} FROM ${parts.staged} AS s`;
    await load.db.run(sql, `replacing table "${table.name}"`);
    const { rows, before } = load.facts(table.name);
    load.add(table.name, { inserted: rows, deleted: before });
  });
}

export async function loadMerge(load: ChainLoad): Promise<void> {
  const strategy = mergeStrategyOf(load.chain.root, DATABRICKS_CAPABILITIES.merge_strategies);
  if (strategy === "delete-insert") await loadDeleteInsert(load);
  else if (strategy === "scd2") await loadScd2(load);
  else {
    await loadUpsert(load, {
      insertOnly: strategy === "insert-only",
      deleteAbsent: strategy === "cdc",
      skipUnchanged: strategy !== "insert-only" && load.chain.root["x-merge-skip-unchanged-rows"] === true,
    });
  }
}

/** Nested tables first, side by side: they find the rows to replace through the roots that are still there. */
async function loadDeleteInsert(load: ChainLoad): Promise<void> {
  const root = mergeRoot(load.plan, load.chain.root, load.options);
  const roots = load.facts(root.table.name);
  await eachNested(load, async nested => {
    const keys = { rowKey: rowKeyOf(nested.table), rootKey: rootKeyOf(nested.table, root.table) };
    const duplicates = { roots: roots.duplicates, nested: load.facts(nested.table.name).duplicates };
    const sql = deleteInsert.mergeNested(nested, keys, root, rowKeyOf(root.table), duplicates);
    const { inserted, deleted } = await merge(load, nested.table, sql);
    load.add(nested.table.name, replacedCounts(deleted, inserted, undefined));
  });
  const sql = deleteInsert.mergeRoots(root, () => rowKeyOf(root.table), roots.duplicates);
  const { inserted, deleted } = await merge(load, root.table, sql);
  load.add(root.table.name, replacedCounts(deleted, inserted, roots.returning));
}

async function loadUpsert(load: ChainLoad, options: upsertSql.UpsertOptions): Promise<void> {
  const root = mergeRoot(load.plan, load.chain.root, load.options);
  const decision = await decide(load, root, options);
  const loadRoot = async (): Promise<void> => {
    load.add(root.table.name, await merge(load, root.table, upsertSql.mergeRoots(root, options, decision)));
    const more = upsertSql.insertKeyless(root, options);
    if (more !== undefined) load.add(root.table.name, await merge(load, root.table, more));
  };
  const loadNested = (): Promise<void> =>
    eachNested(load, async nested => {
      const rowKey = rowKeyOf(nested.table);
      if (options.insertOnly) {
        if (nested.source.parts.length === 0) return;
        load.add(
          nested.table.name,
          await merge(load, nested.table, upsertSql.insertNew(nested, [rowKey], undefined)),
        );
        return;
      }
      const keys = { rowKey, rootKey: rootKeyOf(nested.table, root.table) };
      const { duplicates } = load.facts(nested.table.name);
      const sql = upsertSql.mergeNested(nested, keys, root, rowKeyOf(root.table), options, duplicates);
      load.add(nested.table.name, await merge(load, nested.table, sql));
    });
  if (options.deleteAbsent) {
    await loadNested();
    await loadRoot();
  } else {
    await together([loadRoot(), loadNested()]);
  }
}

/** The first attempt's answer to what the target lacked, where a repetition could not tell any more. */
async function decide(
  load: ChainLoad,
  root: MergeRoot,
  options: upsertSql.UpsertOptions,
): Promise<string | undefined> {
  const { duplicates, flagged } = load.facts(root.table.name);
  if (options.insertOnly || !(duplicates || (flagged && !options.deleteAbsent))) return undefined;
  const decision = decisionTable(load.plan, root.table, load.options.catalog);
  await makeInStaging(
    load.db,
    load.plan,
    load.options.catalog,
    [upsertSql.createDecision(decision, root, options)],
    `looking for new keys of table "${root.table.name}"`,
  );
  return decision;
}

async function loadScd2(load: ChainLoad): Promise<void> {
  const root = mergeRoot(load.plan, load.chain.root, load.options);
  const scd2 = scd2Sql.scd2Of(root.table, load.plan.created_at);
  const filters = nestedFilters(load, root, scd2);
  await together([
    merge(load, root.table, scd2Sql.mergeVersions(root, scd2)).then(counts =>
      load.add(root.table.name, counts),
    ),
    eachNested(load, async nested => {
      if (nested.source.parts.length === 0) return;
      const sql = upsertSql.insertNew(nested, [rowKeyOf(nested.table)], filters.get(nested.table.name));
      load.add(nested.table.name, await merge(load, nested.table, sql));
    }),
  ]);
}

function nestedFilters(
  load: ChainLoad,
  root: MergeRoot,
  scd2: scd2Sql.Scd2,
): Map<string, string | undefined> {
  const staged = new Map<string, MergeTable>([[root.table.name, root]]);
  const filters = new Map<string, string | undefined>([[root.table.name, root.sourceFilter]]);
  for (const table of load.chain.tables.slice(1)) {
    const parent = staged.get(table.parent ?? "") ?? root;
    const link = {
      rootKey: columnsWith(table, "root_key")[0],
      parentKey: columnsWith(table, "parent_key")[0],
      parent,
      parentRowKey: parent === root ? scd2.rowKey : rowKeyOf(parent.table),
    };
    filters.set(table.name, scd2Sql.nestedFilter(root, scd2, link, filters.get(parent.table.name)));
    staged.set(table.name, mergeTable(load.plan, table, load.options));
  }
  return filters;
}

async function merge(
  load: ChainLoad,
  table: StoredTable,
  sql: string,
): Promise<ReturnType<typeof dmlCounts>> {
  return dmlCounts(await load.db.run(sql, `merging table "${table.name}"`));
}

function eachNested(load: ChainLoad, work: (nested: MergeTable) => Promise<void>): Promise<void> {
  const nested = load.chain.tables.filter(table => table.name !== load.chain.root.name);
  return together(nested.map(table => work(mergeTable(load.plan, table, load.options))));
}

/** The client bounds how many statements run at the same time. */
function eachTable(load: ChainLoad, work: (table: StoredTable) => Promise<void>): Promise<void> {
  return together(load.chain.tables.map(work));
}
