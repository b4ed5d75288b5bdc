/** ALTER as dlt writes it on DuckDB: one column per statement. */
import { TidemarkError } from "../../pipeline/errors";
import type { StoredTable } from "../../schema/types";
import { type Place, qualifiedTable, quoteName } from "../one-transaction/sql-text";
import type { CompleteColumn } from "../table-chains";
import { columnType } from "./column-types";

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
