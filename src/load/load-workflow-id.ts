import { createHash } from "node:crypto";
import type { ResolvedPipeline } from "../pipeline/spec";

/** Temporal takes ids of 1000 bytes. */
const LONGEST_ID = 900;

/**
 * Workflow id of a load: one per destination, dataset and pipeline, so that Temporal refuses a second one beside it in the
 * same namespace (design law 6). Recorded histories hold it.
 * @param fingerprint of the destination's identity
 */
export function loadWorkflowId(spec: ResolvedPipeline, fingerprint: string): string {
  const place = `load/${spec.destination.type}-${digest(fingerprint, 8)}`;
  const names = `${spec.dataset_name}/${spec.pipeline_name}`;
  const id = `${place}/${names}`;
  return Buffer.byteLength(id) <= LONGEST_ID ? id : `${place}/${digest(names, 40)}`;
}

const digest = (text: string, length: number): string =>
  createHash("sha256").update(text).digest("hex").slice(0, length);
