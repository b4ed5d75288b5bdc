/** Small stored schemas for tests of destinations, in the form normalize hands on. */
import type { DataType } from "../../src/pipeline/spec";
import type { StoredColumn, StoredSchema, StoredTable } from "../../src/schema/types";

export type ColumnHints = Omit<StoredColumn, "name">;

export function columns(spec: { [name: string]: DataType | ColumnHints }): { [name: string]: StoredColumn } {
  return Object.fromEntries(
    Object.entries(spec).map(([name, hints]) => [
      name,
      { name, nullable: true, ...(typeof hints === "string" ? { data_type: hints } : hints) },
    ]),
  );
}

const ROW_ID: ColumnHints = { data_type: "text", nullable: false, unique: true, row_key: true };

export function rootTable(
  name: string,
  spec: { [name: string]: DataType | ColumnHints },
  hints: Partial<StoredTable> = {},
): StoredTable {
  return {
    name,
    columns: columns({ ...spec, _dlt_load_id: { data_type: "text", nullable: false }, _dlt_id: ROW_ID }),
    write_disposition: "append",
    resource: name,
    "x-normalizer": { "seen-data": true },
    ...hints,
  };
}

export function childTable(
  name: string,
  parent: string,
  spec: { [name: string]: DataType | ColumnHints },
  withRootKey = true,
): StoredTable {
  return {
    name,
    parent,
    columns: columns({
      ...spec,
      ...(withRootKey ? { _dlt_root_id: { data_type: "text", nullable: false, root_key: true } } : {}),
      _dlt_parent_id: { data_type: "text", nullable: false, parent_key: true },
      _dlt_list_idx: { data_type: "bigint", nullable: false },
      _dlt_id: ROW_ID,
    }),
    "x-normalizer": { "seen-data": true },
  };
}

export function storedSchema(tables: StoredTable[], versionHash = "hash-1", name = "api"): StoredSchema {
  return {
    version: 2,
    version_hash: versionHash,
    engine_version: 11,
    name,
    tables: Object.fromEntries(tables.map(table => [table.name, table])),
    settings: { detections: ["iso_timestamp"] },
    normalizers: { names: "snake_case", json: { module: "dlt.common.normalizers.json.relational" } },
    previous_hashes: [],
  };
}
