/** The same source through the whole engine into DuckDB and into Databricks: the same tables, columns and rows. */
import type { Row } from "../../../src/json/values";
import type { LoadedTable } from "../../../src/pipeline/infos";
import type { ColumnHint, MergeStrategy, WriteDisposition } from "../../../src/pipeline/spec";
import type { Source } from "../../../src/sources/source";
import { CATALOG, freshDataset, warehouse } from "../../support/databricks/use-standin";
import { Engine, pagesOf, sourceOf } from "../../support/engine";

const COLUMNS: ColumnHint[] = [
  { name: "amount", data_type: "decimal", precision: 20, scale: 4 },
  { name: "wide", data_type: "wei" },
  { name: "small", data_type: "bigint", precision: 16 },
  { name: "day", data_type: "date" },
  { name: "clock", data_type: "time" },
  { name: "local_at", data_type: "timestamp", timezone: false },
  { name: "doc", data_type: "json" },
];

const row = (id: number, more: Row = {}): Row => ({
  id,
  big: 9_007_199_254_740_993n,
  ratio: 0.1,
  whole: 3,
  name: `it's "ü" \\ 💧 ${id}`,
  flag: id % 2 === 0,
  at: "2026-01-31T23:59:59.123456+02:00",
  amount: "12345.6789",
  wide: "12345678901234567890123456789",
  small: 7,
  day: "2026-02-28",
  clock: "01:02:03.000004",
  local_at: "2026-01-31T23:59:59.123456",
  doc: { b: [1, 2.5, null], a: "x" },
  nothing: null,
  inner: { deep: "d" },
  lines: [
    { sku: `a${id}`, parts: [1, 2] },
    { sku: `b${id}`, parts: [] },
  ],
  ...more,
});

async function readAll(engine: Engine, dataset: string, spark: boolean) {
  const q = (name: string): string => (spark ? `\`${name}\`` : `"${name}"`);
  const columns = await engine.query<{ table_name: string; column_name: string; type: string }>(
    spark
      ? `SELECT table_name, column_name, full_data_type AS type FROM ${CATALOG}.information_schema.columns WHERE table_schema = '${dataset}' ORDER BY table_name, ordinal_position`
      : `SELECT table_name, column_name, data_type AS type FROM information_schema.columns WHERE table_schema = '${dataset}' ORDER BY table_name, ordinal_position`,
  );
  const tables: { [table: string]: { columns: string[]; rows: string[] } } = {};
  for (const { table_name, column_name } of columns) {
    tables[table_name] ??= { columns: [], rows: [] };
    tables[table_name].columns.push(column_name);
  }
  const selects = Object.keys(tables)
    .filter(name => !name.startsWith("_dlt_"))
    .map(name => {
      const values = columns
        .filter(c => c.table_name === name)
        .map(c => `coalesce(${text(q(c.column_name), c.type.toUpperCase(), spark)}, 'NULL')`);
      return `SELECT '${name}' AS name, ${values.join(" || '|' || ")} AS line FROM ${q(dataset)}.${q(name)}`;
    });
  for (const { name, line } of await engine.query<{ name: string; line: string }>(
    selects.join(" UNION ALL "),
  )) {
    tables[name]?.rows.push(line);
  }
  for (const table of Object.values(tables)) table.rows.sort();
  return tables;
}

/** A value as text that both destinations print alike. */
function text(column: string, type: string, spark: boolean): string {
  if (type.startsWith("TIMESTAMP")) {
    return spark
      ? `date_format(${column}, 'yyyy-MM-dd HH:mm:ss.SSSSSS')`
      : `strftime(${column} ${type.includes("ZONE") ? "AT TIME ZONE 'UTC'" : ""}, '%Y-%m-%d %H:%M:%S.%f')`;
  }
  return `CAST(${column} AS ${spark ? "STRING" : "VARCHAR"})`;
}

const merge = (strategy: MergeStrategy): WriteDisposition => ({ disposition: "merge", strategy });
const DISPOSITIONS: { [resource: string]: WriteDisposition } = {
  append: { disposition: "append" },
  replace: { disposition: "replace" },
  delete_insert: merge("delete-insert"),
  upsert: merge("upsert"),
  insert_only: merge("insert-only"),
  cdc: merge("cdc"),
  scd2: merge("scd2"),
};

/** One resource of every disposition and strategy, all with the same rows. */
const source = (rows: Row[]): Source =>
  sourceOf(
    "s",
    ...Object.entries(DISPOSITIONS).map(([name, write_disposition]) =>
      pagesOf(`${name}_items`, () => [rows], {
        hints: { primary_key: ["id"], write_disposition, columns: COLUMNS },
      }),
    ),
  );

describe("the same rows on both destinations, of every disposition and strategy", () => {
  const dataset = freshDataset();
  const duck = new Engine();
  const loads = [
    source([row(1), row(2)]),
    source([
      row(2, { name: "changed", lines: [{ sku: "new", parts: [9] }] }),
      row(3, { added: "later", flag: null }),
    ]),
  ];
  const here: LoadedTable[][] = [];
  beforeAll(async () => {
    for (const load of loads) {
      here.push((await duck.run(duck.spec({ dataset_name: dataset }), load)).tables);
    }
  });
  afterAll(() => duck.remove());

  it.each(["warehouse", "spark"] as const)("load_mode %s", async load_mode => {
    const there = freshDataset();
    const brick = new Engine({}, warehouse({ load_mode }));
    try {
      for (const [i, load] of loads.entries()) {
        const run = await brick.run(brick.spec({ dataset_name: there }), load);
        expect(run.tables).toEqual(here[i]);
      }
      const expected = await readAll(duck, dataset, false);
      expect(Object.keys(expected)).toHaveLength(7 * 3 + 3);
      expect(await readAll(brick, there, true)).toEqual(expected);
    } finally {
      brick.remove();
    }
  });
});
