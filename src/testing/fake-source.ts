/** A pipeline's spec for a test: the same, but that it loads into the test's DuckDB file, and may have its rows from the test. */
import { dirname, resolve } from "node:path";
import type { Config } from "../config";
import type { JsonObject, SourceSpec } from "../pipeline/spec";
import { type CodeSource, source, withRegistered } from "../sources/code/registered";
import { loadSpec } from "../spec/load-spec";

/** Rows by resource. */
export interface Fakes {
  [resource: string]: readonly object[];
}

/** The name by which specs of a test call the source that the test has made. */
const FAKE = "test";
/** What a resource of any source type may say of its rows. */
const HINTS = [
  ...["name", "table_name", "write_disposition", "primary_key", "merge_key", "columns", "schema_contract"],
  ...["max_table_nesting", "table_format", "nested_hints", "incremental", "selected"],
];

export function fakeSources(rows: Fakes | undefined): { [name: string]: CodeSource } {
  if (rows === undefined) return {};
  const generators = Object.entries(rows).map(([name, list]) => [name, () => [list]] as const);
  return { [FAKE]: source(Object.fromEntries(generators)) };
}

export function specForTest(
  pipeline: string | JsonObject,
  config: Config,
  sources: { readonly [name: string]: unknown } | undefined,
  rows: Fakes | undefined,
): JsonObject {
  const { document, file } =
    typeof pipeline === "string" ? loadSpec(pipeline, config) : { document: pipeline, file: undefined };
  const spec: JsonObject = { ...document, destination: "duckdb" };
  const given = withRegistered(document.source as unknown as SourceSpec, sources) as unknown as JsonObject;
  if (rows !== undefined) spec.source = faked(given, rows);
  else if (typeof given.module === "string" && file !== undefined) {
    spec.source = { ...given, module: resolve(dirname(file), given.module) };
  }
  return spec;
}

function faked(given: JsonObject, rows: Fakes): JsonObject {
  const listed = (Array.isArray(given.resources) ? given.resources : []) as (JsonObject | string)[];
  const hints = new Map(
    listed.map(one => (typeof one === "string" ? ([one, {}] as const) : ([String(one.name), one] as const))),
  );
  // As the source's own type has them: what it says for all resources counts where one says nothing.
  const all = (given.resource_defaults ?? {}) as JsonObject;
  return {
    type: "code",
    source: FAKE,
    name: given.name ?? given.type ?? FAKE,
    resources: Object.keys(rows).map(name => ({
      ...Object.fromEntries(
        Object.entries({ ...all, ...hints.get(name) }).filter(([key]) => HINTS.includes(key)),
      ),
      name,
    })),
  };
}
