/** CREATE and DROP as dlt writes them: columns in stored order, UNIQUE where indexes are wanted, NOT NULLs. */
import type { StoredTable } from "../../schema/types";
import { type CompleteColumn, completeColumns } from "../table-chains";
import { type Place, qualifiedDataset, qualifiedTable, quoteName } from "./sql-text";
import type { LoadOptions, SqlVendor } from "./sql-vendor";

export function createDataset(place: Place): string {
  return `CREATE SCHEMA IF NOT EXISTS ${qualifiedDataset(place)}`;
}

/** Column types, and the destination option `create_indexes`: UNIQUE on columns with that hint; dlt makes no primary keys. */
export type DdlWords = Pick<SqlVendor, "columnType" | "columnStorage"> & {
  options: Pick<LoadOptions, "create_indexes">;
};

export function createTable(place: Place, table: StoredTable, words: DdlWords): string {
  const columns = completeColumns(table).map(column => columnDefinition(table, column, words));
  return `CREATE TABLE IF NOT EXISTS ${qualifiedTable(place, table.name)} (\n${columns.join(",\n")})`;
}

export function columnDefinition(table: StoredTable, column: CompleteColumn, words: DdlWords): string {
  const unique = words.options.create_indexes && column.unique === true ? " UNIQUE" : "";
  const notNull = column.nullable === false ? " NOT NULL" : "";
  const storage = words.columnStorage?.(column) ?? "";
  return `${quoteName(column.name)} ${words.columnType(table, column)}${unique}${notNull}${storage}`;
}

export function dropTable(place: Place, table: string): string {
  return `DROP TABLE IF EXISTS ${qualifiedTable(place, table)}`;
}
