/** dlt's three system tables, for every destination. */
import type { StoredTable } from "../schema/types";
import type { LoadPlan } from "./destination";
import { chainsOf, completeColumns, LOADS_TABLE, STATE_TABLE, VERSION_TABLE } from "./table-chains";

/** Used where a schema lacks its own description of a system table; names, order and types never change. */
export const SYSTEM_TABLES: { [name: string]: StoredTable } = {
  [VERSION_TABLE]: system(VERSION_TABLE, [
    ["version", "bigint", false],
    ["engine_version", "bigint", false],
    ["inserted_at", "timestamp", false],
    ["schema_name", "text", false],
    ["version_hash", "text", false],
    ["schema", "text", false],
  ]),
  [LOADS_TABLE]: system(LOADS_TABLE, [
    ["load_id", "text", false],
    ["schema_name", "text", true],
    ["status", "bigint", false],
    ["inserted_at", "timestamp", false],
    ["schema_version_hash", "text", true],
  ]),
  [STATE_TABLE]: system(STATE_TABLE, [
    ["version", "bigint", false],
    ["engine_version", "bigint", false],
    ["pipeline_name", "text", false],
    ["state", "text", false],
    ["created_at", "timestamp", false],
    ["version_hash", "text", true],
    ["_dlt_load_id", "text", false],
    ["_dlt_id", "text", false],
  ]),
};

function system(name: string, columns: [string, "bigint" | "text" | "timestamp", boolean][]): StoredTable {
  return {
    name,
    columns: Object.fromEntries(
      columns.map(([column, data_type, nullable]) => [
        column,
        // dlt marks the state table's id as unique; with `create_indexes` it becomes a constraint
        {
          name: column,
          data_type,
          nullable,
          ...(column === "_dlt_id" ? { unique: true, row_key: true } : {}),
        },
      ]),
    ),
  };
}

/**
 * Both datasets have it, the staging dataset too: dlt's `refresh` deletes from it there without a look when the dataset
 * exists (1.31: `_delete_schema_in_storage`).
 */
export function versionTable(plan: LoadPlan): StoredTable {
  return plan.schema.tables[VERSION_TABLE] ?? (SYSTEM_TABLES[VERSION_TABLE] as StoredTable);
}

/** The tables that must be there before the plan is loaded. */
export function plannedTables(plan: LoadPlan): StoredTable[] {
  const tables = new Map<string, StoredTable>([[VERSION_TABLE, versionTable(plan)]]);
  tables.set(LOADS_TABLE, plan.schema.tables[LOADS_TABLE] ?? (SYSTEM_TABLES[LOADS_TABLE] as StoredTable));
  const state = plan.schema.tables[STATE_TABLE] ?? (plan.state ? SYSTEM_TABLES[STATE_TABLE] : undefined);
  if (state && completeColumns(state).length > 0) tables.set(STATE_TABLE, state);
  for (const chain of chainsOf(plan)) for (const table of chain.tables) tables.set(table.name, table);
  // dlt creates the tables it is about to empty (refresh: drop_data)
  for (const name of plan.refresh?.truncate ?? []) {
    const table = plan.schema.tables[name];
    if (table && completeColumns(table).length > 0) tables.set(name, table);
  }
  return [...tables.values()];
}
