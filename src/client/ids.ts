/** The ids of a pipeline's runs and of its schedule, where the caller names none. */
import { createHash } from "node:crypto";
import { ID_PREFIX } from "../pipeline/names";
import type { RunInput } from "../pipeline/spec";

/** A pipeline by its name, for its newest run; or a run by the id of its workflow, and of one execution of it. */
export type RunTarget = string | { workflowId: string; runId?: string };

/** Temporal takes ids of 1000 bytes, and a schedule appends a time. */
const LONGEST_ID = 900;

/** Workflow id and schedule id of a pipeline: `tidemark-<name>`; of a very long path, with a hash in place of it. */
export function pipelineId(pipeline: string): string {
  const id = ID_PREFIX + pipeline;
  if (Buffer.byteLength(id) <= LONGEST_ID) return id;
  return ID_PREFIX + createHash("sha256").update(pipeline).digest("hex").slice(0, 40);
}

/** As a person would name what is run: the spec's name or path, or the inline spec's `pipeline_name`. */
export function nameOf(pipeline: RunInput["pipeline"]): string {
  return typeof pipeline === "string" ? pipeline : String(pipeline?.pipeline_name ?? "inline");
}
