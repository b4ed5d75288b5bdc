/**
 * `append` and `replace`. Both staging and truncating replace come to the same here: emptied and filled in the
 * transaction of the package, so readers never see an empty table (dlt's default does show one).
 */
import { type ChainLoad, change, hasRows } from "./load-context";
import { deleteRows, insertRows, mergeTable, selectStaged } from "./sql-merge-parts";

export async function loadAppend(load: ChainLoad): Promise<void> {
  for (const table of load.chain.tables) {
    if (!hasRows(load, table)) continue;
    const into = mergeTable(load.place, table);
    load.add(table.name, {
      inserted: await change(load, "loading", table, insertRows(into, selectStaged(into))),
    });
  }
}

/** Empties every table of the chain that ever saw data, also those without new rows. */
export async function loadReplace(load: ChainLoad): Promise<void> {
  for (const table of load.chain.tables) {
    const { target } = mergeTable(load.place, table);
    load.add(table.name, { deleted: await change(load, "emptying", table, deleteRows(target)) });
  }
  await loadAppend(load);
}
