/** The gate's rules in their resolved form: every default filled in (src/spec/gate-spec.ts reads what users write). */

/** Metrics that need no SQL. Ages in minutes; shares and changes as ratios. */
export const BUILTIN_METRICS = [
  /** Minutes since the last run of this pipeline that loaded, or found nothing new to load. */
  "load_age",
  /** Minutes since rows came: the newest load that brought any, of `table`, or the newest value of its `column`. */
  "row_age",
  /** Rows that this run loaded, into `table` or all. */
  "rows_loaded",
  /** Rows of this load against the median of the last `loads` loads: 0 as ever, -0.5 half of it, 1 twice. */
  "row_count_change",
  /** Rows that the schema contract kept out of this load. */
  "rejected_rows",
  /** Share of NULL in `column` of `table`, 0 to 1. */
  "null_share",
  /** Rows of `table` beyond the first with the same `key`. */
  "duplicates",
] as const;
export type BuiltinMetric = (typeof BUILTIN_METRICS)[number];

export interface GateMetric {
  name: string;
  /** One SELECT that gives one number; `{{ raw }}` and `{{ analytics }}` stand for the schemas. */
  sql?: string;
  /** In place of `sql`. */
  builtin?: BuiltinMetric;
  schema?: "raw" | "analytics";
  table?: string;
  column?: string;
  key?: string[];
  /** How many earlier loads the median is of. */
  loads?: number;
  min?: number;
  max?: number;
  /** The decision where the value is out of bounds. */
  severity: "block" | "review";
  /** The decision where there is no value. */
  on_missing: "block" | "review" | "ignore";
  unit?: string;
  description?: string;
  /** Points that a finding takes from the score; default 35 for block, 18 for review. */
  points?: number;
}

export interface GateSpec {
  /** The freshness rules first, then the user's own. */
  metrics: GateMetric[];
  /** Warnings that dbt tests declare (`meta: {expected_warning: true}`); more than this many is a review. */
  max_expected_warnings: number;
  /** On `review`: go on and report (default), or wait for the update `resolveReview`. */
  on_review: "continue" | "wait";
  /** A blocked run ends as failed; absent in specs of before, which end as completed. */
  fail_on_block?: boolean;
}

export const DEFAULT_MAX_LOAD_AGE_MINUTES = 60;
export const DEFAULT_MAX_EXPECTED_WARNINGS = 3;
/** Loads whose median a row count is compared with, and how few say too little. */
export const DEFAULT_MEDIAN_OF_LOADS = 10;
export const FEWEST_LOADS = 3;

/** The rule of `gate.freshness`, which `gate: {}` has too. */
export function freshnessRule(
  builtin: "load_age" | "row_age",
  max: number,
  severity: "block" | "review" = "review",
): GateMetric {
  const description =
    builtin === "load_age"
      ? "Minutes since the last successful run of this pipeline."
      : "Minutes since the newest load that brought rows.";
  return {
    name: `${builtin}_minutes`,
    builtin,
    max,
    severity,
    on_missing: severity,
    unit: "minutes",
    description,
    points: severity === "review" ? 12 : 35,
  };
}

export const DEFAULT_GATE: GateSpec = {
  metrics: [freshnessRule("load_age", DEFAULT_MAX_LOAD_AGE_MINUTES)],
  max_expected_warnings: DEFAULT_MAX_EXPECTED_WARNINGS,
  on_review: "continue",
};

/** Runs that were open while the worker was replaced carry the gate of before: four thresholds. */
export function gateOf(recorded: GateSpec): GateSpec {
  if (Array.isArray(recorded.metrics)) return recorded;
  const { on_review, thresholds } = recorded as unknown as {
    on_review?: GateSpec["on_review"];
    thresholds?: { max_freshness_minutes?: number; max_expected_warnings?: number };
  };
  const age = thresholds?.max_freshness_minutes ?? DEFAULT_MAX_LOAD_AGE_MINUTES;
  return {
    metrics: [freshnessRule("load_age", age)],
    max_expected_warnings: thresholds?.max_expected_warnings ?? DEFAULT_MAX_EXPECTED_WARNINGS,
    on_review: on_review ?? "continue",
  };
}
