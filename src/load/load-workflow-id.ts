import { createHash } from "node:crypto";
import type { ResolvedPipeline } from "../pipeline/spec";

/**
 * Workflow id of a load: one per destination, dataset and pipeline, so that Temporal refuses a second one beside it in the
 * same namespace (design law 6). Recorded histories hold it.
 * @param fingerprint of the destination's identity
 */
export function loadWorkflowId(spec: ResolvedPipeline, fingerprint: string): string {
  const place = createHash("sha256").update(fingerprint).digest("hex").slice(0, 8);
  return `load/${spec.destination.type}-${place}/${spec.dataset_name}/${spec.pipeline_name}`;
}
