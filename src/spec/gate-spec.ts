/** The part `gate` of a spec: its shape with what contradicts itself, and its resolved form. */
import { z } from "zod";
import {
  BUILTIN_METRICS,
  type BuiltinMetric,
  DEFAULT_MAX_EXPECTED_WARNINGS,
  DEFAULT_MAX_LOAD_AGE_MINUTES,
  DEFAULT_MEDIAN_OF_LOADS,
  freshnessRule,
  type GateMetric,
  type GateSpec,
} from "../pipeline/gate-spec";
import { unknownName } from "../pipeline/nearest-name";
import { selectProblem } from "../pipeline/select-text";

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const MOST_METRICS = 50;
const LONGEST_SQL = 20_000;
/** A package root remembers some more (load/begin-load.ts). */
const MOST_LOADS = 15;

/** What each built-in takes besides bounds; `!` marks what it needs. */
const ARGUMENTS: { [name in BuiltinMetric]: readonly string[] } = {
  load_age: [],
  row_age: ["table", "column", "schema"],
  rows_loaded: ["table"],
  row_count_change: ["table", "loads"],
  rejected_rows: [],
  null_share: ["table!", "column!", "schema"],
  duplicates: ["table!", "key!", "schema"],
};
/** Bounds of a built-in that is given none. */
const BOUNDS: { [name in BuiltinMetric]: Pick<GateMetric, "min" | "max"> } = {
  load_age: { max: DEFAULT_MAX_LOAD_AGE_MINUTES },
  row_age: {},
  rows_loaded: { min: 1 },
  row_count_change: { min: -0.5, max: 1 },
  rejected_rows: { max: 0 },
  null_share: { max: 0 },
  duplicates: { max: 0 },
};
const UNITS: { [name in BuiltinMetric]?: string } = {
  load_age: "minutes",
  row_age: "minutes",
  rows_loaded: "rows",
  rejected_rows: "rows",
  duplicates: "rows",
};

const builtinName = z.string().superRefine((name, context) => {
  if (!(BUILTIN_METRICS as readonly string[]).includes(name))
    context.addIssue({ code: "custom", message: unknownName("built-in metric", name, BUILTIN_METRICS) });
});
const text = z.string().min(1);
const minutes = z.number().positive();
const severity = z.enum(["block", "review"]);

const metric = z
  .strictObject({
    name: z
      .string()
      .regex(NAME, "must be letters, digits and underscores, beginning with a letter, at most 63")
      .describe("How the metric is called in reasons, packet and report."),
    sql: text
      .max(LONGEST_SQL)
      .superRefine((sql, context) => {
        const message = selectProblem(sql);
        if (message !== undefined) context.addIssue({ code: "custom", message });
      })
      .optional()
      .describe(
        "One SELECT that gives one number, read-only; {{ raw }} and {{ analytics }} stand for the schemas.",
      ),
    builtin: builtinName
      .optional()
      .describe(`In place of sql: ${BUILTIN_METRICS.join(", ")}.`)
      .meta({ enum: [...BUILTIN_METRICS] }),
    schema: z.enum(["raw", "analytics"]).optional().describe("Of table; default raw."),
    table: text.optional().describe("Table of a built-in, as it is called in the destination."),
    column: text.optional().describe("Column of row_age and null_share."),
    key: z
      .union([text, z.array(text).min(1)])
      .optional()
      .describe("Columns of duplicates."),
    loads: z
      .number()
      .int()
      .min(3)
      .max(MOST_LOADS)
      .optional()
      .describe(
        `row_count_change: the median is of this many earlier loads; default ${DEFAULT_MEDIAN_OF_LOADS}.`,
      ),
    min: z.number().optional().describe("The least good value."),
    max: z.number().optional().describe("The greatest good value."),
    severity: severity.optional().describe("The decision for a value out of bounds; default block."),
    on_missing: z
      .enum(["block", "review", "ignore"])
      .optional()
      .describe("The decision where there is no value; default: as severity, for row_count_change ignore."),
    unit: z.string().max(40).optional().describe("For people: minutes, EUR."),
    description: z.string().max(1000).optional().describe("For people: what the number says."),
  })
  .superRefine((given, context) => {
    for (const { path, message } of contradictions(given))
      context.addIssue({ code: "custom", path, message });
  })
  .describe("A number that the gate weighs, with its bounds.");

