/** What goes into normalize and what comes out; everything else of this room is private. */
import type { DestinationCapabilities, PackageFile } from "../destinations/destination";
import type { OnProgress, TableRows } from "../pipeline/infos";
import type { StoredSchema } from "../schema/types";

/** A file written by extract, of JSON lines if it says nothing else. Only its first `bytes` bytes count: an attempt may have died after them. */
export interface Segment {
  path: string;
  bytes: number;
  rows: number;
  /** Bytes in front that were read before, whole rows; absent: none. */
  from?: number;
  /** Pages of columns, or parquet, instead of JSON lines. */
  format?: "columns" | "parquet";
  /** Of a parquet file: names as the table has them. */
  columns?: string[];
}

/** The rows of one resource for one table; several resources may write the same table. */
export interface ResourceSegments {
  resource: string;
  /** Root table, as written in the hints or already normalised. */
  table: string;
  /** In order; while the extraction runs, as they come. */
  segments: Iterable<Segment> | AsyncIterable<Segment>;
}

export type NormalizeCapabilities = Pick<
  DestinationCapabilities,
  | "max_identifier_length"
  | "max_column_identifier_length"
  | "decimal_precision"
  | "wei_precision"
  | "merge_strategies"
  | "literal_files"
  | "times_as_microseconds"
  | "long_decimals"
>;

export interface NormalizeLimits {
  rows_per_file: number;
  /** Approximate size of the values of one file before compression. */
  bytes_per_file: number;
}

export interface NormalizeInput {
  load_id: string;
  /** Hints are applied already (see schema/hints.ts). It is not changed. */
  schema: StoredSchema;
  resources: ResourceSegments[];
  /** An existing folder; files are written straight into it. */
  out_dir: string;
  capabilities: NormalizeCapabilities;
  limits: NormalizeLimits;
  /** The package will carry a state row: its table becomes part of the schema, as if the row went through here. */
  with_state?: boolean;
  signal: AbortSignal;
  onProgress: OnProgress;
}

export interface NormalizeOutput {
  /** Evolved, its version and hash brought up to date, `seen-data` set on tables that got rows. */
  schema: StoredSchema;
  files: PackageFile[];
  tables: TableRows[];
  /** New tables and columns: "table" or "table.column". */
  schema_changes: string[];
  /** Rows that contracts kept out; rows nested in them are not counted. */
  rejected_rows: number;
}
