/**
 * Rows as columns: what a source hands out when it knows the types of its columns and none of them is nested.
 * Values are in Parquet's PLAIN layout from the start, so that extract and normalize copy bytes and make no objects.
 */

/** What the values of a column are, and how they lie in `data`. */
export type ColumnKind =
  /** UTF-8 behind its length, a little-endian uint32. */
  | { kind: "text" }
  /** As text; compact JSON as orjson prints it. */
  | { kind: "json" }
  /** As text; the digits of a Decimal as Python prints it, of any scale. */
  | { kind: "decimal-text" }
  /** Bytes behind their length. */
  | { kind: "binary" }
  /** Little-endian int64: an integer, or microseconds (since 1970 in UTC; wall clock; since midnight). */
  | { kind: "integer" | "timestamp" | "local-timestamp" | "time" }
  /** Little-endian int32: days since 1970. */
  | { kind: "date" }
  /** Little-endian float64. NaN and infinities are values. */
  | { kind: "double" }
  /** Bits, the lowest first. */
  | { kind: "bool" }
  /** Unscaled, 16 bytes, big-endian two's complement. */
  | { kind: "decimal"; precision: number; scale: number };

export interface PageColumn {
  /** As the source calls it. */
  name: string;
  type: ColumnKind;
  /** One byte per row, 1 where there is a value. Undefined: every row has one. */
  present: Uint8Array | undefined;
  /** Values that are not null. */
  count: number;
  data: Uint8Array;
}

export interface ColumnPage {
  rows: number;
  columns: readonly PageColumn[];
  /** The rows get neither `_dlt_id` nor `_dlt_load_id` (dlt: arrow tables). */
  bare: boolean;
}

/** Bytes of one value of a fixed width; undefined: as long as its length says, or a bit. */
export function fixedWidth(type: ColumnKind): number | undefined {
  switch (type.kind) {
    case "integer":
    case "timestamp":
    case "local-timestamp":
    case "time":
    case "double":
      return 8;
    case "date":
      return 4;
    case "decimal":
      return 16;
    default:
      return undefined;
  }
}

export function pageBytes(page: ColumnPage): number {
  return page.columns.reduce((sum, { data, present }) => sum + data.length + (present?.length ?? 0), 0);
}
