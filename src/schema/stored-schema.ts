/** Creating, writing and reading the schema as it stands in `_dlt_version.schema`. */
import { deflateSync, inflateSync } from "node:zlib";
import { TidemarkError } from "../pipeline/errors";
import {
  C_DLT_ID,
  C_DLT_LIST_IDX,
  C_DLT_LOAD_ID,
  C_DLT_PARENT_ID,
  C_DLT_ROOT_ID,
  isSystemName,
  LOADS_TABLE,
  loadsTable,
  rowIdColumn,
  STATE_TABLE,
  stateTable,
  VERSION_TABLE,
  versionTable,
} from "./system-tables";
import type { StoredColumn, StoredSchema, StoredTable } from "./types";
import { SCHEMA_ENGINE_VERSION } from "./types";

const OLDEST_ENGINE = 9;

/** A schema without data tables, equal to dlt's `Schema(name)`. Version and hash are set by `bumpVersion`. */
export function newSchema(name: string): StoredSchema {
  return {
    version: 1,
    version_hash: "",
    engine_version: SCHEMA_ENGINE_VERSION,
    name,
    tables: { [VERSION_TABLE]: versionTable(), [LOADS_TABLE]: loadsTable() },
    settings: {
      detections: ["iso_timestamp"],
      default_hints: {
        not_null: [C_DLT_ID, C_DLT_ROOT_ID, C_DLT_PARENT_ID, C_DLT_LIST_IDX, C_DLT_LOAD_ID],
        parent_key: [C_DLT_PARENT_ID],
        root_key: [C_DLT_ROOT_ID],
        unique: [C_DLT_ID],
        row_key: [C_DLT_ID],
      },
    },
    normalizers: { names: "snake_case", json: { module: "dlt.common.normalizers.json.relational" } },
    previous_hashes: [],
  };
}

/** Declares the state table the way extract does when a state row is about to be written. */
export function declareStateTable(schema: StoredSchema): void {
  if (!Object.hasOwn(schema.tables, STATE_TABLE)) schema.tables[STATE_TABLE] = stateTable();
}

/** What normalize leaves of the state table once a state row went through it. */
export function completeStateTable(schema: StoredSchema): void {
  declareStateTable(schema);
  const table = schema.tables[STATE_TABLE]!;
  table.columns[C_DLT_ID] ??= rowIdColumn();
  table["x-normalizer"] = { ...table["x-normalizer"], "seen-data": true };
}

/** Text for `_dlt_version.schema`: plain JSON, or base64 of zlib when longer than `maxText` bytes. */
export function serializeSchema(schema: StoredSchema, maxText?: number): string {
  const text = JSON.stringify(schema);
  if (maxText === undefined || Buffer.byteLength(text) <= maxText) return text;
  return deflateSync(text, { level: 9 }).toString("base64");
}

/**
 * Reads a stored schema: fills in names, upgrades engines 9 and 10.
 * @throws TidemarkError ENGINE_TOO_OLD when a newer engine wrote it (or one older than 9);
 *   DESTINATION_REFUSED when it is not a schema at all.
 */
export function deserializeSchema(text: string): StoredSchema {
  return adoptSchema(parseStored(text));
}

function parseStored(text: string): StoredSchema {
  try {
    const json = text.trimStart().startsWith("{")
      ? text
      : inflateSync(Buffer.from(text, "base64")).toString("utf8");
    const schema = JSON.parse(json) as StoredSchema;
    if (
      typeof schema.engine_version !== "number" ||
      typeof schema.tables !== "object" ||
      schema.tables === null
    ) {
      throw new Error("not a schema");
    }
    return schema;
  } catch (cause) {
    throw new TidemarkError(
      "DESTINATION_REFUSED",
      "A schema stored in _dlt_version cannot be read: it is neither JSON nor compressed JSON of a dlt schema. Repair or delete that row.",
      { cause },
    );
  }
}

/** Makes a parsed schema fit for use; it is changed in place. */
export function adoptSchema(schema: StoredSchema): StoredSchema {
  const engine = schema.engine_version;
  if (engine > SCHEMA_ENGINE_VERSION || engine < OLDEST_ENGINE) {
    throw new TidemarkError(
      "ENGINE_TOO_OLD",
      `The stored schema "${schema.name}" has engine version ${engine}; this engine reads ${OLDEST_ENGINE} to ${SCHEMA_ENGINE_VERSION}. Use a newer Tidemark, or load into another dataset.`,
      { dltException: "SchemaEngineNoUpgradePathException" },
    );
  }
  if (engine < 10) upgradeTo10(schema);
  if (engine < 11) upgradeTo11(schema);
  schema.previous_hashes ??= [];
  schema.settings ??= {};
  for (const [name, table] of Object.entries(schema.tables)) {
    table.name = name;
    table.columns ??= {};
    removeSeenNullFirst(table);
    for (const [column, definition] of Object.entries(table.columns)) definition.name = column;
    if (table.parent === undefined) {
      table.write_disposition ??= "append";
      table.resource ??= name;
    }
  }
  return schema;
}

/** Engine 10: `complex` became `json`, foreign keys became row and parent keys. */
function upgradeTo10(schema: StoredSchema): void {
  const json = (type: unknown) => (type === "complex" ? "json" : type);
  for (const table of Object.values(schema.tables)) {
    for (const column of Object.values(table.columns)) {
      if (column.data_type !== undefined)
        column.data_type = json(column.data_type) as StoredColumn["data_type"];
    }
    const id = table.columns[C_DLT_ID];
    if (id !== undefined) id.row_key = id.unique ?? false;
    const parent = table.columns[C_DLT_PARENT_ID];
    if (parent !== undefined) parent.parent_key = (parent.foreign_key as boolean | undefined) ?? false;
    for (const column of Object.values(table.columns)) delete column.foreign_key;
  }
  const preferred = schema.settings.preferred_types;
  for (const pattern of Object.keys(preferred ?? {}))
    preferred![pattern] = json(preferred![pattern]) as "json";
  const hints = schema.settings.default_hints;
  if (hints !== undefined && Object.keys(hints).length > 0) {
    delete hints.foreign_key;
    hints.row_key = [C_DLT_ID];
    hints.parent_key = [C_DLT_PARENT_ID];
  }
  delete schema.normalizers.json?.config?.generate_dlt_id;
  schema.engine_version = 10;
}

/** Engine 11: names of older schemas keep their old normalisation. */
function upgradeTo11(schema: StoredSchema): void {
  schema.normalizers.use_break_path_on_normalize = false;
  schema.engine_version = 11;
}

/** Older engines left traces of columns that had only seen nulls. */
function removeSeenNullFirst(table: StoredTable): void {
  for (const [name, column] of Object.entries(table.columns)) {
    const hints = column["x-normalizer"] as { [hint: string]: unknown } | undefined;
    if (!hints?.["seen-null-first"]) continue;
    delete hints["seen-null-first"];
    if (column.data_type === undefined) delete table.columns[name];
    else if (Object.keys(hints).length === 0) delete column["x-normalizer"];
  }
}

/** dlt: data_tables. */
export function dataTables(schema: StoredSchema): StoredTable[] {
  return Object.values(schema.tables).filter(table => !isSystemName(table.name));
}
