/** One phase of a parity case, as run_dlt.py writes it, and the pipeline spec that says the same. */
import type { JsonObject } from "../../src/pipeline/spec";

export interface Phase {
  /** Absent where the phase loads elsewhere. */
  duckdb_path?: string;
  /** DSN of the database that the phase loads into. */
  postgres?: string;
  /** Connection and credentials: the phase loads there, and `duckdb_path` is what the harness reads it back into. */
  databricks?: JsonObject;
  pipelines_dir: string;
  pipeline_name: string;
  dataset_name: string;
  /** dlt's RESTAPIConfig, base_url filled in. */
  source: JsonObject;
  /** Arguments of `rest_api_source`. */
  source_args?: JsonObject | null;
  /** Arguments of `pipeline.run`. */
  run_args?: JsonObject | null;
  /** Arguments of `dlt.destinations.duckdb`. */
  destination_args?: JsonObject | null;
  /** Resource name → arguments of `resource.apply_hints`. */
  apply_hints?: JsonObject | null;
  fresh_workdir?: boolean;
  drop_pending?: boolean;
}

/** HTTP attempts are dlt's; a failed step is not repeated, so that requests can be compared. */
export function specOf(phase: Phase): JsonObject {
  return {
    pipeline_name: phase.pipeline_name,
    dataset_name: phase.dataset_name,
    destination: { ...phase.destination_args, ...placeOf(phase) },
    source: { ...phase.source, ...given(phase.source_args), type: "rest_api" },
    ...given(phase.run_args),
    ...(phase.apply_hints ? { resource_hints: phase.apply_hints } : {}),
    retry: { http_attempts: 5, activity_attempts: 1 },
  };
}

function placeOf({ databricks, postgres, duckdb_path }: Phase): JsonObject {
  if (databricks !== undefined) return { type: "databricks", ...databricks };
  if (postgres !== undefined) return { type: "postgres", credentials: postgres };
  return { type: "duckdb", path: duckdb_path! };
}

/** dlt takes None for an argument that is not given. */
function given(args: JsonObject | null | undefined): JsonObject {
  return Object.fromEntries(Object.entries(args ?? {}).filter(([, value]) => value !== null));
}
