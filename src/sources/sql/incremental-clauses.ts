/** Cursor ranges as WHERE and ORDER BY (dlt: sql_database `_make_query`); values are bound, names are quoted. */
import { escapeIdentifier } from "pg";
import { pythonFloat } from "../../json/python-text";
import { Binary, Decimal, PlainDate, PlainTime, Timestamp, type Value, WholeFloat } from "../../json/values";
import { TidemarkError } from "../../pipeline/errors";
import type { IncrementalRange } from "../source";

/** A value as PostgreSQL reads it from text; the server infers its type from where it stands. */
export function bindText(value: Value): string | null {
  if (value === null || typeof value === "string") return value;
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : pythonFloat(value);
  if (typeof value === "bigint" || typeof value === "boolean") return String(value);
  if (value instanceof WholeFloat) return String(value.value);
  if (value instanceof Binary) return `\\x${Buffer.from(value.bytes).toString("hex")}`;
  if (
    value instanceof Decimal ||
    value instanceof Timestamp ||
    value instanceof PlainDate ||
    value instanceof PlainTime
  ) {
    return value.text;
  }
  throw new TidemarkError(
    "CURSOR_TYPE",
    "A list or an object cannot be the value of an SQL cursor or parameter.",
  );
}

/** Collects bound values and hands out their placeholders. */
export class Parameters {
  readonly values: (string | null)[];

  constructor(values: readonly (string | null)[] = []) {
    this.values = [...values];
  }

  add(value: Value): string {
    this.values.push(bindText(value));
    return `$${this.values.length}`;
  }
}

/**
 * Condition on the cursor column, or undefined when every row is in range.
 * @param place binds or escapes a value and returns what stands for it
 */
export function rangeCondition(range: IncrementalRange, place: (value: Value) => string): string | undefined {
  const { config, start_value: start, end_value: end } = range;
  const column = escapeIdentifier(config.cursor_path);
  const isMax = config.last_value_func === "max";
  const orEqual = (closed: boolean) => (closed ? "=" : "");
  let condition: string | undefined;
  if (start !== undefined && start !== null) {
    const from = `${isMax ? ">" : "<"}${orEqual(config.range_start === "closed")}`;
    condition = `${column} ${from} ${place(start)}`;
    if (end !== undefined && end !== null) {
      const to = `${isMax ? "<" : ">"}${orEqual(config.range_end === "closed")}`;
      condition += ` AND ${column} ${to} ${place(end)}`;
    }
    if (config.on_cursor_value_missing === "include") condition = `(${condition} OR ${column} IS NULL)`;
  }
  if (config.on_cursor_value_missing === "exclude") {
    condition = `${condition === undefined ? "" : `${condition} AND `}${column} IS NOT NULL`;
  }
  return condition;
}

/** ASC or DESC on the cursor column, only for a declared row_order. */
export function cursorDirection(range: IncrementalRange | undefined): "ASC" | "DESC" | undefined {
  if (!range?.config.row_order) return undefined;
  const rising = (range.config.row_order === "asc") === (range.config.last_value_func === "max");
  return rising ? "ASC" : "DESC";
}
