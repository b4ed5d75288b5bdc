/** Values at the ends of their types, ranges with offsets, and the catalog of a source that many steps open. */

import { connect, createServer } from "node:net";
import type { PostgresServer } from "../../demo/postgres-server";
import { pageRows } from "../../src/columns/column-values";
import { type Row, Timestamp } from "../../src/json/values";
import type { IncrementalConfig, SourceSpec } from "../../src/pipeline/spec";
import type { IncrementalRange, Page, Resource, SourceType } from "../../src/sources/source";
import { postgresSource, sqlDatabaseSource, sqlTableSource } from "../../src/sources/sql/sql-source";
import { Engine, sourceOf } from "../support/engine";
import { execute, startTestPostgres } from "../support/postgres";
import { surroundings } from "../support/surroundings";

let server: PostgresServer;

/** Every century's turn and both ends of what a decoder takes by its first half alone. */
const EDGES = [
  ...Array.from(
    { length: 100 },
    (_, century) => `${String(century * 100 + 1).padStart(4, "0")}-01-01 00:00:00.000001`,
  ),
  ...[
    "0001-01-01 00:00:00",
    "0063-12-31 23:59:59.999999",
    "0064-01-01 00:00:00",
    "1969-12-31 23:59:59.999999",
  ],
  ...["1999-12-31 23:59:59.999999", "2000-01-01 00:00:00", "9983-06-01 12:00:00", "9984-02-29 00:00:00"],
  ...["9985-01-01 00:00:00", "9999-12-31 00:00:00", "9999-12-31 23:59:59.999999"],
];

beforeAll(async () => {
  server = await startTestPostgres();
  await execute(server.adminDsn, [
    "CREATE TABLE edges (id int PRIMARY KEY, a timestamp, b timestamptz, d date)",
    ...EDGES.map(
      (text, id) => `INSERT INTO edges VALUES (${id}, '${text}', '${text}+00', '${text.slice(0, 10)}')`,
    ),
    "CREATE TABLE validity (id int PRIMARY KEY, valid_from timestamptz, valid_to timestamptz)",
    "SET timezone = 'America/New_York'",
    "INSERT INTO validity VALUES (1, '2026-01-01', '9999-12-31 23:59:59'), (2, '2026-02-01', '2026-03-01')",
    ...["timestamp", "timestamptz", "date"].flatMap(type =>
      [
        ["ten_thousand", "10000-01-01"],
        ["before_1", "0001-12-31 BC"],
        ["far", "10015-06-01"],
        ["farther", "294276-01-01"],
      ].flatMap(([name, value]) => [
        `CREATE TABLE ${type}_${name} (id int PRIMARY KEY, v ${type}, vs ${type}[])`,
        `INSERT INTO ${type}_${name} VALUES (1, '${value}', NULL), (2, NULL, ARRAY['${value}'::${type}])`,
      ]),
    ),
    "CREATE TABLE times (id int PRIMARY KEY, naive timestamp, zoned timestamptz, day date, word text)",
    `INSERT INTO times SELECT i, t, t AT TIME ZONE 'UTC', date '2026-10-30' + i, to_char(t, 'YYYY-MM-DD"T"HH24:MI:SS')
       FROM generate_series(1, 4) i, LATERAL (SELECT timestamp '2026-10-31 23:30' + i * interval '1 hour') x(t)`,
    `CREATE TABLE others (id int PRIMARY KEY, cash money[], classes regclass[], names "char"[], bits bit(2)[], deep text[])`,
    "INSERT INTO others VALUES (1, '{1.5,NULL}', '{pg_class}', '{a,b}', '{10}', '[2:3][0:1]={{a,NULL},{\"NULL\",\"\"}}')",
    "CREATE TABLE spans (id int PRIMARY KEY, days daterange, times tsrange, zoned tstzrange)",
    "INSERT INTO spans VALUES (1, '[2026-01-01,10000-01-01)', '[0001-01-01 BC,)', '(,9999-12-31 23:59:59-05]')",
    "CREATE SCHEMA many",
    ...Array.from({ length: 30 }, (_, index) => `CREATE TABLE many.t${index} (id int PRIMARY KEY, v text)`),
  ]);
});
afterAll(() => server?.stop());

