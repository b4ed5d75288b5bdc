/** Source types `postgres`, `sql_table` and `sql_database`. */
import type { SourceType } from "../source";
import { credentialSettings, databaseSettings, secretPointers, tableSettings } from "./sql-settings";
import {
  checkDatabase,
  checkPostgres,
  checkTable,
  databaseShape,
  postgresShape,
  tableShape,
} from "./sql-shape";

const made = () => require("./create") as typeof import("./create");

export const postgresSource: SourceType = {
  type: "postgres",
  shape: postgresShape,
  example: `pipeline_name: totals
source:
  type: postgres
  credentials: { env: SHOP_DSN }
  resources:
    - name: totals
      query: SELECT day, sum(amount) AS amount FROM orders WHERE day >= :start_value GROUP BY day
      primary_key: day
      write_disposition: merge
      incremental: { cursor_path: day, initial_value: "2026-01-01" }`,
  check: checkPostgres,
  secretPointers,
  settings: credentialSettings,
  create: (source, context) => made().createPostgres(source, context),
};

export const sqlTableSource: SourceType = {
  type: "sql_table",
  shape: tableShape,
  example: `pipeline_name: orders
source:
  type: sql_table
  credentials: { env: SHOP_DSN }
  table: orders
  excluded_columns: [note]
  write_disposition: replace`,
  standalone: true,
  check: checkTable,
  secretPointers,
  settings: tableSettings,
  create: (source, context) => made().createTable(source, context),
};

export const sqlDatabaseSource: SourceType = {
  type: "sql_database",
  shape: databaseShape,
  example: `pipeline_name: shop
source:
  type: sql_database
  credentials: { env: SHOP_DSN }
  schema: public
  table_names: [customers, orders]
  resources:
    - name: orders
      write_disposition: merge
      incremental: { cursor_path: updated_at, initial_value: "2026-01-01T00:00:00Z" }`,
  check: checkDatabase,
  secretPointers,
  settings: databaseSettings,
  create: (source, context) => made().createDatabase(source, context),
};
