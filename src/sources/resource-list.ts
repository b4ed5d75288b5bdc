/**
 * What sources share whose resources stand in a list with dlt's arguments as they are (sql, code): the dict form of
 * `dlt.sources.incremental`, source-level keys, names given twice.
 */
import type { IncrementalConfig, Json, JsonObject } from "../pipeline/spec";
import { RESOURCE_HINTS, resolveNames } from "./hints";
import {
  any,
  bool,
  filledText,
  int,
  isJsonObject,
  number,
  oneOf,
  type Rule,
  type Shape,
  shape,
} from "./shape";
import type { SpecProblem } from "./source";

const namesOrNone: Rule = (value, path, problems) => {
  // an empty list is dlt's `()`: no dedup at the cursor's boundary
  if (!Array.isArray(value) || value.length > 0) RESOURCE_HINTS.primary_key!(value, path, problems);
};

/** dlt: `dlt.sources.incremental`, written as a dict. */
export const INCREMENTAL: Rule = shape(
  {
    cursor_path: filledText,
    initial_value: any,
    end_value: any,
    last_value_func: oneOf("last_value_func", ["max", "min"]),
    primary_key: namesOrNone,
    row_order: oneOf("sort order", ["asc", "desc"]),
    range_start: oneOf("range", ["closed", "open"]),
    range_end: oneOf("range", ["open", "closed"]),
    lag: number,
    on_cursor_value_missing: oneOf("way", ["raise", "include", "exclude"]),
  },
  ["cursor_path"],
);

/** Source-level keys that every source type has. */
export const SOURCE_KEYS: Shape = {
  type: filledText,
  name: filledText,
  max_table_nesting: int,
  root_key: bool,
  schema_contract: RESOURCE_HINTS.schema_contract!,
};

/**
 * dlt's defaults filled in; the input has passed INCREMENTAL.
 * `primary_key_is_list` keeps how the key was written: it decides dlt's dedup hash.
 * @param primaryKey the resource's own, which counts when the incremental names none
 */
export function resolveIncremental(raw: Json | undefined, primaryKey?: Json): IncrementalConfig | undefined {
  if (!isJsonObject(raw)) return undefined;
  const given = Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== null)) as JsonObject;
  const key = given.primary_key ?? primaryKey;
  return {
    last_value_func: "max",
    range_start: "closed",
    range_end: "open",
    on_cursor_value_missing: "raise",
    ...given,
    ...(given.primary_key === undefined ? {} : { primary_key: resolveNames(given.primary_key) }),
    ...(Array.isArray(key) && key.length === 1 ? { primary_key_is_list: true } : {}),
  } as IncrementalConfig;
}

/** Names given twice: in dlt the last would silently win. */
export function duplicateNames(resources: readonly { name: string }[]): SpecProblem[] {
  const seen = new Set<string>();
  return resources.flatMap(({ name }, index) => {
    const again = seen.has(name);
    seen.add(name);
    return again
      ? [{ path: ["resources", index, "name"], message: `a resource "${name}" is there already` }]
      : [];
  });
}