async function resource(type: SourceType, part: object): Promise<Resource> {
  const spec = { type: type.type, name: "db", credentials: server.adminDsn, ...part };
  return (await type.create(spec as unknown as SourceSpec)).resources[0]!;
}
const table = (name: string, part: object = {}) => resource(sqlTableSource, { table: name, ...part });

async function rowsOf(one: Resource, incremental?: IncrementalRange): Promise<Row[]> {
  const pages: Page[] = [];
  const signal = new AbortController().signal;
  for await (const page of one.open({ signal, attempts: 1, ...(incremental ? { incremental } : {}) }))
    pages.push(page);
  return pages.flatMap(({ rows, columns }) => (columns ? pageRows(columns) : rows));
}

describe("the ends of the calendar", () => {
  test("are the same by COPY, by FETCH and by text", async () => {
    const iso = (text: string) => text.replace(" ", "T");
    const expected = EDGES.map((text, id) => ({
      id,
      a: new Timestamp(iso(text)),
      b: new Timestamp(`${iso(text)}+00:00`),
      d: expect.objectContaining({ text: text.slice(0, 10) }),
    }));
    const timed = `${server.adminDsn}?options=-c%20statement_timeout%3D60s`;
    for (const [one, name] of [
      [await table("edges"), "COPY"],
      [await table("edges", { credentials: timed }), "COPY under a limit"],
      [
        await resource(postgresSource, {
          resources: [{ name: "q", query: "SELECT * FROM edges ORDER BY id" }],
        }),
        "text",
      ],
    ] as const) {
      expect({ name, rows: await rowsOf(one) }).toEqual({ name, rows: expected });
    }
    await execute(server.adminDsn, ["CREATE OR REPLACE VIEW edges_view AS SELECT * FROM edges ORDER BY id"]);
    expect(await rowsOf(await table("edges_view", { credentials: timed }))).toEqual(expected);
  });

  test.each(["sqlalchemy", "pyarrow"])(
    "the end of time of another zone is refused, backend %s",
    async backend => {
      for (const part of [{}, { incremental: { cursor_path: "valid_to" } }]) {
        const engine = new Engine();
        const run = engine.run(engine.spec(), sourceOf("db", await table("validity", { backend, ...part })));
        await expect(run).rejects.toMatchObject({
          code: "SQL_TYPE",
          message: expect.stringContaining('"valid_to"'),
        });
        engine.remove();
      }
    },
  );

  test.each(
    ["timestamp", "timestamptz", "date"].flatMap(type =>
      ["ten_thousand", "before_1", "far", "farther"].map(name => `${type}_${name}`),
    ),
  )("%s: no row is taken, the column is named", async name => {
    const refused = (column: string) => ({
      code: "SQL_TYPE",
      message: expect.stringContaining(`"${column}"`),
    });
    await expect(rowsOf(await table(name, { excluded_columns: ["vs"] }))).rejects.toMatchObject(refused("v"));
    await expect(rowsOf(await table(name, { excluded_columns: ["v"] }))).rejects.toMatchObject(refused("vs"));
    const query = { resources: [{ name: "q", query: `SELECT v FROM ${name}` }] };
    await expect(rowsOf(await resource(postgresSource, query))).rejects.toMatchObject(refused("v"));
  });
});

test.each(["sqlalchemy", "pyarrow"])(
  "ends of ranges beyond the calendar are refused like values of a column, backend %s",
  async backend => {
    for (const column of ["days", "times", "zoned"]) {
      const rest = ["days", "times", "zoned"].filter(name => name !== column);
      const one = await table("spans", { backend, excluded_columns: rest });
      await expect(rowsOf(one)).rejects.toMatchObject({
        code: "SQL_TYPE",
        message: expect.stringContaining(`"${column}"`),
      });
    }
  },
);

