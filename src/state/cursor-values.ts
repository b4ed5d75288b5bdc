/** The three forms of a cursor value: as rows hold it, as the state stores it, and as histories carry it. */
import { parseJson } from "../json/parse";
import { floatText } from "../json/print";
import { decodeTyped, encodeLine } from "../json/typed-json";
import { Decimal, PlainDate, PlainTime, type Row, Timestamp, type Value, WholeFloat } from "../json/values";
import type { CursorInfo, CursorValue } from "../pipeline/cursor";
import { TidemarkError } from "../pipeline/errors";
import type { Json } from "../pipeline/spec";
import type { PipelineState } from "./pipeline-state";

/** Stored form: JSON, or text whose first character names the type (dlt: typed JSON). */
export function toStored(value: Value | undefined): Json {
  return (parseJson(encodeLine({ value: value ?? null })) as Row).value as Json;
}

export function fromStored(stored: Json | undefined): Value {
  return decodeTyped((stored ?? null) as Value);
}

/** Form for histories: text with a type, exact to the last digit (design law 1). */
export function toCursorValue(value: Value): CursorValue {
  if (value === null) return { type: "null", text: "" };
  if (typeof value === "string") return { type: "text", text: value };
  if (typeof value === "boolean") return { type: "bool", text: String(value) };
  if (typeof value === "bigint") return { type: "bigint", text: value.toString() };
  if (typeof value === "number") {
    return Number.isInteger(value)
      ? { type: "bigint", text: String(value) }
      : { type: "double", text: floatText(value) };
  }
  if (value instanceof WholeFloat) return { type: "double", text: floatText(value.value) };
  if (value instanceof Decimal) return { type: "decimal", text: value.text };
  if (value instanceof Timestamp) return { type: "timestamp", text: value.text };
  if (value instanceof PlainDate) return { type: "date", text: value.text };
  if (value instanceof PlainTime) return { type: "time", text: value.text };
  throw new TidemarkError("CURSOR_TYPE", "a list, an object or bytes cannot be a cursor value");
}

/** Every cursor of the state, in its order. */
export function cursorsOf(state: PipelineState): CursorInfo[] {
  return Object.values(state.sources ?? {}).flatMap(source =>
    Object.entries(source.resources ?? {}).flatMap(([resource, own]) =>
      Object.entries(own.incremental ?? {}).map(([cursor_path, stored]) => ({
        resource,
        cursor_path,
        value: toCursorValue(fromStored(stored.last_value)),
      })),
    ),
  );
}
