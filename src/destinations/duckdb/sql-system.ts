/** dlt's three system tables on DuckDB (compatibility notes d.1, d.6). Values are bound. Pure text. */
import type { StoredTable } from "../../schema/types";
import { LOADS_TABLE, STATE_TABLE, VERSION_TABLE } from "../table-chains";
import { type Place, qualifiedTable } from "./sql-text";

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

export function insertVersion(place: Place): string {
  return (
    `INSERT INTO ${qualifiedTable(place, VERSION_TABLE)} ` +
    "(version, engine_version, inserted_at, schema_name, version_hash, schema) " +
    "VALUES ($1, $2, CAST($3 AS TIMESTAMP WITH TIME ZONE), $4, $5, $6)"
  );
}

export function hasVersion(place: Place): string {
  return `SELECT count(*) AS n FROM ${qualifiedTable(place, VERSION_TABLE)} WHERE version_hash = $1`;
}

export function deleteVersions(place: Place): string {
  return `DELETE FROM ${qualifiedTable(place, VERSION_TABLE)} WHERE schema_name = $1`;
}

/** Newest row per schema name; dlt takes the latest `inserted_at`. */
export function latestVersions(place: Place): string {
  return (
    "SELECT schema_name, schema FROM (SELECT schema_name, schema, ROW_NUMBER() OVER " +
    "(PARTITION BY schema_name ORDER BY inserted_at DESC, version DESC) AS rank " +
    `FROM ${qualifiedTable(place, VERSION_TABLE)}) WHERE rank = 1`
  );
}

export function insertLoad(place: Place): string {
  return (
    `INSERT INTO ${qualifiedTable(place, LOADS_TABLE)} ` +
    "(load_id, schema_name, status, inserted_at, schema_version_hash) " +
    "VALUES ($1, $2, 0, CAST($3 AS TIMESTAMP WITH TIME ZONE), $4)"
  );
}

export function hasLoad(place: Place): string {
  return `SELECT count(*) AS n FROM ${qualifiedTable(place, LOADS_TABLE)} WHERE load_id = $1 AND status = 0`;
}

export function greatestLoadId(place: Place): string {
  return `SELECT max(load_id) AS load_id FROM ${qualifiedTable(place, LOADS_TABLE)}`;
}

export function insertState(place: Place): string {
  return (
    `INSERT INTO ${qualifiedTable(place, STATE_TABLE)} ` +
    "(version, engine_version, pipeline_name, state, created_at, version_hash, _dlt_load_id, _dlt_id) " +
    "VALUES ($1, $2, $3, $4, CAST($5 AS TIMESTAMP WITH TIME ZONE), $6, $7, $8)"
  );
}

/** Newest state whose load is committed; load ids are compared as text, as dlt does. */
export function newestState(place: Place): string {
  return (
    "SELECT s.version, s.state, s.version_hash, s._dlt_load_id AS load_id " +
    `FROM ${qualifiedTable(place, STATE_TABLE)} AS s JOIN ${qualifiedTable(place, LOADS_TABLE)} AS l ` +
    "ON l.load_id = s._dlt_load_id WHERE s.pipeline_name = $1 AND l.status = 0 " +
    "ORDER BY l.load_id DESC LIMIT 1"
  );
}
