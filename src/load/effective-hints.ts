/** Which resources a run takes, and the hints they have in it. */
import type { DestinationCapabilities } from "../destinations/destination";
import type { IncrementalConfig, ResolvedPipeline, ResourceHints, WriteDisposition } from "../pipeline/spec";
import type { RunHints } from "../schema/hints";
import type { Resource } from "../sources/source";

/** Overrides for all resources of the run (dlt: arguments of `pipeline.run`). */
export function runHints(spec: ResolvedPipeline): RunHints {
  const { write_disposition, schema_contract, primary_key, merge_key, columns, table_name } = spec;
  const all = { write_disposition, schema_contract, primary_key, merge_key, columns, table_name };
  const given = Object.entries({ ...all, file_format: spec.loader_file_format });
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

/** A resource's own hints with those of the spec's `resource_hints` over them (dlt: apply_hints). */
export function ownHints(spec: ResolvedPipeline, resource: Resource): ResourceHints {
  const { incremental: _cursor, ...applied } = spec.resource_hints?.[resource.name] ?? {};
  return { ...resource.hints, ...applied };
}

/** The incremental that counts: the one applied by the spec, else the resource's own. */
export const incrementalOf = (spec: ResolvedPipeline, resource: Resource): IncrementalConfig | undefined =>
  spec.resource_hints?.[resource.name]?.incremental ?? resource.incremental;

export const dispositionOf = (spec: ResolvedPipeline, resource: Resource): WriteDisposition =>
  spec.write_disposition ?? ownHints(spec, resource).write_disposition ?? { disposition: "append" };

/** Key that tells rows at the cursor's boundary apart, unless the incremental names its own. */
export const primaryKeyOf = (spec: ResolvedPipeline, resource: Resource): string[] | undefined =>
  spec.primary_key ?? ownHints(spec, resource).primary_key;

/**
 * Resources this run takes rows from, parents before children: the selected ones and all they resolve from.
 * @param only name of the one resource of a backfill
 */
export function extractedResources(
  spec: ResolvedPipeline,
  resources: readonly Resource[],
  only?: string,
): { resource: Resource; selected: boolean }[] {
  const byName = new Map(resources.map(resource => [resource.name, resource]));
  const isSelected = (resource: Resource) => {
    if (only !== undefined) return resource.name === only;
    return spec.resources === undefined ? resource.selected : spec.resources.includes(resource.name);
  };
  const needed = new Set<string>();
  for (const resource of resources.filter(isSelected)) {
    let one: Resource | undefined = resource;
    while (one !== undefined && !needed.has(one.name)) {
      needed.add(one.name);
      one = one.parent === undefined ? undefined : byName.get(one.parent);
    }
  }
  return resources
    .filter(resource => needed.has(resource.name))
    .map(resource => ({ resource, selected: isSelected(resource) }));
}

export const hintOptions = (
  { spec, capabilities }: { spec: ResolvedPipeline; capabilities: DestinationCapabilities },
  resource: Resource,
) => ({ run: runHints(spec), cursor_path: incrementalOf(spec, resource)?.cursor_path, capabilities });
