/** CREATE and ALTER as dlt writes them on DuckDB: columns in stored order, NOT NULLs, one column per ALTER. */
import { TidemarkError } from "../../pipeline/errors";
import type { StoredTable } from "../../schema/types";
import { type CompleteColumn, completeColumns } from "../table-chains";
import { columnType } from "./column-types";
import { type Place, qualifiedDataset, qualifiedTable, quoteName } from "./sql-text";

export function createDataset(place: Place): string {
  return `CREATE SCHEMA IF NOT EXISTS ${qualifiedDataset(place)}`;
}

export interface DdlOptions {
  /** Destination option `create_indexes`: UNIQUE on columns with that hint; DuckDB gets no primary keys from dlt. */
  create_indexes: boolean;
}

export function createTable(place: Place, table: StoredTable, options: DdlOptions): string {
  const columns = completeColumns(table).map(column => columnDefinition(table, column, options));
  return `CREATE TABLE IF NOT EXISTS ${qualifiedTable(place, table.name)} (\n${columns.join(",\n")})`;
}

function columnDefinition(table: StoredTable, column: CompleteColumn, options: DdlOptions): string {
  const unique = options.create_indexes && column.unique === true ? " UNIQUE" : "";
  const notNull = column.nullable === false ? " NOT NULL" : "";
  return `${quoteName(column.name)} ${columnType(table.name, column)}${unique}${notNull}`;
}

/**
 * @throws TidemarkError DESTINATION_REFUSED for a NOT NULL column: DuckDB cannot add one (nor can dlt there)
 */
export function addColumn(place: Place, table: StoredTable, column: CompleteColumn): string {
  if (column.nullable === false) {
    throw new TidemarkError(
      "DESTINATION_REFUSED",
      `Table "${place.dataset}.${table.name}" exists without the NOT NULL column "${column.name}", and DuckDB cannot ` +
        "add a NOT NULL column to an existing table. Nothing was changed. " +
        (column.root_key === true
          ? 'This happens when a table with nested tables changes to "merge": keep the old write disposition, or run ' +
            "once with `refresh: drop_resources` to build its tables anew."
          : "Make the column nullable (drop the key or the `nullable: false` hint), or run once with " +
            "`refresh: drop_resources` to build the table anew."),
      { dltException: "ParserException" },
    );
  }
  return `ALTER TABLE ${qualifiedTable(place, table.name)} ADD COLUMN ${quoteName(column.name)} ${columnType(table.name, column)}`;
}

export function dropTable(place: Place, table: string): string {
  return `DROP TABLE IF EXISTS ${qualifiedTable(place, table)}`;
}
