/**
 * What the drill loads: a few kinds of pipelines, each a sequence of runs over data that change from run to run.
 * Everything is derived from a seed, so that a run with faults and one without see the same rows.
 */
import { join } from "node:path";
import type { FaultKind } from "../../src/drill/faults";
import type { ScenarioOutline } from "../../src/drill/plan";
import type { BackfillRequest, RunInput } from "../../src/pipeline/spec";
import type { Rows } from "./api";

export interface Phase {
  name: string;
  input?: Partial<RunInput>;
  /** In place of a regular load. */
  backfill?: BackfillRequest;
}

export interface Places {
  apiUrl: string;
  duckdb: string;
  /** Schema in the PostgreSQL server, for scenarios that read from it. */
  pgSchema: string;
}

export interface Scenario {
  outline: ScenarioOutline;
  phases: Phase[];
  spec(places: Places): object;
  /** What the API answers in a phase. */
  rows?(dataSeed: number, phase: number): Rows;
  /** Statements that bring the PostgreSQL schema to a phase, after those of the phases before. */
  sql?(dataSeed: number, phase: number, schema: string): string[];
}

const EVERYWHERE: FaultKind[] = [
  "kill_worker",
  "stop_worker",
  "restart_worker",
  "terminate",
  "reset",
  "cancel",
  "pause",
  "abort_packages",
  "restart_server",
  "disk_full",
  "clock_jump",
];
const MOMENTS: ScenarioOutline["moments"] = [
  { step: "extract", nth: 4 },
  { step: "normalize", nth: 1 },
  { step: "load", phase: "in transaction", nth: 1 },
  { step: "load", phase: "before _dlt_loads", nth: 1 },
];

/** A number from 0 to 999,983 that looks drawn, the same for the same arguments. */
function draw(...parts: number[]): number {
  let hash = 2_166_136_261;
  for (const part of parts) {
    hash = Math.imul(hash ^ part, 16_777_619);
    hash ^= hash >>> 13;
  }
  return (hash >>> 0) % 999_983;
}

const range = (from: number, to: number) =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i);

const byCursor = (rows: { at: number }[], since: number | undefined, until: number | undefined) =>
  rows.filter(({ at }) => (since === undefined || at >= since) && (until === undefined || at < until));

const paged = { type: "page_number", base_page: 0, total_path: null };
const incrementalEndpoint = (path: string) => ({
  path,
  paginator: paged,
  incremental: { cursor_path: "at", initial_value: 0, start_param: "since", end_param: "until" },
});

const restSource = (places: Places, resources: object[]) => ({
  type: "rest_api",
  name: "shop",
  client: { base_url: places.apiUrl },
  resources,
});

const base = (places: Places) => ({
  dataset_name: "raw",
  destination: { type: "duckdb", path: places.duckdb },
});

/** Three rows share each cursor value, so that the boundary of an incremental load matters. */
const event = (seed: number) => (i: number) => ({
  event_no: i,
  at: 1_000 + Math.floor(i / 3),
  kind: `kind ${draw(seed, i) % 7}`,
  amount: (draw(seed, i, 1) % 10_000) / 4,
});

const EVENTS = [4_000, 6_000, 7_100, 7_100];

const append: Scenario = {
  outline: {
    name: "append",
    phases: 3,
    weight: 2,
    moments: MOMENTS,
    faults: [...EVERYWHERE, "bad_proxy"],
  },
  phases: [{ name: "first load" }, { name: "new rows" }, { name: "more new rows" }],
  spec: places => ({
    ...base(places),
    source: restSource(places, [
      { name: "events", write_disposition: "append", endpoint: incrementalEndpoint("events") },
    ]),
  }),
  rows: (seed, phase) => {
    const rows = range(0, EVENTS[phase]!).map(event(seed));
    return (_, since, until) => byCursor(rows, since, until);
  },
};