test("arrays of types whose text dlt takes for characters are lists", async () => {
  expect(await rowsOf(await table("others"))).toEqual([
    {
      id: 1,
      cash: ["$1.50", null],
      classes: ["pg_class"],
      names: ["a", "b"],
      bits: ["10"],
      deep: [
        ["a", null],
        ["NULL", ""],
      ],
    },
  ]);
});

describe("ranges with an offset", () => {
  const config = (cursor_path: string) =>
    ({
      cursor_path,
      last_value_func: "max",
      range_start: "closed",
      range_end: "open",
      on_cursor_value_missing: "raise",
    }) as IncrementalConfig;
  const range = (path: string, from: unknown, to?: unknown) =>
    ({ config: config(path), start_value: from, initial_value: from, end_value: to }) as IncrementalRange;
  const ids = (rows: Row[]) => rows.map(row => row.id);

  /** One instant, 2026-11-01 01:00 UTC, in words of five zones. */
  const ONE = [
    "2026-11-01T01:00:00Z",
    "2026-11-01T03:00:00+02:00",
    "2026-10-31 20:00:00-05",
    "2026-11-01T06:30:00.000+0530",
    "2026-11-01T01:00:00",
  ];
  const query = (sql: string, path: string) =>
    resource(postgresSource, {
      resources: [{ name: "q", query: sql, incremental: { cursor_path: path, initial_value: "x" } }],
    });

  test.each(["naive", "zoned"])("every spelling of an instant is one range: column %s", async path => {
    for (const from of [...ONE, ...ONE.map(text => new Timestamp(text))]) {
      expect({ from, ids: ids(await rowsOf(await table("times"), range(path, from))) }).toEqual({
        from,
        ids: [2, 3, 4],
      });
      expect(
        ids(
          await rowsOf(
            await table("times", { backend: "pyarrow" }),
            range(path, from, "2026-11-01T05:00:00+02:00"),
          ),
        ),
      ).toEqual([2, 3]);
      expect(
        ids(await rowsOf(await table("times", { reflection_level: "minimal" }), range(path, from))),
      ).toEqual([2, 3, 4]);
    }
    for (const from of ONE) {
      const wrapped = await query("SELECT * FROM times", path);
      expect(ids(await rowsOf(wrapped, range(path, from, "2026-10-31T22:00:00-05:00"))).sort()).toEqual([
        2, 3,
      ]);
      const own = await query(`SELECT * FROM times WHERE ${path} >= :start_value -- own`, path);
      expect(ids(await rowsOf(own, range(path, from))).sort()).toEqual([2, 3, 4]);
    }
  });

  test("a day is taken where it is clear", async () => {
    const days = async (from: string) => ids(await rowsOf(await table("times"), range("day", from)));
    expect(await days("2026-11-02")).toEqual([3, 4]);
    expect(await days("2026-11-02T00:00:00Z")).toEqual([3, 4]);
    expect(await days("2026-11-02T12:00:00+05:00")).toEqual([3, 4]);
    for (const from of ["2026-11-02T00:00:00+02:00", "2026-11-01T23:00:00-02:00"])
      await expect(days(from)).rejects.toMatchObject({
        code: "SPEC_INVALID",
        message: expect.stringContaining("UTC"),
      });
  });

  test("texts compare as they are written", async () => {
    expect(ids(await rowsOf(await table("times"), range("word", "2026-11-01T01:30:00")))).toEqual([2, 3, 4]);
  });
});

