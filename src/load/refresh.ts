/** Refresh modes (dlt: prepare_refresh_source): tables to drop or empty, and state to forget, before a load. */
import type { ResolvedPipeline } from "../pipeline/spec";
import { dataTables } from "../schema/stored-schema";
import type { StoredSchema, StoredTable } from "../schema/types";
import { type PipelineState, resetResource } from "../state/pipeline-state";

export interface RefreshPlan {
  drop: string[];
  truncate: string[];
}

/**
 * Changes `schema` and `state` in place and says what must happen to the tables of the dataset, children first.
 * @param extracted names of the resources of this run, parents included
 */
export function applyRefresh(
  mode: NonNullable<ResolvedPipeline["refresh"]>,
  schema: StoredSchema,
  state: PipelineState,
  extracted: readonly string[],
): RefreshPlan {
  const whole = mode === "drop_sources";
  const tables = dataTables(schema).filter(table => {
    const resource = resourceOf(schema, table);
    return resource !== undefined && (whole || extracted.includes(resource));
  });
  const resources = new Set(extracted);
  if (whole)
    for (const name of Object.keys(state.sources?.[schema.name]?.resources ?? {})) resources.add(name);
  state.sources ??= {};
  const source = state.sources[schema.name];
  if (source !== undefined) {
    for (const resource of resources) resetResource(state, schema.name, resource);
    // dlt: state paths "*" without the key `resources` itself.
    if (whole) for (const key of Object.keys(source)) if (key !== "resources") delete source[key];
  }
  const withData = tables
    .filter(table => table["x-normalizer"]?.["seen-data"] === true)
    .map(table => table.name)
    .reverse();
  if (mode === "drop_data") return { drop: [], truncate: withData };
  for (const table of tables) delete schema.tables[table.name];
  return { drop: withData, truncate: [] };
}

/** Nested tables belong to the resource of their root. */
export function resourceOf(schema: StoredSchema, table: StoredTable): string | undefined {
  let root: StoredTable | undefined = table;
  while (root?.parent !== undefined) root = schema.tables[root.parent];
  return root?.resource;
}
