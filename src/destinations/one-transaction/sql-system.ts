/** dlt's three system tables on DuckDB. Values are bound. Pure text. */
import { LOADS_TABLE, STATE_TABLE, VERSION_TABLE } from "../table-chains";
import { type Place, qualifiedTable } from "./sql-text";

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
    `FROM ${qualifiedTable(place, VERSION_TABLE)}) AS v WHERE rank = 1`
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
export function newestState(place: Place, limit = 1): string {
  return (
    "SELECT s.version, s.state, s.version_hash, s._dlt_load_id AS load_id " +
    `FROM ${qualifiedTable(place, STATE_TABLE)} AS s JOIN ${qualifiedTable(place, LOADS_TABLE)} AS l ` +
    "ON l.load_id = s._dlt_load_id WHERE s.pipeline_name = $1 AND l.status = 0 " +
    `ORDER BY l.load_id DESC LIMIT ${Math.trunc(limit)}`
  );
}

/**
 * Committed loads of one pipeline, newest first: how they are told from others says `PipelineLoads`. Bound: the
 * pipeline's mark, the schema's name, and with a state table the pipeline's name.
 */
export function loadsOfPipeline(place: Place, hasState: boolean, limit: number): string {
  const ofAnother = hasState
    ? ` AND NOT EXISTS (SELECT 1 FROM ${qualifiedTable(place, STATE_TABLE)} AS s ` +
      "WHERE s._dlt_load_id = l.load_id AND s.pipeline_name <> $3)"
    : "";
  return (
    `SELECT l.load_id FROM ${qualifiedTable(place, LOADS_TABLE)} AS l WHERE l.status = 0 AND ` +
    "CASE WHEN strpos(l.load_id, '.') > 0 AND length(l.load_id) - strpos(l.load_id, '.') = 11 " +
    `THEN right(l.load_id, 4) = $1 ELSE l.schema_name = $2${ofAnother} END ` +
    `ORDER BY l.load_id DESC LIMIT ${Math.trunc(limit)}`
  );
}
