/** JSON lines as values, exactly. */
import { parseMarkedLines } from "./marked-numbers";
import { parseJson } from "./parse";
import type { Value } from "./values";

/** @throws TidemarkError HTTP_BAD_JSON, ROW_NOT_STORABLE, as parseJson */
export function parseLines(text: string): Value[] {
  // No line can hold a raw line feed, so lines are one JSON list. The exact reader is the last resort.
  return parseMarkedLines(text) ?? exactLines(text);
}

function exactLines(text: string): Value[] {
  const rows: Value[] = [];
  for (const line of text.split("\n")) if (line !== "") rows.push(parseJson(line));
  return rows;
}
