/**
 * The contract of the two sides is one schema name. This is where the silent failure is noticed: dbt reading a schema
 * that the pipeline does not load. Pure.
 */
import { TidemarkError } from "../pipeline/errors";
import type { Manifest } from "./artifacts";

/**
 * A project with sources must read the dataset with at least one of them; sources in other schemas are its own
 * business, but a source of the name `raw` is the pipelines' own. Unquoted names compare without case.
 * @throws TidemarkError DBT_SCHEMA_MISMATCH, DBT_COMPILE for a project without anything to build
 */
export function checkManifest(
  manifest: Manifest,
  expected: { dataset: string; database?: string; project_dir: string },
): void {
  const buildable = Object.values(manifest.nodes).some(node =>
    ["model", "seed", "snapshot"].includes(node.resource_type),
  );
  if (!buildable) {
    throw new TidemarkError(
      "DBT_COMPILE",
      `The dbt project ${expected.project_dir} has no enabled model, seed or snapshot: there is nothing to build. Check \`project_dir\` and the project's \`+enabled\` settings.`,
      { step: "transform" },
    );
  }
  const sources = Object.values(manifest.sources);
  if (sources.length === 0) return;
  const fits = (source: (typeof sources)[number]) =>
    same(source.schema, expected.dataset) &&
    (expected.database === undefined || !source.database || same(source.database, expected.database));
  const own = sources.filter(source => source.source_name === "raw");
  if ((own.length > 0 ? own : sources).some(fits)) return;
  const places = [...new Set((own.length > 0 ? own : sources).map(s => `${s.source_name} → ${place(s)}`))];
  throw new TidemarkError(
    "DBT_SCHEMA_MISMATCH",
    `The pipeline loads into ${place({ database: expected.database, schema: expected.dataset })}, but dbt's sources read ${places.slice(0, 5).join(", ")}. ` +
      "Take the source's schema from the same variable: schema: \"{{ env_var('DLT_DATASET_NAME', 'raw') }}\", and let the profile point at the same database.",
    { step: "transform" },
  );
}

function place(at: { database?: string | null; schema: string }): string {
  return at.database ? `${at.database}.${at.schema}` : at.schema;
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
