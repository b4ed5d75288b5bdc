/** Python's `str()` of any JSON value, lists and dicts included: what lands in URLs and headers in dlt. */
import { isObject } from "../../json/jsonpath";
import { pythonStr } from "../../json/python-text";
import type { Scalar, Value } from "../../json/values";

export function pythonText(value: Value): string {
  return typeof value === "string" ? value : pythonRepr(value);
}

function pythonRepr(value: Value): string {
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(", ")}]`;
  if (!isObject(value)) return pythonStr(value as Scalar);
  const pairs = Object.entries(value).map(([key, one]) => `${quoted(key)}: ${pythonRepr(one)}`);
  return `{${pairs.join(", ")}}`;
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll("\t", "\\t")
    .replaceAll(quote, `\\${quote}`);
  return quote + escaped + quote;
}
