/** A report with something of everything: good, bad and odd. */
import type { Report, ReportLoad, ReportNode, ReportRun } from "../../../src/report/report-data";

const DAY = 86_400_000;
const END = Date.UTC(2026, 2, 1, 6);
const at = (day: number, seconds = 0) => new Date(END - day * DAY + seconds * 1000).toISOString();
/** Wave-like, the same every time. */
const wave = (i: number, low: number, high: number) =>
  Math.round(low + ((high - low) * (1 + Math.sin(i * 1.7) + Math.sin(i * 0.6))) / 3);

export const HOSTILE = `<script>alert("x")</script> & 'quoted'`;

function run(day: number): ReportRun {
  const blocked = day === 9;
  const broken = day === 4;
  const took = wave(day, 30, 80);
  return {
    workflow_id: "tidemark-orders",
    run_id: `r${day}`,
    status: blocked || broken ? "failed" : "completed",
    started_at: at(day),
    ended_at: at(day, took),
    steps: broken
      ? []
      : [
          { step: "resolve", seconds: 0.4 },
          { step: "extract", seconds: took * 0.3 },
          { step: "normalize", seconds: took * 0.1 },
          { step: "load", seconds: took * 0.12 },
          { step: "dbt build", seconds: took * 0.4 },
          { step: "gate", seconds: 0.2 },
        ],
    ...(broken
      ? { code: "HTTP_UNAUTHORIZED", message: `The API refused: ${HOSTILE}` }
      : {
          load_id: `17722${20 - day}.5`,
          rows: { orders: wave(day, 800, 2400), orders__lines: wave(day, 2000, 7000), customers: 40 + day },
          dbt: { success: 12, pass: 40 },
          gate: {
            decision: blocked ? "block" : day === 6 ? "review" : "promote",
            score: blocked ? 65 : day === 6 ? 82 : 100,
            reasons: blocked
              ? ["orders is 0; at least 1 needed"]
              : day === 6
                ? ["largest_order is 120000 EUR; at most 100000 allowed"]
                : ["every check passed"],
            checks: [
              { name: "dbt_failures", decision: "promote", points: 0, rule: "none", value: 0 },
              {
                name: "load_age_minutes",
                decision: "promote",
                points: 0,
                rule: "at most 60",
                value: 0.03,
                unit: "minutes",
              },
              {
                name: "largest_order",
                decision: "promote",
                points: 0,
                rule: "at most 100000",
                value: 81_200.5,
                unit: "EUR",
              },
            ],
          },
        }),
    ...(blocked ? { code: "GATE_BLOCKED", message: "The gate blocks (score 65 of 100)." } : {}),
  };
}

const node = (
  type: string,
  name: string,
  status: string,
  reads: string[] = [],
  seconds = 0.3,
): ReportNode => ({
  id: `${type}.shop.${name}`,
  type,
  name,
  status,
  seconds,
  tests: 2,
  reads,
});

export function sampleReport(): Report {
  const runs = Array.from({ length: 20 }, (_, day) => run(day));
  const loads: ReportLoad[] = runs.flatMap(one =>
    one.load_id === undefined
      ? []
      : [
          {
            load_id: one.load_id,
            at: one.started_at,
            rows: one.rows!,
            schema_changes: one.run_id === "r12" ? ["orders.coupon", "orders__lines.tax"] : [],
          },
        ],
  );
  return {
    made_at: at(0, 400),
    pipelines: [
      {
        pipeline: "orders",
        destination: "duckdb, /data/shop.duckdb",
        dataset: "raw",
        runs,
        loads,
        cursors: [
          {
            resource: "orders",
            cursor_path: "updated_at",
            value: { type: "timestamp", text: "2026-03-01T05:58:12Z" },
          },
        ],
        nodes: [
          node("source", "raw.orders", "pass"),
          node("source", "raw.customers", ""),
          node("model", "stg_orders", "success", ["source.shop.raw.orders"], 0.4),
          node("model", "stg_customers", "success", ["source.shop.raw.customers"], 0.3),
          node("model", "int_order_lines", "warn", ["model.shop.stg_orders"], 0.9),
          node(
            "model",
            "fct_orders",
            "success",
            ["model.shop.int_order_lines", "model.shop.stg_customers"],
            2.4,
          ),
          node("model", "dim_customers", "fail", ["model.shop.stg_customers"], 1.1),
          node("snapshot", "snap_customers", "success", ["model.shop.stg_customers"], 0.7),
        ],
        notes: [],
      },
      {
        pipeline: HOSTILE,
        destination: "databricks, host/catalog",
        dataset: HOSTILE,
        runs: [],
        loads: [{ load_id: "1.5", at: "not a time", schema_changes: [HOSTILE] }],
        cursors: [],
        nodes: [],
        notes: [`The destination could not be read: ${HOSTILE}`],
      },
    ],
  };
}
