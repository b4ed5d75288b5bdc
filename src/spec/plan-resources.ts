/** What workflow and command line may know of a pipeline's resources: names, parents, cursors, dispositions. */
import type { CursorType } from "../pipeline/cursor";
import { TidemarkError } from "../pipeline/errors";
import type { ResourcePlan } from "../pipeline/infos";
import { unknownName } from "../pipeline/nearest-name";
import type { Json, ResolvedPipeline } from "../pipeline/spec";
import type { Resource, Source } from "../sources/source";

/** @throws TidemarkError SPEC_INVALID when `spec.resources` names one that is not there */
export function planResources(spec: ResolvedPipeline, source: Source): ResourcePlan[] {
  const names = source.resources.map(resource => resource.name);
  for (const wanted of spec.resources ?? []) {
    if (!names.includes(wanted)) {
      throw new TidemarkError("SPEC_INVALID", `resources: ${unknownName("resource", wanted, names)}.`);
    }
  }
  return source.resources.map(resource => planResource(spec, resource));
}

function planResource(spec: ResolvedPipeline, resource: Resource): ResourcePlan {
  const hints = { ...resource.hints, ...spec.resource_hints?.[resource.name] };
  const disposition = spec.write_disposition ?? hints.write_disposition ?? { disposition: "append" };
  const incremental = spec.resource_hints?.[resource.name]?.incremental ?? resource.incremental;
  return {
    name: resource.name,
    ...(resource.parent === undefined ? {} : { parent: resource.parent }),
    ...(resource.parallelized ? { parallelized: true } : {}),
    selected: spec.resources === undefined ? resource.selected : spec.resources.includes(resource.name),
    ...(incremental === undefined
      ? {}
      : { cursor_path: incremental.cursor_path, cursor_type: cursorType(incremental.initial_value) }),
    disposition: disposition.disposition,
    ...(disposition.strategy === undefined ? {} : { strategy: disposition.strategy }),
    has_merge_key: (spec.merge_key ?? hints.merge_key ?? []).length > 0,
    has_scope: disposition.destination_scope !== undefined,
  };
}

function cursorType(initial: Json | undefined): CursorType | undefined {
  if (typeof initial === "number") return Number.isInteger(initial) ? "bigint" : "double";
  if (typeof initial !== "string") return undefined;
  if (/^\d{4}-\d{2}-\d{2}$/.test(initial)) return "date";
  return /^\d{4}-\d{2}-\d{2}[T ]/.test(initial) ? "timestamp" : "text";
}
