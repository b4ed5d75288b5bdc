/** What the gate's metrics need to know of a pipeline's loads: its schemas, its mark, the rows of earlier loads. */

import { datasetNames } from "../destinations/dataset-names";
import type { Destination } from "../destinations/destination";
import { listPackages } from "../package/packages";
import type { PipelineLoads } from "../pipeline/package-base";
import type { ResolvedPipeline } from "../pipeline/spec";
import { pipelineMark } from "./load-id";

/** @param analytics the schema that dbt builds, or a candidate's */
export function metricsPlace(
  spec: ResolvedPipeline,
  analytics: string,
): { raw: string; analytics: string; loads: PipelineLoads } {
  const { pipeline_name, source } = spec;
  return {
    raw: datasetNames(spec).dataset,
    analytics,
    loads: { pipeline_name, schema_name: source.name, mark: pipelineMark(pipeline_name) },
  };
}

/**
 * Rows per table of this pipeline's earlier loads as this package root remembers them, the newest first; backfills are
 * no measure.
 * @param but this load
 */
export async function earlierLoads(
  spec: ResolvedPipeline,
  destination: Pick<Destination, "identity">,
  root: string,
  but: string | undefined,
): Promise<{ [table: string]: number }[]> {
  const { dataset } = datasetNames(spec);
  const records = await listPackages(root, spec.pipeline_name);
  return records
    .filter(one => one.dataset === dataset && one.fingerprint === destination.identity.fingerprint)
    .filter(one => one.state === "loaded" && one.load_id !== but && one.backfill === undefined)
    .flatMap(({ rows }) => (rows === undefined ? [] : [rows]))
    .reverse();
}