/** Orders with lists of lines, and lines with lists of parts; a second resource beside it. */
function orders(seed: number, phase: number): { at: number }[] {
  const counts = [2_400, 3_200, 3_200, 3_600];
  return range(0, counts[phase]!)
    .map(id => {
      const first = 10_000 + id;
      // The first change touches every fourth order and moves its cursor; the second leaves the cursors alone.
      const changed = phase >= 1 && id < 2_400 && draw(seed, id, 2) % 4 === 0;
      const corrected = phase >= 2 && id >= 2_450 && id < 2_900 && draw(seed, id, 3) % 2 === 0;
      const version = (changed ? 1 : 0) + (corrected ? 2 : 0);
      return {
        id,
        at: changed ? 12_600 + (id % 200) : first,
        status: `status ${draw(seed, id, version) % 5}`,
        customer: { name: `customer ${draw(seed, id) % 90}`, vip: id % 9 === 0 },
        lines: range(0, 1 + (draw(seed, id, version, 4) % 3)).map(n => ({
          n,
          sku: `sku ${draw(seed, id, n, version) % 50}`,
          parts: range(0, draw(seed, id, n) % 3).map(part => ({ part, weight: draw(seed, id, n, part) / 8 })),
        })),
      };
    })
    .sort((a, b) => a.at - b.at);
}

const mergeWithChildren: Scenario = {
  outline: {
    name: "merge_children",
    phases: 4,
    weight: 3,
    moments: MOMENTS,
    faults: [...EVERYWHERE, "bad_proxy"],
  },
  phases: [
    { name: "first load" },
    { name: "changed and new rows" },
    { name: "backfill", backfill: { resource: "orders", from: 12_400, to: 13_000 } },
    { name: "new rows" },
  ],
  spec: places => ({
    ...base(places),
    source: restSource(places, [
      {
        name: "orders",
        write_disposition: "merge",
        primary_key: "id",
        endpoint: incrementalEndpoint("orders"),
      },
      { name: "shops", write_disposition: "replace", endpoint: { path: "shops", paginator: paged } },
    ]),
  }),
  rows: (seed, phase) => {
    const all = orders(seed, phase);
    const shops = range(0, 700).map(id => ({ id, name: `shop ${draw(seed, id, phase) % 100}` }));
    return (resource, since, until) => (resource === "shops" ? shops : byCursor(all, since, until));
  },
};

/** Rows change, go away and come back. */
function prices(seed: number, phase: number): object[] {
  return range(0, 3_000)
    .filter(id => draw(seed, id, phase, 5) % 12 !== 0)
    .map(id => ({
      id,
      name: `article ${id}`,
      price: (draw(seed, id, Math.floor((phase + (id % 3)) / 2)) % 5_000) / 4,
    }));
}

const scd2: Scenario = {
  outline: { name: "scd2", phases: 3, weight: 2, moments: MOMENTS, faults: [...EVERYWHERE, "bad_proxy"] },
  phases: [{ name: "first load" }, { name: "changed rows" }, { name: "changed again" }],
  spec: places => ({
    ...base(places),
    source: restSource(places, [
      {
        name: "prices",
        write_disposition: { disposition: "merge", strategy: "scd2" },
        endpoint: { path: "prices", paginator: paged },
      },
    ]),
  }),
  rows: (seed, phase) => {
    const rows = prices(seed, phase);
    return () => rows;
  },
};

const replace: Scenario = {
  outline: { name: "replace", phases: 3, weight: 1, moments: MOMENTS, faults: [...EVERYWHERE, "bad_proxy"] },
  phases: [
    { name: "first load" },
    { name: "other rows" },
    { name: "refresh", input: { refresh: "drop_resources" } },
  ],
  spec: places => ({
    ...base(places),
    source: restSource(places, [
      { name: "articles", write_disposition: "replace", endpoint: { path: "articles", paginator: paged } },
    ]),
  }),
  rows: (seed, phase) => {
    const rows = range(0, [4_000, 3_000, 3_500][phase]!).map(id => ({
      id,
      name: `article ${draw(seed, id, phase)}`,
      tags: range(0, draw(seed, id, phase) % 3).map(n => `tag ${draw(seed, id, n, phase) % 20}`),
    }));
    return () => rows;
  },
};