export const gateShape = z
  .strictObject({
    metrics: z
      .array(metric)
      .max(MOST_METRICS)
      .superRefine((metrics, context) => {
        const seen = new Set<string>(Object.values(FRESHNESS_NAMES));
        for (const [i, { name }] of metrics.entries()) {
          const taken = seen.has(name) || name.startsWith("dbt_");
          if (taken) {
            const message = `the name "${name}" is taken; every metric needs its own, and dbt_… and freshness are the gate's`;
            context.addIssue({ code: "custom", path: [i, "name"], message });
          }
          seen.add(name);
        }
      })
      .optional()
      .describe("Numbers of your own."),
    max_expected_warnings: z
      .number()
      .int()
      .nonnegative()
      .optional()
      .describe(
        `More warnings that dbt tests declare as expected are a review; default ${DEFAULT_MAX_EXPECTED_WARNINGS}.`,
      ),
    freshness: z
      .strictObject({
        max_load_age_minutes: minutes
          .optional()
          .describe(
            `Minutes since the last successful run of this pipeline, also one that found nothing new; default ${DEFAULT_MAX_LOAD_AGE_MINUTES}.`,
          ),
        max_row_age_minutes: minutes
          .optional()
          .describe("Minutes since the newest load that brought rows; not judged unless it is given."),
        severity: severity.optional().describe("The decision for data that is too old; default review."),
      })
      .optional()
      .describe("How old the data may be."),
    on_review: z
      .enum(["continue", "wait"])
      .optional()
      .describe("continue (default): report and go on; wait: for the update resolveReview."),
    fail_on_block: z
      .boolean()
      .optional()
      .describe(
        "true (default): a blocked run ends as failed; false: as completed, with the decision in its result.",
      ),
  })
  .describe("Judges the result: promote, review or block.");

const FRESHNESS_NAMES = { load: "load_age_minutes", row: "row_age_minutes" };

type GivenMetric = z.infer<typeof metric>;

function contradictions(given: GivenMetric): { path: string[]; message: string }[] {
  const { sql, builtin, min, max } = given;
  const found: { path: string[]; message: string }[] = [];
  if ((sql === undefined) === (builtin === undefined))
    found.push({ path: [], message: "needs sql or builtin, and not both" });
  if (min !== undefined && max !== undefined && min > max)
    found.push({ path: ["min"], message: `min ${min} is above max ${max}: no value could pass` });
  const takes = ARGUMENTS[builtin as BuiltinMetric] ?? [];
  for (const key of ["schema", "table", "column", "key", "loads"] as const) {
    const needed = takes.includes(`${key}!`);
    if (given[key] === undefined && needed) found.push({ path: [key], message: `${builtin} needs it` });
    if (given[key] !== undefined && !needed && !takes.includes(key))
      found.push({
        path: [key],
        message: builtin === undefined ? "belongs to a built-in metric" : `${builtin} does not take it`,
      });
  }
  if (given.column !== undefined && given.table === undefined && builtin === "row_age")
    found.push({ path: ["table"], message: "a column needs its table" });
  if (builtin === "row_age" && min === undefined && max === undefined)
    found.push({ path: ["max"], message: "row_age needs a bound, in minutes" });
  return found;
}

export function resolveGate(given: z.infer<typeof gateShape>): GateSpec {
  const { max_load_age_minutes, max_row_age_minutes, severity: worst } = given.freshness ?? {};
  return {
    metrics: [
      freshnessRule("load_age", max_load_age_minutes ?? DEFAULT_MAX_LOAD_AGE_MINUTES, worst),
      ...(max_row_age_minutes === undefined ? [] : [freshnessRule("row_age", max_row_age_minutes, worst)]),
      ...(given.metrics ?? []).map(resolveMetric),
    ],
    max_expected_warnings: given.max_expected_warnings ?? DEFAULT_MAX_EXPECTED_WARNINGS,
    on_review: given.on_review ?? "continue",
    fail_on_block: given.fail_on_block ?? true,
  };
}

function resolveMetric({ key, builtin: name, ...given }: GivenMetric): GateMetric {
  const builtin = name as BuiltinMetric | undefined;
  const bounded = given.min !== undefined || given.max !== undefined;
  const worst = given.severity ?? "block";
  // A number without bounds is shown, not judged; a change needs a past.
  const unjudged = builtin === undefined && !bounded;
  const on_missing = unjudged || builtin === "row_count_change" ? "ignore" : worst;
  const unit = builtin === undefined ? undefined : UNITS[builtin];
  return {
    ...(builtin === undefined ? {} : { builtin, ...(bounded ? {} : BOUNDS[builtin]) }),
    ...(unit === undefined ? {} : { unit }),
    on_missing,
    ...given,
    severity: worst,
    ...(key === undefined ? {} : { key: typeof key === "string" ? [key] : key }),
  };
}
