/**
 * Metrics of the engine, recorded through the SDK's own meter, so that they leave the worker as the SDK's do. Names and
 * labels are public: dashboards hold them. docs/metrics.md is checked against this table. Beside these labels the SDK
 * adds its own (`namespace`; to counters and histograms `taskQueue` and `activityType`).
 */
export type MetricKind = "counter" | "histogram" | "gauge";

export interface Metric {
  kind: MetricKind;
  unit: string;
  labels: readonly string[];
  /** What it says; ends without a full stop. */
  text: string;
}

const RESOURCE = ["pipeline", "resource"] as const;

export const METRICS = {
  tidemark_extracted_rows: {
    kind: "counter",
    unit: "1",
    labels: RESOURCE,
    text: "Rows that extractions ended with, after incremental rules",
  },
  tidemark_extracted_bytes: {
    kind: "counter",
    unit: "By",
    labels: RESOURCE,
    text: "Bytes of extracted rows in the load package",
  },
  tidemark_extracted_pages: { kind: "counter", unit: "1", labels: RESOURCE, text: "Pages of the source" },
  tidemark_source_requests: {
    kind: "counter",
    unit: "1",
    labels: RESOURCE,
    text: "HTTP requests, their repetitions included, or SQL statements",
  },
  tidemark_step_retries: {
    kind: "counter",
    unit: "1",
    labels: ["pipeline", "step", "resource", "code"],
    text: "Attempts of steps that ended with an error and are repeated; `resource` is empty for steps of a whole load",
  },
  tidemark_step_failures: {
    kind: "counter",
    unit: "1",
    labels: ["pipeline", "step", "resource", "code"],
    text: "Steps that failed for good",
  },
  tidemark_step_seconds: {
    kind: "histogram",
    unit: "s",
    labels: ["pipeline", "step", "outcome"],
    text: "Attempts of steps; `outcome` is `done`, `failed` or `stopped`",
  },
  tidemark_loaded_rows: {
    kind: "counter",
    unit: "1",
    labels: ["pipeline", "table"],
    text: "Rows in tables of completed load steps, without `_dlt_` tables",
  },
  tidemark_package_bytes: {
    kind: "histogram",
    unit: "By",
    labels: ["pipeline"],
    text: "Files of a normalized load package",
  },
  tidemark_pending_packages: {
    kind: "gauge",
    unit: "1",
    labels: ["pipeline"],
    text: "Packages on this host that are extracted and not loaded; 1 while a load goes on, longer: a failed run left it",
  },
  tidemark_last_load_timestamp: {
    kind: "gauge",
    unit: "s",
    labels: ["pipeline", "dataset"],
    text: "When a load was last completed, as a Unix time; `time() - …` is its age",
  },
  tidemark_cursor_timestamp: {
    kind: "gauge",
    unit: "s",
    labels: RESOURCE,
    text: "Value of a cursor that is a time or a date, as a Unix time, once its rows are loaded; `time() - …` is its lag",
  },
  tidemark_gate_decisions: {
    kind: "counter",
    unit: "1",
    labels: ["pipeline", "decision"],
    text: "Decisions of the gate: promote, review or block",
  },
  tidemark_dbt_nodes: {
    kind: "counter",
    unit: "1",
    labels: ["pipeline", "command", "status"],
    text: "Nodes of `dbt build` and `dbt source freshness` by dbt's status",
  },
} as const satisfies { [name: string]: Metric };

export type MetricName = keyof typeof METRICS;
export type Labels<N extends MetricName> = { [label in (typeof METRICS)[N]["labels"][number]]: string };