describe("the catalog", () => {
  let connections = 0;
  let through: string;
  let close: () => void;

  beforeAll(async () => {
    const door = createServer(client => {
      connections++;
      const inner = connect(server.port, "127.0.0.1");
      client.pipe(inner).pipe(client);
      for (const one of [client, inner]) one.on("error", () => {});
    });
    await new Promise<void>(resolve => door.listen(0, "127.0.0.1", resolve));
    const { port } = door.address() as { port: number };
    through = `${server.adminDsn.replace(`:${server.port}/`, `:${port}/`)}?sslmode=disable`;
    close = () => door.close();
  });
  afterAll(() => close());

  const spec = (more: object = {}) =>
    ({
      type: "sql_database",
      name: "db",
      credentials: through,
      schema: "many",
      ...more,
    }) as unknown as SourceSpec;
  /** Connections that building takes. */
  async function cost(build: () => Promise<unknown>): Promise<number> {
    const before = connections;
    await build();
    return connections - before;
  }

  test("is read once for a load, however many steps open the source at once", async () => {
    const open = (load?: string, more: object = {}, env: { [name: string]: string } = {}) =>
      Promise.all(
        Array.from({ length: 10 }, async () => {
          const source = await sqlDatabaseSource.create(
            spec(more),
            surroundings({ env, ...(load ? { load } : {}) }),
          );
          expect(source.resources).toHaveLength(30);
        }),
      );
    const once = await cost(() => Promise.resolve(sqlDatabaseSource.create(spec(), surroundings())));
    expect(once).toBeLessThanOrEqual(2);
    expect(await cost(() => open("1.1"))).toBe(once);
    expect(await cost(() => open("1.1"))).toBe(0);
    expect(await cost(() => open("1.2"))).toBe(once);
    expect(await cost(() => open("1.2", { chunk_size: 7 }))).toBe(once);
    expect(await cost(() => open("1.2", {}, { PGOPTIONS: "-c work_mem=8MB" }))).toBe(once);
    expect(await cost(() => open())).toBe(once * 10);
  });

  test.each<[string, object]>([
    ["views too", { include_views: true }],
    ["named tables", { table_names: ["t1", "t7", "t11"] }],
    ["foreign keys", { resolve_foreign_keys: true }],
    ["minimal, by columns", { reflection_level: "minimal", backend: "pyarrow" }],
    ["hints by name", { resources: [{ name: "t3", write_disposition: "merge" }] }],
  ])("is read once as well for %s", async (name, more) => {
    const open = (load: string) =>
      Promise.resolve(sqlDatabaseSource.create(spec(more), surroundings({ load })));
    const once = await cost(() => open(`one ${name}`));
    expect(once).toBeGreaterThan(0);
    expect(await cost(() => Promise.all(Array.from({ length: 12 }, () => open(`many ${name}`))))).toBe(once);
  });

  test("of thirty tables costs a load no more than of one: a connection for each table's rows beside it", async () => {
    const engine = new Engine();
    try {
      const source = await sqlDatabaseSource.create(spec(), surroundings({ load: "4.1" }));
      expect(await cost(() => engine.run(engine.spec(), source))).toBeLessThanOrEqual(30);
    } finally {
      engine.remove();
    }
  });

  test("a failure is not kept, and what is kept is bounded", async () => {
    const absent = () =>
      sqlDatabaseSource.create(spec({ table_names: ["late"] }), surroundings({ load: "2.1" }));
    await expect(absent()).rejects.toMatchObject({ code: "SQL_QUERY" });
    await execute(server.adminDsn, ["CREATE TABLE many.late (id int PRIMARY KEY)"]);
    await expect(absent()).resolves.toMatchObject({ name: "db" });
    const build = (load: string) => () =>
      Promise.resolve(sqlDatabaseSource.create(spec(), surroundings({ load })));
    for (let index = 0; index < 9; index++) await build(`3.${index}`)();
    expect(await cost(build("3.8"))).toBe(0);
    expect(await cost(build("3.0"))).toBeGreaterThan(0);
  });
});
