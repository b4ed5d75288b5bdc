/** dlt's stored schema (engine version 11), field names as stored. Source: dlt 1.31.0, `_dlt_version.schema`. */
import type {
  ContractMode,
  DataType,
  Json,
  SchemaContract,
  TableReference,
  WriteDispositionName,
} from "../pipeline/spec";

export const SCHEMA_ENGINE_VERSION = 11;

export interface StoredColumn {
  name: string;
  data_type?: DataType;
  nullable?: boolean;
  precision?: number;
  scale?: number;
  timezone?: boolean;
  primary_key?: boolean;
  merge_key?: boolean;
  unique?: boolean;
  row_key?: boolean;
  parent_key?: boolean;
  root_key?: boolean;
  hard_delete?: boolean;
  dedup_sort?: "asc" | "desc";
  partition?: boolean;
  cluster?: boolean;
  sort?: boolean;
  incremental?: boolean;
  variant?: boolean;
  description?: string;
  [hint: string]: Json | undefined;
}

export interface StoredTable {
  name: string;
  columns: { [name: string]: StoredColumn };
  write_disposition?: WriteDispositionName;
  resource?: string;
  parent?: string;
  schema_contract?: SchemaContract | ContractMode;
  references?: TableReference[];
  description?: string;
  table_format?: string;
  file_format?: string;
  "x-normalizer"?: { "seen-data"?: boolean; max_nesting?: number; [key: string]: Json | undefined };
  "x-merge-strategy"?: string;
  [hint: string]: unknown;
}

export interface StoredSchema {
  version: number;
  version_hash: string;
  engine_version: number;
  name: string;
  tables: { [name: string]: StoredTable };
  settings: {
    detections?: string[];
    default_hints?: { [hint: string]: string[] };
    preferred_types?: { [pattern: string]: DataType };
    schema_contract?: SchemaContract | ContractMode;
    [key: string]: unknown;
  };
  normalizers: {
    names: string;
    json: {
      module: string;
      config?: {
        max_nesting?: number;
        root_key_propagation?: boolean;
        propagation?: {
          tables?: { [root: string]: { [column: string]: string } };
          root?: { [column: string]: string };
        };
        [key: string]: unknown;
      };
    };
    [key: string]: unknown;
  };
  previous_hashes: string[];
  imported_version_hash?: string;
  description?: string;
}
