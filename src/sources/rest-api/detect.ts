/** What dlt guesses from the first response when the config does not say it (dlt: `rest_client/detector.py`). */
import { isObject } from "../../json/jsonpath";
import { keysInOrder } from "../../json/key-order";
import type { Value } from "../../json/values";
import { WholeFloat } from "../../json/values";
import { parseLinks } from "../http/link-header";
import type { PaginatorConfig } from "./config";
import { pythonInt } from "./response";

/** Keys under which APIs usually put their rows. */
const RECORD_KEYS = new Set([
  "data",
  "items",
  "results",
  "entries",
  "records",
  "rows",
  "entities",
  "payload",
  "content",
  "objects",
  "values",
]);
const MAX_LIST_DEPTH = 3;

/** Keys that lead to the rows; []: the body as it is. */
export function detectSelector(body: Value): string[] {
  if (!isObject(body)) return [];
  const lists: string[][] = [];
  collectLists(body, [], lists);
  return lists.find(path => RECORD_KEYS.has(path.at(-1)!)) ?? lists[0] ?? [];
}

function collectLists(value: { [key: string]: Value }, path: string[], lists: string[][]): void {
  if (path.length >= MAX_LIST_DEPTH) return;
  for (const key of keysInOrder(value)) {
    const one = value[key]!;
    if (Array.isArray(one)) lists.push([...path, key]);
    else if (isObject(one)) collectLists(one, [...path, key], lists);
  }
}

export function detectPaginator(body: Value, header: (name: string) => string | undefined): PaginatorConfig {
  if (parseLinks(header("link")).get("next")) return { type: "header_link" };
  const next = findKey(body, key => key.startsWith("next"), nextScalar);
  if (next !== undefined && typeof next.value === "string" && /^(http|\/)/.test(next.value)) {
    return { type: "json_link", next_url_path: next.path };
  }
  const pages = findKey(body, key => /^(total_pages|pages|totalpages)$/.test(key), scalar);
  if (pages !== undefined && pythonInt(pages.value) !== undefined)
    return { type: "page_number", total_path: pages.path };
  if (next !== undefined) return { type: "cursor", cursor_path: next.path };
  return { type: "single_page" };
}

interface Found {
  path: string[];
  value: Value;
}

/** First key that fits, at any depth, in document order; keys are compared in lower case. */
function findKey(
  root: Value,
  fits: (key: string) => boolean,
  take: (value: Value) => Found | undefined,
): Found | undefined {
  // An explicit stack: bodies may be nested thousands deep.
  const stack: { node: { [key: string]: Value }; keys: string[]; at: number }[] = [];
  const enter = (node: Value): void => {
    if (isObject(node)) stack.push({ node, keys: keysInOrder(node), at: 0 });
  };
  enter(root);
  while (stack.length > 0) {
    const top = stack.at(-1)!;
    if (top.at >= top.keys.length) {
      stack.pop();
      continue;
    }
    const key = top.keys[top.at++]!;
    const value = top.node[key]!;
    const found = fits(key.toLowerCase()) ? take(value) : undefined;
    if (found !== undefined) {
      return { path: [...stack.map(level => level.keys[level.at - 1]!), ...found.path], value: found.value };
    }
    enter(value);
  }
  return undefined;
}

function scalar(value: Value): Found | undefined {
  const isScalar = value instanceof WholeFloat || (value !== null && typeof value !== "object");
  return isScalar ? { path: [], value } : undefined;
}

/** `next: "…"`, or `next: { href: "…" }` and `next: { url: "…" }`. */
function nextScalar(value: Value): Found | undefined {
  if (!isObject(value)) return scalar(value);
  for (const key of keysInOrder(value)) {
    if (/^(href|url)/.test(key.toLowerCase()) && scalar(value[key]!))
      return { path: [key], value: value[key]! };
  }
  return undefined;
}
