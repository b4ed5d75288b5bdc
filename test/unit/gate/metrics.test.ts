/** Built-in metrics on a real DuckDB file, and what only the run knows. */
import { join } from "node:path";
import { createDuckDbDestination } from "../../../src/destinations/duckdb/duckdb-destination";
import { requireReadableMetrics } from "../../../src/gate/check-metrics";
import { collectMetrics } from "../../../src/gate/metrics";
import { pipelineMark } from "../../../src/load/load-id";
import type { GateMetric } from "../../../src/pipeline/gate-spec";
import type { LoadFacts, MetricsInfo } from "../../../src/pipeline/infos";
import { metricsContext } from "../../support/demo-gate";
import { scratchFolder } from "../../support/duckdb";

const quiet = { signal: new AbortController().signal, onProgress: () => {} };
const metric = (more: Partial<GateMetric>): GateMetric => ({
  name: "m",
  severity: "block",
  on_missing: "block",
  ...more,
});

let folder: { path: string; remove(): Promise<void> };
let destination: ReturnType<typeof createDuckDbDestination>;
const loads = { pipeline_name: "shop", schema_name: "shop", mark: pipelineMark("shop") };
beforeAll(async () => {
  folder = await scratchFolder();
  destination = createDuckDbDestination({
    type: "duckdb",
    path: join(folder.path, "raw.duckdb"),
    replace_strategy: "truncate-and-insert",
    create_indexes: false,
    staging_dataset_name_layout: "%s_staging",
    enable_dataset_name_normalization: true,
  });
  await using session = await destination.open(quiet);
  const id = (seconds: number, pipeline: string) => `${seconds}.0000000${pipelineMark(pipeline)}`;
  for (const sql of [
    `CREATE SCHEMA "raw"`,
    `CREATE TABLE "raw"."raw"."_dlt_loads" (load_id VARCHAR, schema_name VARCHAR, status BIGINT, inserted_at TIMESTAMPTZ, schema_version_hash VARCHAR)`,
    `INSERT INTO "raw"."raw"."_dlt_loads" VALUES
       ('${id(100, "shop")}', 'shop', 0, now() - INTERVAL 3 HOUR, 'h'),
       ('${id(200, "shop")}', 'shop', 0, now() - INTERVAL 2 HOUR, 'h'),
       ('${id(300, "other")}', 'shop', 0, now() - INTERVAL 1 MINUTE, 'h')`,
    `CREATE TABLE "raw"."raw"."orders" (id BIGINT, "e mail" VARCHAR, seen TIMESTAMP, _dlt_load_id VARCHAR)`,
    `INSERT INTO "raw"."raw"."orders" VALUES
       (1, 'a', now()::TIMESTAMP - INTERVAL 30 MINUTE, '${id(100, "shop")}'),
       (1, NULL, NULL, '${id(100, "shop")}'), (1, 'c', NULL, '${id(100, "shop")}'), (2, 'd', NULL, '${id(100, "shop")}')`,
    `CREATE SCHEMA "marts"`,
    `CREATE TABLE "raw"."marts"."m" AS SELECT 1 AS a`,
  ])
    await session.query(sql);
});
afterAll(() => folder.remove());

async function read(
  metrics: GateMetric[],
  facts: LoadFacts = {},
  earlier: { [table: string]: number }[] = [],
): Promise<MetricsInfo> {
  await using session = await destination.open({ ...quiet, readOnly: true });
  return await collectMetrics(
    session,
    metrics,
    metricsContext({ analytics: "marts", loads, facts, earlier, now: new Date("2026-01-01T12:00:00Z") }),
  );
}

