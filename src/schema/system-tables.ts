/**
 * The three tables dlt keeps for itself, exactly as it stores them: descriptions and key order take part in the
 * schema hash and in what other engines read. Never reorder columns.
 */
import type { StoredColumn, StoredTable } from "./types";

export const VERSION_TABLE = "_dlt_version";
export const LOADS_TABLE = "_dlt_loads";
export const STATE_TABLE = "_dlt_pipeline_state";
export const SYSTEM_PREFIX = "_dlt";

export const C_DLT_ID = "_dlt_id";
export const C_DLT_LOAD_ID = "_dlt_load_id";
export const C_DLT_PARENT_ID = "_dlt_parent_id";
export const C_DLT_LIST_IDX = "_dlt_list_idx";
export const C_DLT_ROOT_ID = "_dlt_root_id";

/** dlt: is_dlt_table_or_column. */
export function isSystemName(name: string): boolean {
  return name.startsWith(SYSTEM_PREFIX);
}

type ColumnSpec = [name: string, type: "bigint" | "text" | "timestamp", nullable: boolean, text: string];

function columns(specs: ColumnSpec[]): { [name: string]: StoredColumn } {
  return Object.fromEntries(
    specs.map(([name, data_type, nullable, description]) => [
      name,
      { name, data_type, nullable, ...(SHORT_IDS.has(name) ? { precision: 64 } : {}), description },
    ]),
  );
}
const SHORT_IDS = new Set(["load_id", C_DLT_LOAD_ID]);

export function versionTable(): StoredTable {
  return {
    name: VERSION_TABLE,
    columns: columns([
      ["version", "bigint", false, "Numeric version of the schema, incremented on each schema change"],
      ["engine_version", "bigint", false, "Version of the dlt schema engine that created this schema"],
      ["inserted_at", "timestamp", false, "Timestamp when this schema version was stored"],
      ["schema_name", "text", false, "Name of the schema"],
      ["version_hash", "text", false, "Unique hash of the schema content, used to detect changes"],
      ["schema", "text", false, "JSON representation of the complete schema definition"],
    ]),
    write_disposition: "skip",
    resource: VERSION_TABLE,
    description: "Created by DLT. Tracks schema updates",
  };
}

export function loadsTable(): StoredTable {
  return {
    name: LOADS_TABLE,
    columns: columns([
      ["load_id", "text", false, "Unique identifier of the load operation"],
      ["schema_name", "text", true, "Name of the schema associated with this load"],
      ["status", "bigint", false, "Status of the load operation (0 = success)"],
      ["inserted_at", "timestamp", false, "Timestamp when the load was completed"],
      ["schema_version_hash", "text", true, "Hash of the schema version used during this load"],
    ]),
    write_disposition: "skip",
    resource: LOADS_TABLE,
    description: "Created by DLT. Tracks completed loads",
  };
}

/** As extract declares it; normalize adds `_dlt_id` when the first state row goes through. */
export function stateTable(): StoredTable {
  return {
    columns: columns([
      ["version", "bigint", false, "Numeric version of the pipeline state"],
      ["engine_version", "bigint", false, "Version of the dlt state engine"],
      ["pipeline_name", "text", false, "Name of the pipeline this state belongs to"],
      ["state", "text", false, "Compressed JSON representation of the pipeline state"],
      ["created_at", "timestamp", false, "Timestamp when this state was created"],
      ["version_hash", "text", true, "Hash of the state content, used to detect changes"],
      [C_DLT_LOAD_ID, "text", false, "Load identifier linking this row to its load operation"],
    ]),
    write_disposition: "append",
    file_format: "preferred",
    name: STATE_TABLE,
    resource: STATE_TABLE,
  };
}

/** The row id column as normalize infers it. */
export function rowIdColumn(): StoredColumn {
  return { name: C_DLT_ID, data_type: "text", nullable: false, unique: true, row_key: true };
}