const refreshed: Scenario = {
  outline: {
    name: "append_refresh",
    phases: 3,
    weight: 1,
    moments: MOMENTS,
    faults: [...EVERYWHERE, "bad_proxy"],
  },
  phases: [
    { name: "first load" },
    { name: "refresh", input: { refresh: "drop_sources" } },
    { name: "new rows" },
  ],
  spec: append.spec,
  rows: (seed, phase) => {
    const rows = range(0, [3_000, 3_600, 5_000][phase]!).map(event(seed));
    return (_, since, until) => byCursor(rows, since, until);
  },
};

/** Rows of a database, at a pace that lets faults strike between them. */
const postgresMerge: Scenario = {
  outline: {
    name: "postgres_merge",
    phases: 4,
    weight: 2,
    moments: MOMENTS,
    faults: [...EVERYWHERE, "restart_database"],
  },
  phases: [
    { name: "first load" },
    { name: "changed and new rows" },
    { name: "backfill", backfill: { resource: "accounts", from: 2_100, to: 2_600 } },
    { name: "new rows" },
  ],
  spec: places => ({
    ...base(places),
    source: {
      type: "postgres",
      name: "bank",
      credentials: { env: "DRILL_POSTGRES" },
      chunk_size: 200,
      resources: [
        {
          name: "accounts",
          query:
            `SELECT id, changed, owner, balance FROM ${places.pgSchema}.accounts ` +
            "CROSS JOIN LATERAL pg_sleep(CASE WHEN id % 100 = 0 THEN 0.06 ELSE 0 END) " +
            "WHERE changed >= :start_value AND (CAST(:end_value AS bigint) IS NULL OR changed < CAST(:end_value AS bigint))",
          write_disposition: "merge",
          primary_key: "id",
          incremental: { cursor_path: "changed", initial_value: 0 },
        },
      ],
    },
  }),
  sql: (seed, phase, schema) => {
    const insert = (from: number, to: number) =>
      `INSERT INTO ${schema}.accounts SELECT i, i / 2, 'owner ' || (i * ${seed + 7}) % 91, (i * ${seed + 3}) % 1000 / 4.0 FROM generate_series(${from}, ${to}) i`;
    switch (phase) {
      case 0:
        return [
          `CREATE SCHEMA ${schema}`,
          `CREATE TABLE ${schema}.accounts (id bigint PRIMARY KEY, changed bigint NOT NULL, owner text, balance numeric(12, 2))`,
          insert(1, 4_000),
        ];
      case 1:
        return [
          `UPDATE ${schema}.accounts SET changed = 2000, balance = balance + 1 WHERE id % 5 = ${seed % 5} AND id <= 3000`,
          insert(4_001, 6_000),
        ];
      case 2:
        // Corrected without a word: only a backfill sees it.
        return [
          `UPDATE ${schema}.accounts SET owner = owner || ' (corrected)' WHERE id BETWEEN 4300 AND 5100`,
        ];
      default:
        return [insert(6_001, 7_500)];
    }
  },
};

const withDbt: Scenario = {
  outline: {
    name: "append_dbt",
    phases: 2,
    weight: 1,
    moments: [...MOMENTS, { step: "transform", nth: 3 }],
    faults: [...EVERYWHERE, "bad_proxy", "kill_dbt"],
  },
  phases: [{ name: "first load and dbt" }, { name: "new rows and dbt" }],
  spec: places => ({
    ...(append.spec(places) as object),
    transform: { dbt: { project_dir: join(__dirname, "dbt"), freshness: false } },
  }),
  rows: (seed, phase) => append.rows!(seed, phase),
};

export const SCENARIOS: readonly Scenario[] = [
  append,
  mergeWithChildren,
  scd2,
  postgresMerge,
  replace,
  refreshed,
  withDbt,
];
