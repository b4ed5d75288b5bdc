/** The comparison must be able to fail: everything that a fault could do to a dataset is done to one here, and seen. */
import { DuckDBInstance } from "@duckdb/node-api";
import { duckdbWords } from "../../../src/destinations/duckdb/sql-words";
import { compareDatasets } from "../../../src/drill/compare";
import type { PipelineState } from "../../../src/state/pipeline-state";
import { encodeStateBlob } from "../../../src/state/state-blob";

let instance: DuckDBInstance;
let run: (sql: string) => Promise<unknown>;
let query: (sql: string) => Promise<{ [column: string]: unknown }[]>;
let close: () => void;

const COLUMN = { data_type: "bigint" };
const SCHEMA = {
  version: 1,
  version_hash: "h",
  engine_version: 11,
  name: "shop",
  tables: {
    orders: { name: "orders", columns: { id: { name: "id", ...COLUMN, primary_key: true } } },
    orders__lines: { name: "orders__lines", parent: "orders", columns: {} },
    orders__lines__parts: { name: "orders__lines__parts", parent: "orders__lines", columns: {} },
    prices: {
      name: "prices",
      columns: {
        _dlt_valid_from: { name: "_dlt_valid_from", "x-valid-from": true },
        _dlt_valid_to: { name: "_dlt_valid_to", "x-valid-to": true },
      },
    },
  },
  settings: {},
  normalizers: {},
  previous_hashes: [],
};

const state = (last: number, more: object = {}): string =>
  encodeStateBlob({
    _state_version: 1,
    _state_engine_version: 4,
    pipeline_name: "p",
    dataset_name: "raw",
    sources: {
      shop: {
        resources: {
          orders: { incremental: { at: { last_value: last, unique_hashes: ["a", "b"], ...more } } },
        },
      },
    },
  } as PipelineState);

/** A dataset as a load leaves it; ids, load ids and times are others in each. */
async function dataset(name: string, mark: string): Promise<void> {
  const later = mark.length;
  await run(`CREATE SCHEMA ${name}`);
  await run(
    `CREATE TABLE ${name}._dlt_loads AS SELECT '${1000 + later}.' || n AS load_id, 'shop' AS schema_name, 0::bigint AS status FROM range(2) r(n)`,
  );
  await run(
    `CREATE TABLE ${name}._dlt_version AS SELECT 1::bigint AS version, now() AS inserted_at, 'shop' AS schema_name, '${JSON.stringify(SCHEMA)}' AS schema`,
  );
  await run(
    `CREATE TABLE ${name}._dlt_pipeline_state AS SELECT 'p' AS pipeline_name, '${state(9, { start_value: later })}' AS state, '${1000 + later}.1' AS _dlt_load_id`,
  );
  await run(
    `CREATE TABLE ${name}.orders AS SELECT i AS id, 'name ' || i AS name, '${mark}' || i AS _dlt_id, '${1000 + later}.0' AS _dlt_load_id FROM range(20) r(i)`,
  );
  await run(
    `CREATE TABLE ${name}.orders__lines AS SELECT i % 3 AS n, '${mark}' || i AS _dlt_parent_id, 'l${mark}' || i AS _dlt_id FROM range(20) r(i)`,
  );
  await run(
    `CREATE TABLE ${name}.orders__lines__parts AS SELECT 1 AS part, 'l${mark}' || i AS _dlt_parent_id, 'p${mark}' || i AS _dlt_id FROM range(20) r(i)`,
  );
  await run(
    `CREATE TABLE ${name}.prices AS SELECT i % 5 AS article, TIMESTAMP '2026-01-0${1 + later}' + INTERVAL (i // 5) HOUR AS _dlt_valid_from, ` +
      `CASE WHEN i < 5 THEN TIMESTAMP '2026-01-0${1 + later}' + INTERVAL 1 HOUR END AS _dlt_valid_to, 'x' || i % 5 AS _dlt_id, '${1000 + later}.0' AS _dlt_load_id FROM range(10) r(i)`,
  );
}

beforeEach(async () => {
  instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  run = sql => connection.run(sql);
  query = async sql => (await connection.runAndReadAll(sql)).getRowObjectsJS();
  close = () => {
    connection.closeSync();
    instance.closeSync();
  };
  await dataset("a", "x");
  await dataset("b", "yy");
});

afterEach(() => close());

