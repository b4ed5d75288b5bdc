/**
 * Cursor values as they cross the wall between worker and history: text with a type, so that 64-bit
 * integers, decimals and microseconds survive JSON (design law 1).
 */
export type CursorType =
  | "null"
  | "bool"
  | "bigint"
  | "double"
  | "decimal"
  | "text"
  | "timestamp"
  | "date"
  | "time";

export interface CursorValue {
  type: CursorType;
  text: string;
}

/** One incremental cursor of one resource, as it stands after a load. */
export interface CursorInfo {
  resource: string;
  cursor_path: string;
  value: CursorValue;
}
