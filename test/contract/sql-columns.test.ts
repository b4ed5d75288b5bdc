/** Tables that travel as columns: the same outcome as by rows, also when the schema has to learn, and after a crash. */
import type { PostgresServer } from "../../demo/postgres-server";
import { pageRows } from "../../src/columns/column-values";
import { DEFAULT_SEGMENT_BYTES, extractResource } from "../../src/extract/extract-resource";
import type { SourceSpec } from "../../src/pipeline/spec";
import type { Page, Resource } from "../../src/sources/source";
import { sqlTableSource } from "../../src/sources/sql/sql-source";
import { Engine, sourceOf } from "../support/engine";
import { execute, startTestPostgres } from "../support/postgres";

let server: PostgresServer;

beforeAll(async () => {
  server = await startTestPostgres();
  await execute(server.adminDsn, [
    `CREATE TABLE mixed (id int PRIMARY KEY, "Big Name" bigint, price numeric, paid numeric(12,2), money_kind money,
       doc jsonb, at timestamptz, only_late inet)`,
    `INSERT INTO mixed SELECT i, nullif(i % 9, 3), i / 7.0, (i - 1000) / 100.0, i::money,
       CASE WHEN i % 100 = 50 THEN to_jsonb(i) WHEN i % 3 = 0 THEN jsonb_build_object('n', i, 'f', 1.5, 'b', i::bigint * 10000000000000) END,
       timestamptz '2026-01-01' + i * interval '1 second', CASE WHEN i > 1500 THEN '10.0.0.1'::inet END
       FROM generate_series(1, 3000) i`,
  ]);
});
afterAll(() => server?.stop());

async function mixed(part: object = {}): Promise<Resource> {
  const spec = {
    type: "sql_table",
    name: "db",
    credentials: server.adminDsn,
    table: "mixed",
    chunk_size: 700,
    ...part,
  };
  return (await sqlTableSource.create(spec as unknown as SourceSpec)).resources[0]!;
}

/** The same resource, its pages as rows. */
const byRows = (resource: Resource): Resource => ({
  ...resource,
  async *open(options) {
    for await (const page of resource.open(options)) {
      const rows = page.columns === undefined ? page.rows : pageRows(page.columns);
      yield { rows, resume: page.resume } as Page;
    }
  },
});

async function outcome(resource: Resource) {
  const engine = new Engine();
  try {
    const run = await engine.run(engine.spec(), sourceOf("db", resource));
    const rows = await engine.query("SELECT * EXCLUDE (_dlt_load_id) FROM raw.mixed ORDER BY id");
    const columns = await engine.query(
      "SELECT column_name, data_type, is_nullable FROM duckdb_columns() WHERE table_name = 'mixed' ORDER BY column_index",
    );
    const [version] = await engine.query<{ schema: string }>("SELECT schema FROM raw._dlt_version");
    return { rows, columns, schema: JSON.parse(version!.schema).tables.mixed, tables: run.tables };
  } finally {
    engine.remove();
  }
}

test.each([
  ["columns without a type, variants, late columns", {}],
  [
    "other types by hint",
    { columns: { paid: { data_type: "text" }, at: { data_type: "timestamp", timezone: false } } },
  ],
  ["row ids made of keys", { write_disposition: { disposition: "merge", strategy: "upsert" } }],
  ["a contract that takes out a column", { schema_contract: { columns: "discard_value" } }],
  ["a cursor", { incremental: { cursor_path: "at", initial_value: "2026-01-01T00:20:00+00:00" } }],
])("as columns and as rows: %s", async (_, part) => {
  const asColumns = await outcome(await mixed(part));
  expect(asColumns.rows.length).toBeGreaterThan(1000);
  expect(asColumns).toEqual(await outcome(byRows(await mixed(part))));
});

test("a crash after some pages loses no row and repeats none", async () => {
  const engine = new Engine();
  try {
    const resource = await mixed();
    const ref = { root: engine.root, pipeline_name: "p", load_id: "1.0" };
    const extract = (attempt: string, one: Resource) =>
      extractResource({
        ref,
        resource: one,
        attempt,
        http_attempts: 1,
        segment_bytes: DEFAULT_SEGMENT_BYTES,
        signal: new AbortController().signal,
        onProgress: () => {},
      });
    const crashing: Resource = {
      ...resource,
      async *open(options) {
        let pages = 0;
        for await (const page of resource.open(options)) {
          if (++pages === 4) throw new Error("the worker died");
          yield page;
        }
      },
    };
    await expect(extract("a", crashing)).rejects.toThrow("the worker died");
    const done = await extract("b", resource);
    expect(done).toMatchObject({ rows: 3000, attempt: "b" });
    expect(done.resumed_rows).toBeGreaterThanOrEqual(1400);
  } finally {
    engine.remove();
  }
});