const compare = () =>
  compareDatasets(
    query,
    { catalog: "memory", schema: "a" },
    { catalog: "memory", schema: "b" },
    duckdbWords("memory"),
  );

test("other ids, load ids, times and start values are no difference", async () => {
  expect(await compare()).toEqual([]);
});

test.each<[string, string, string, string]>([
  [
    "a doubled row",
    "INSERT INTO b.orders SELECT id, name, _dlt_id || 'again', _dlt_load_id FROM b.orders WHERE id = 3",
    "orders",
    "of 20 rows: 1 doubled",
  ],
  [
    "a lost row",
    "DELETE FROM b.orders__lines__parts WHERE _dlt_id = 'pyy7'",
    "orders__lines__parts",
    "of 20 rows: 1 lost",
  ],
  [
    "a changed row",
    "UPDATE b.orders SET name = 'old' WHERE id = 4",
    "orders",
    "of 20 rows: 1 with other values",
  ],
  [
    "a row that is new",
    "INSERT INTO b.orders SELECT 77, 'new', 'new', _dlt_load_id FROM b.orders LIMIT 1",
    "orders",
    "of 20 rows: 1 that should not be there",
  ],
  [
    "a child of another parent",
    "UPDATE b.orders__lines SET _dlt_parent_id = 'yy2' WHERE _dlt_id = 'lyy4'",
    "orders__lines",
    "of 20 rows: 1 lost, 1 that should not be there",
  ],
  [
    "a child without a parent",
    "UPDATE b.orders__lines__parts SET _dlt_parent_id = 'gone' WHERE _dlt_id = 'pyy4'",
    "orders__lines__parts",
    "of 20 rows: 1 lost, 1 that should not be there",
  ],
  [
    "a version that is still valid",
    "UPDATE b.prices SET _dlt_valid_to = NULL WHERE article = 2 AND _dlt_valid_to IS NOT NULL",
    "prices",
    "of 10 rows: 1 lost, 1 that should not be there",
  ],
  [
    "a doubled id",
    "UPDATE b.orders SET _dlt_id = 'yy1' WHERE id = 2",
    "orders",
    "1 repeated values of _dlt_id in place of 0",
  ],
  ["a missing table", "DROP TABLE b.orders__lines__parts", "orders__lines__parts", "the table is missing"],
  ["a table too many", "CREATE TABLE b.more AS SELECT 1 AS n", "more", "a table that should not be there"],
  ["another type", "ALTER TABLE b.orders ALTER id TYPE varchar", "orders", "other columns"],
  [
    "a load that is there twice",
    "INSERT INTO b._dlt_loads SELECT * FROM b._dlt_loads LIMIT 1",
    "_dlt_loads",
    "1 loads are there twice",
  ],
  [
    "a load that is missing",
    "DELETE FROM b._dlt_loads WHERE load_id = '1002.1'",
    "_dlt_loads",
    "1 loads in place of 2 or more",
  ],
  [
    "a load that is open",
    "UPDATE b._dlt_loads SET status = 1 WHERE load_id = '1002.1'",
    "_dlt_loads",
    "1 loads have another status than 0",
  ],
  [
    "rows of no load",
    "UPDATE b.orders SET _dlt_load_id = 'none' WHERE id < 3",
    "orders",
    "3 rows of a load that does not count",
  ],
  [
    "a cursor set back",
    "",
    "_dlt_pipeline_state",
    "cursors of pipeline p differ at shop.resources.orders.incremental.at.last_value",
  ],
])("%s is seen", async (label, sql, table, what) => {
  await run(label === "a cursor set back" ? `UPDATE b._dlt_pipeline_state SET state = '${state(5)}'` : sql);
  expect(await compare()).toContainEqual({ table, what: expect.stringContaining(what) });
});

test("a newer state row whose load does not count changes nothing", async () => {
  await run(`INSERT INTO b._dlt_pipeline_state SELECT 'p', '${state(99)}', '9999.0'`);
  const differences = await compare();
  expect(differences.map(({ table }) => table)).toEqual(["_dlt_pipeline_state"]);
  expect(differences[0]?.what).toBe("1 rows of a load that does not count");
});

test("no sentence quotes a value", async () => {
  await run("UPDATE b.orders SET name = 'a secret name'");
  await run(`UPDATE b._dlt_pipeline_state SET state = '${state(4711)}'`);
  expect(JSON.stringify(await compare())).not.toMatch(/secret|4711/);
});
