/**
 * What dbt is about to build, as a candidate: which objects, in which schemas, which of them go on from what is live. Pure.
 */
import { TidemarkError } from "../pipeline/errors";
import type { CandidateInfo } from "../pipeline/infos";
import type { DbtSpec } from "../pipeline/spec";
import type { Manifest } from "./artifacts";

/** The same as a destination's own (src/destinations/generations.ts). */
export interface CandidatePlan {
  schema: string;
  project: string;
  complete: boolean;
  objects: { schema: string; name: string; project: string; continues: boolean }[];
  other_schemas: string[];
}

/** How the step reaches the destination: the steps of dbt know no destination. */
export interface CandidateSteps {
  /** A generation of this run, empty but for copies of what continues. @throws TidemarkError PUBLISH_REFUSED */
  begin(plan: CandidatePlan): Promise<CandidateInfo>;
}

/** For a dbt whose parsed project cannot be moved into a candidate's schemas. */
export function needsPython(executable: string): TidemarkError {
  return new TidemarkError(
    "PUBLISH_REFUSED",
    `publish: candidate needs a dbt that Python runs, and ${executable} is none. Let TIDEMARK_DBT name a Python that has dbt, or the program dbt of a venv.`,
    { step: "transform" },
  );
}

/** Materializations that dbt keeps in a schema of their own, each as one object. */
const KNOWN = new Set(["view", "table", "incremental", "seed", "snapshot", "ephemeral"]);
const BUILT = new Set(["model", "seed", "snapshot"]);

/**
 * @param schema the target's
 * @param selected unique ids; absent: everything
 * @throws TidemarkError PUBLISH_REFUSED naming what cannot be built beside the live generation
 */
export function candidatePlan(
  manifest: Manifest,
  schema: string,
  selected: readonly string[] | undefined,
  dbt: Pick<DbtSpec, "full_refresh" | "project_dir">,
): CandidatePlan {
  const chosen = selected === undefined ? undefined : new Set(selected);
  const project = manifest.metadata?.project_name ?? dbt.project_dir;
  const objects: CandidatePlan["objects"] = [];
  // Hooks write to the target's schema, also where no selected node does.
  const others = new Set([schema]);
  const strange: string[] = [];
  for (const [uniqueId, node] of Object.entries(manifest.nodes)) {
    if (chosen !== undefined && !chosen.has(uniqueId)) continue;
    if (node.resource_type === "test" && node.config?.store_failures && node.schema) others.add(node.schema);
    if (!BUILT.has(node.resource_type)) continue;
    const kind = node.resource_type === "model" ? (node.config?.materialized ?? "view") : node.resource_type;
    if (!KNOWN.has(kind)) strange.push(`${uniqueId} (${kind})`);
    if (kind === "ephemeral" || !node.schema) continue;
    objects.push({
      schema: node.schema,
      name: node.alias ?? node.name,
      project,
      continues: kind === "snapshot" || (kind === "incremental" && !dbt.full_refresh),
    });
  }
  if (strange.length > 0) {
    throw new TidemarkError(
      "PUBLISH_REFUSED",
      `publish: candidate knows ${[...KNOWN].join(", ")}; it cannot build ${strange.slice(0, 3).join(", ")}${strange.length > 3 ? ` and ${strange.length - 3} more` : ""} beside what is live. Leave them to a pipeline of their own (select, exclude), or use publish: live.`,
      { step: "transform" },
    );
  }
  const of = new Set(objects.map(object => object.schema));
  return {
    schema,
    project,
    complete: chosen === undefined,
    objects,
    other_schemas: [...others].filter(one => !of.has(one)),
  };
}
