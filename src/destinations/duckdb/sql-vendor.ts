/** DuckDB's part of a load in one transaction. */
import { deleteRows } from "../one-transaction/sql-merge-parts";
import { qualifiedTable } from "../one-transaction/sql-text";
import type { LoadOptions, SqlVendor } from "../one-transaction/sql-vendor";
import { addColumn } from "./add-column";
import { DUCKDB_CAPABILITIES } from "./capabilities";
import { columnStorage, columnType } from "./column-types";
import type { Database } from "./database";
import { explainRefusal } from "./load-faults";
import { createStagedView, dropStagedView } from "./staged-view";

export function duckdbVendor(db: Database, options: LoadOptions): SqlVendor {
  return {
    db,
    options,
    capabilities: DUCKDB_CAPABILITIES,
    // with UNIQUE indexes DuckDB may take the row's return for a duplicate
    mayReplaceRows: !options.create_indexes,
    columnType: (table, column) => columnType(table.name, column),
    columnStorage,
    addColumn,
    // a file has one writer
    lock: async () => {},
    async stage(table, files) {
      await db.run(createStagedView(table, files));
    },
    async unstage(table) {
      await db.run(dropStagedView(table));
    },
    empty: (place, table) =>
      db.run(deleteRows(qualifiedTable(place, table.name)), [], `emptying table "${table.name}"`),
    explainRefusal: (plan, refusal) => explainRefusal(db, plan, refusal),
  };
}
