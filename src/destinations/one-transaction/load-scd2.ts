/** Merge strategy `scd2`: retire versions that are gone, add versions that are new. A retired row counts as updated. */
import { columnsWith, rowKeyOf } from "../table-chains";
import { type ChainLoad, change, hasRows, nestedOf } from "./load-context";
import { type MergeTable, mergeRoot } from "./sql-merge-parts";
import * as sql from "./sql-scd2";

export async function loadScd2(load: ChainLoad): Promise<void> {
  const root = mergeRoot(load.place, load.chain.root);
  const scd2 = sql.scd2Of(root.table, load.plan.created_at);
  const updated = await change(load, "retiring versions of", root.table, sql.retireVersions(root, scd2));
  const inserted = await change(load, "loading", root.table, sql.insertVersions(root, scd2));
  load.add(root.table.name, { updated, inserted });

  const staged = new Map<string, MergeTable>([[root.table.name, root]]);
  const filters = new Map<string, string | undefined>([[root.table.name, root.sourceFilter]]);
  for (const table of nestedOf(load)) {
    const { name, parent: parentName } = table.table;
    const parent = staged.get(parentName ?? "") ?? root;
    const filter = sql.nestedFilter(
      root,
      scd2,
      {
        rootKey: columnsWith(table.table, "root_key")[0],
        parentKey: columnsWith(table.table, "parent_key")[0],
        parent,
        parentRowKey: parent === root ? scd2.rowKey : rowKeyOf(parent.table),
      },
      filters.get(parent.table.name),
    );
    staged.set(name, table);
    filters.set(name, filter);
    if (!hasRows(load, table.table)) continue;
    const statement = sql.insertNestedVersions(table, rowKeyOf(table.table), filter);
    load.add(name, { inserted: await change(load, "loading", table.table, statement) });
  }
}
