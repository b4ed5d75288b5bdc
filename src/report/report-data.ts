/** What a report shows, wherever it was found. Names, counts, times and decisions: no rows. */
import type { CursorInfo } from "../pipeline/cursor";
import type { GateCheck, GateDecision } from "../pipeline/infos";

export interface ReportRun {
  workflow_id: string;
  run_id: string;
  /** Temporal's, in lower case: running, completed, failed, canceled, terminated, timed_out. */
  status: string;
  started_at: string;
  ended_at?: string;
  /** Seconds per step, in their order; of a load its own steps in place of "load". */
  steps: { step: string; seconds: number }[];
  load_id?: string;
  /** Rows per table that the run loaded, without dlt's own. */
  rows?: { [table: string]: number };
  gate?: { decision: GateDecision; score: number; reasons: string[]; checks: GateCheck[] };
  /** dbt's statuses with their counts. */
  dbt?: { [status: string]: number };
  /** Of a run that failed. */
  code?: string;
  message?: string;
}

export interface ReportLoad {
  load_id: string;
  at: string;
  rows?: { [table: string]: number };
  /** New tables and columns, "table" or "table.column". */
  schema_changes: string[];
}

export interface ReportNode {
  id: string;
  /** source, model, seed, snapshot, … */
  type: string;
  name: string;
  /** Of the node and its tests: the worst. */
  status: string;
  seconds?: number;
  tests: number;
  /** Ids of what it reads. */
  reads: string[];
}

export interface ReportPipeline {
  pipeline: string;
  /** "duckdb: /path" or "databricks: host". */
  destination: string;
  dataset: string;
  /** The newest first. */
  runs: ReportRun[];
  loads: ReportLoad[];
  cursors: CursorInfo[];
  nodes: ReportNode[];
  /** What could not be read, and why. */
  notes: string[];
}

export interface Report {
  made_at: string;
  pipelines: ReportPipeline[];
}
