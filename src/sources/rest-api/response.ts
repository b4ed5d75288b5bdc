/** What paginators, detection and selectors see of one response. */
import { compilePath, isObject } from "../../json/jsonpath";
import type { Row, Value } from "../../json/values";
import { WholeFloat } from "../../json/values";
import type { PathSpec } from "./config";

export interface PageResponse {
  body: Value;
  header(name: string): string | undefined;
  /** No row on the page. */
  empty: boolean;
}

/** The response lacks what the config asks for. The message is completed with the resource by the caller. */
export class ResponseError extends Error {}

type Finder = (value: Value) => Value[];

/** All matches of a JSONPath, or of the keys that auto-detection found. */
export function finder(path: PathSpec): Finder {
  if (typeof path === "string") return compilePath(path);
  return value => {
    let one: Value = value;
    for (const key of path) {
      if (!isObject(one) || !Object.hasOwn(one, key)) return [];
      one = one[key]!;
    }
    return [one];
  };
}

/**
 * Rows of a page (dlt: `extract_response`): a single match is unwrapped, null is no row, anything but a list is one
 * row. What is not an object becomes `{ value: … }`, as dlt's normalizer has it.
 */
export function rowsOf(body: Value, select: Finder): Row[] {
  const matches = select(body);
  const data = matches.length === 1 ? matches[0]! : matches;
  if (data === null) return [];
  const rows = Array.isArray(data) ? data : [data];
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    if (row === null || typeof row !== "object" || Array.isArray(row) || row instanceof WholeFloat)
      return rows.map(asRow);
  }
  return rows as Row[];
}

function asRow(value: Value): Row {
  return isObject(value) ? value : { value };
}

/** Python's `int(value)`; undefined when it would raise. */
export function pythonInt(value: Value): number | undefined {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "bigint") return Number(value);
  if (value instanceof WholeFloat) return pythonInt(value.value);
  if (typeof value === "number") return Number.isFinite(value) ? Math.trunc(value) : undefined;
  if (typeof value === "string" && /^\s*[+-]?\d+(_\d+)*\s*$/.test(value))
    return Number(value.trim().replaceAll("_", ""));
  return undefined;
}

/** Python's truth. */
export function isTruthy(value: Value): boolean {
  if (Array.isArray(value)) return value.length > 0;
  if (isObject(value)) return Object.keys(value).length > 0;
  if (value instanceof WholeFloat) return value.value !== 0;
  return typeof value === "number" && Number.isNaN(value) ? true : Boolean(value);
}
