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
  check: checkPostgres,
  secretPointers,
  settings: credentialSettings,
  create: (source, context) => made().createPostgres(source, context),
};

export const sqlTableSource: SourceType = {
  type: "sql_table",
  shape: tableShape,
  standalone: true,
  check: checkTable,
  secretPointers,
  settings: tableSettings,
  create: (source, context) => made().createTable(source, context),
};

export const sqlDatabaseSource: SourceType = {
  type: "sql_database",
  shape: databaseShape,
  check: checkDatabase,
  secretPointers,
  settings: databaseSettings,
  create: (source, context) => made().createDatabase(source, context),
};
