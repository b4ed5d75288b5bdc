/**
 * `append` and `replace`. Both staging and truncating replace come to the same here: emptied and filled in the
 * transaction of the package, so readers never see an empty table (dlt's default does show one).
 */
import { type ChainLoad, change, filesOf, hasRows } from "./load-context";
import { insertRows, mergeTable, selectStaged } from "./sql-merge-parts";

export async function loadAppend(load: ChainLoad): Promise<void> {
  const { vendor } = load;
  for (const table of load.chain.tables) {
    if (!hasRows(load, table)) continue;
    const files = filesOf(load.plan, table.name);
    if (vendor.append !== undefined) {
      load.add(table.name, { inserted: await vendor.append(load.place, table, files) });
      continue;
    }
    const into = mergeTable(load.place, table);
    await vendor.stage(table, files);
    load.add(table.name, {
      inserted: await change(load, "loading", table, insertRows(into, selectStaged(into))),
    });
    await vendor.unstage(table);
  }
}

/** Empties every table of the chain that ever saw data, also those without new rows. */
export async function loadReplace(load: ChainLoad): Promise<void> {
  for (const table of load.chain.tables) {
    load.add(table.name, { deleted: await load.vendor.empty(load.place, table) });
  }
  await loadAppend(load);
}
