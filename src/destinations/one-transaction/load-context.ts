/** What the strategies share while a package is loaded: the open database, one chain, its files and its counts. */
import type { LoadedTable } from "../../pipeline/infos";
import type { StoredTable } from "../../schema/types";
import type { LoadPlan, PackageFile } from "../destination";
import type { Chain } from "../table-chains";
import { countRows, type MergeTable, mergeTable } from "./sql-merge-parts";
import type { Place } from "./sql-text";
import type { SqlDatabase, SqlVendor } from "./sql-vendor";

export interface ChainLoad {
  vendor: SqlVendor;
  db: SqlDatabase;
  place: Place;
  plan: LoadPlan;
  chain: Chain;
  /** Adds to the counts of a table. */
  add(table: string, counts: Partial<Pick<LoadedTable, "inserted" | "updated" | "deleted">>): void;
}

export function filesOf(plan: LoadPlan, table: string): PackageFile[] {
  return plan.files.filter(file => file.table === table);
}

export function rowsOf(plan: LoadPlan, table: string): number {
  return filesOf(plan, table).reduce((sum, file) => sum + file.rows, 0);
}

export function nestedOf(load: ChainLoad): MergeTable[] {
  return load.chain.tables
    .filter(table => table.name !== load.chain.root.name)
    .map(table => mergeTable(load.place, table));
}

export function hasRows(load: ChainLoad, table: StoredTable): boolean {
  return filesOf(load.plan, table.name).length > 0;
}

/** Runs a statement for one table and returns the rows it changed. */
export function change(load: ChainLoad, verb: string, table: StoredTable, sql: string): Promise<number> {
  return load.db.run(sql, [], `${verb} table "${table.name}"`);
}

export function tableRows(load: ChainLoad, table: MergeTable): Promise<number> {
  return load.db.count(countRows(table.target));
}