test("values out of the tables: share of nulls, duplicates, ages, own SELECTs of both schemas", async () => {
  const { values, missing } = await read([
    metric({ name: "nulls", builtin: "null_share", table: "orders", column: "e mail" }),
    metric({ name: "twice", builtin: "duplicates", table: "orders", key: ["id"] }),
    metric({ name: "pairs", builtin: "duplicates", table: "orders", key: ["id", "e mail"] }),
    metric({ name: "marts_twice", builtin: "duplicates", schema: "analytics", table: "m", key: ["a"] }),
    metric({ name: "load_age", builtin: "load_age" }),
    metric({ name: "row_age", builtin: "row_age" }),
    metric({ name: "orders_age", builtin: "row_age", table: "orders" }),
    metric({ name: "seen_age", builtin: "row_age", table: "orders", column: "seen" }),
    metric({ name: "own", sql: "SELECT count(*) FROM {{ raw }}.orders o, {{ analytics }}.m" }),
    metric({ name: "gone", sql: "SELECT count(*) FROM {{ raw }}.nothing" }),
    metric({ name: "no_column", builtin: "null_share", table: "orders", column: "nope" }),
  ]);
  expect(values).toEqual({
    nulls: 0.25,
    twice: 2,
    pairs: 0,
    marts_twice: 0,
    // Of this pipeline, not of the other one in the dataset.
    load_age: expect.closeTo(120, 0),
    row_age: expect.closeTo(120, 0),
    orders_age: expect.closeTo(180, 0),
    seen_age: expect.closeTo(30, 0),
    own: 4,
  });
  expect(missing).toEqual({
    gone: "the table nothing is not there",
    no_column: 'there is no column "nope"',
  });
});

test("values that the run knows: a quiet source is fresh, and no anomaly; too short a past judges nothing", async () => {
  const metrics = [
    metric({ name: "age", builtin: "load_age" }),
    metric({ name: "rows", builtin: "rows_loaded" }),
    metric({ name: "orders", builtin: "rows_loaded", table: "orders" }),
    metric({ name: "change", builtin: "row_count_change", table: "orders", loads: 3 }),
    metric({ name: "rejected", builtin: "rejected_rows" }),
  ];
  const idle = await read(metrics, { loaded_at: "2026-01-01T11:59:00Z" }, [{ orders: 1 }]);
  expect(idle.values).toEqual({ age: 1, rows: 0, orders: 0, rejected: 0 });
  expect(idle.missing).toEqual({ change: "nothing was loaded" });

  const tables = [
    { table: "orders", rows: 30 },
    { table: "orders__lines", rows: 60 },
    { table: "_dlt_pipeline_state", rows: 1 },
  ];
  const facts = { loaded_at: "2026-01-01T11:59:00Z", load_id: "1", tables, rejected_rows: 4 };
  const short = await read(metrics, facts, [{ orders: 20 }, { orders: 10 }]);
  expect(short.values).toEqual({ age: 1, rows: 90, orders: 30, rejected: 4 });
  expect(short.missing.change).toMatch(/2 earlier load\(s\) are known here, and 3 are needed/);
  const long = await read(metrics, facts, [
    { orders: 10 },
    { orders: 40 },
    { orders: 20 },
    { orders: 9_999 },
  ]);
  expect(long.values.change).toBe(0.5);

  expect((await read(metrics.slice(1))).missing).toMatchObject({
    rows: expect.stringMatching(/known/),
    rejected: expect.stringMatching(/known/),
  });
});

test("a metric that gives no number is named, and so is one that DuckDB cannot read, before anything runs", async () => {
  await expect(
    read([metric({ name: "who", sql: `SELECT "e mail" FROM {{ raw }}.orders LIMIT 1` })]),
  ).rejects.toMatchObject({
    code: "GATE_METRIC",
    message:
      'Metric "who" of gate.metrics: it gives a value of type VARCHAR, and must give one row with one number. Correct it in the spec.',
  });
  const gate = {
    metrics: [
      metric({ name: "load_age_minutes", builtin: "load_age" }),
      metric({ name: "good", sql: "SELECT 1" }),
      metric({ name: "bad", sql: "SELECT count(*) FRM {{ raw }}.a b c" }),
    ],
    max_expected_warnings: 3,
    on_review: "continue" as const,
  };
  await expect(requireReadableMetrics({ pipeline_name: "p", gate }, destination)).rejects.toMatchObject({
    code: "SPEC_INVALID",
    message: expect.stringMatching(/gate\.metrics\[1\]\.sql \(bad\): DuckDB cannot read it: Parser Error/),
  });
});
