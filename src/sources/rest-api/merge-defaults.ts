/** resource_defaults merged into a resource (dlt: `_merge_resource_endpoints`). */
import type { Json, JsonObject } from "../../pipeline/spec";

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** A copy without the keys that are null: dlt's optional keys take None for absent. */
export function withoutNulls(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null && one !== undefined));
}

/** Text form to object form: `"users"` is name and path, an endpoint text is its path; the path defaults to the name. */
export function normalizeResource(raw: Json): JsonObject & { name: string; endpoint: JsonObject } {
  const resource: JsonObject = typeof raw === "string" ? { name: raw } : { ...(raw as JsonObject) };
  const name = String(resource.name);
  const given = resource.endpoint;
  const endpoint: JsonObject =
    typeof given === "string" ? { path: given } : isJsonObject(given) ? { ...given } : {};
  if (endpoint.path === undefined || endpoint.path === null) endpoint.path = name;
  return { ...resource, name, endpoint };
}

/**
 * The resource's keys win; so do the endpoint's, but `params` and `json` merge one level deep, and columns merge per
 * column when both are given.
 */
export function mergeDefaults(
  defaults: JsonObject,
  resource: JsonObject & { name: string; endpoint: JsonObject },
): JsonObject & { name: string; endpoint: JsonObject } {
  const ofDefaults = isJsonObject(defaults.endpoint) ? defaults.endpoint : {};
  const endpoint: JsonObject = { ...ofDefaults, ...resource.endpoint };
  for (const key of ["params", "json"]) {
    const [base, own] = [ofDefaults[key], resource.endpoint[key]];
    if (isJsonObject(base) && isJsonObject(own)) endpoint[key] = { ...base, ...own };
    else if (isJsonObject(base)) endpoint[key] = { ...base };
  }
  const merged: JsonObject & { name: string; endpoint: JsonObject } = { ...defaults, ...resource, endpoint };
  const columns = mergeColumns(defaults.columns, resource.columns);
  if (columns !== undefined) merged.columns = columns;
  return merged;
}

function mergeColumns(base: Json | undefined, own: Json | undefined): JsonObject | undefined {
  const [first, second] = [columnsByName(base), columnsByName(own)];
  if (first === undefined || second === undefined) return undefined;
  const merged: JsonObject = { ...first };
  for (const [name, hint] of Object.entries(second)) {
    const before = merged[name] as JsonObject | undefined;
    // A column that gets its type here moves to the end, as in dlt.
    if (before !== undefined && isComplete(hint as JsonObject) && !isComplete(before)) delete merged[name];
    merged[name] = { ...before, ...(hint as JsonObject) };
  }
  return merged;
}

function columnsByName(columns: Json | undefined): JsonObject | undefined {
  if (Array.isArray(columns)) {
    return Object.fromEntries(columns.map(column => [String((column as JsonObject).name), column]));
  }
  return isJsonObject(columns) ? columns : undefined;
}

function isComplete(column: JsonObject): boolean {
  return column.data_type !== undefined && column.data_type !== null;
}
