import { connect, createServer, type Socket } from "node:net";
import type { PostgresServer } from "../../demo/postgres-server";
import { pageRows } from "../../src/columns/column-values";
import type { Row } from "../../src/json/values";
import { Binary, Decimal, PlainDate, PlainTime, Timestamp, WholeFloat } from "../../src/json/values";
import type { IncrementalConfig, Json, SourceSpec } from "../../src/pipeline/spec";
import type { IncrementalRange, OpenOptions, Page, Resource, SourceType } from "../../src/sources/source";
import { postgresSource, sqlDatabaseSource, sqlTableSource } from "../../src/sources/sql/sql-source";
import { execute, startTestPostgres } from "../support/postgres";

let server: PostgresServer;
/** A role that may SELECT from `public.types` and nothing else. */
let readerDsn: string;

const TYPES_TABLE = `CREATE TABLE types (
  id int PRIMARY KEY, small smallint, big bigint NOT NULL, num numeric, num2 numeric(10,2), real4 real, real8 double precision,
  txt text, vc varchar(20), ch char(5), flag boolean, ts timestamp, tstz timestamptz, day date, tm time, uid uuid,
  js json, jsb jsonb, ints int[], bytes bytea, cash money, addr inet, mood mood, pct percent, span int4range, bits bit(3), moods mood[])`;

beforeAll(async () => {
  server = await startTestPostgres();
  await execute(server.adminDsn, [
    "CREATE TYPE mood AS ENUM ('calm', 'stormy')",
    "CREATE DOMAIN percent AS numeric(5,2) CHECK (VALUE <= 100)",
    TYPES_TABLE,
    `INSERT INTO types VALUES (1, -1, 9007199254740993, 0.1234567890123456789, 12.30, 1.5, 2, 'text', 'vc', 'ch', true,
       '2026-01-02 03:04:05.123456', '2026-01-02 03:04:05+02', '2026-01-02', '03:04:05.5',
       'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"b": 1.0, "a": [12345678901234567890]}', '{"k": null}', '{1,NULL,3}',
       '\\x00ff', 12.5, '10.0.0.1/8', 'stormy', 99.5, '[1,5)', B'101', '{calm,NULL}')`,
    "INSERT INTO types (id, big) VALUES (2, 1)",
    "CREATE TABLE parents (id int PRIMARY KEY, code text)",
    `CREATE TABLE children (a int, b text, parent_id int REFERENCES parents, other_id int REFERENCES parents,
       seen timestamp NOT NULL, PRIMARY KEY (b, a))`,
    `INSERT INTO children SELECT i % 10, 'k' || i / 10, NULL, NULL, timestamp '2026-01-01' + i * interval '1 minute'
       FROM generate_series(0, 99) i`,
    "CREATE VIEW child_view AS SELECT a, b FROM children",
    "CREATE ROLE reader LOGIN PASSWORD 'reader'",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "GRANT USAGE ON SCHEMA public TO reader",
    "GRANT SELECT ON types TO reader",
  ]);
  readerDsn = server.adminDsn.replace(/\/\/[^@]+@/, "//reader:reader@");
});
afterAll(() => server?.stop());

function build(type: SourceType, part: object, dsn: string = server.adminDsn) {
  const spec = { type: type.type, name: "db", credentials: dsn, ...part } as unknown as SourceSpec;
  expect(type.check(spec)).toEqual([]);
  return type.create(spec);
}

async function query(sql: string, part: object = {}, dsn?: string): Promise<Resource> {
  return (await build(postgresSource, { resources: [{ name: "q", query: sql, ...part }] }, dsn))
    .resources[0]!;
}

async function table(name: string, part: object = {}): Promise<Resource> {
  return (await build(sqlTableSource, { table: name, ...part })).resources[0]!;
}

function open(resource: Resource, options: Partial<OpenOptions> = {}): AsyncIterable<Page> {
  return resource.open({ signal: new AbortController().signal, attempts: 1, ...options });
}

/** Rows of a page, in whichever form it has them. */
function rowsIn({ rows, columns }: Page): Row[] {
  return columns === undefined ? rows : pageRows(columns);
}

async function rowsOf(resource: Resource, options: Partial<OpenOptions> = {}): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const page of open(resource, options)) rows.push(...rowsIn(page));
  return rows;
}

async function serverConnections(): Promise<number> {
  const rows = await rowsOf(
    await query(
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'tidemark' AND pid <> pg_backend_pid()",
    ),
  );
  return rows[0]!.n as number;
}

async function untilNoConnections(): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if ((await serverConnections()) === 0) return;
    await new Promise(resolve => setTimeout(resolve, 50));
  }
  throw new Error("connections stay open");
}

describe("values", () => {
  test("every type keeps all its digits", async () => {
    const [full, empty] = await rowsOf(await query("SELECT * FROM types ORDER BY id", {}, readerDsn));
    expect(full).toEqual({
      id: 1,
      small: -1,
      big: 9007199254740993n,
      num: new Decimal("0.1234567890123456789"),
      num2: new Decimal("12.30"),
      real4: 1.5,
      real8: new WholeFloat(2),
      txt: "text",
      vc: "vc",
      ch: "ch   ",
      flag: true,
      ts: new Timestamp("2026-01-02T03:04:05.123456"),
      tstz: new Timestamp("2026-01-02T01:04:05+00:00"),
      day: new PlainDate("2026-01-02"),
      tm: new PlainTime("03:04:05.500000"),
      uid: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
      js: { b: new WholeFloat(1), a: [12345678901234567890n] },
      jsb: { k: null },
      ints: [1, null, 3],
      bytes: new Binary(Buffer.from([0, 255])),
      cash: "$12.50",
      addr: "10.0.0.1/8",
      mood: "stormy",
      pct: new Decimal("99.50"),
      span: { lower: 1, upper: 5, bounds: "[)", empty: false },
      bits: "101",
      // without reflection nobody says that this is an array
      moods: "{calm,NULL}",
    });
    const [reflected] = await rowsOf(await table("types"));
    expect(reflected).toEqual({ ...full, moods: ["calm", null] });
    expect(new Set(Object.values(empty!).slice(3))).toEqual(new Set([null]));
  });

  test("what cannot be taken names the column and the way out, not the value", async () => {
    const attempt = rowsOf(await query("SELECT 1 AS id, interval '41 days' AS waiting"));
    await expect(attempt).rejects.toMatchObject({
      code: "SQL_TYPE",
      message: expect.stringContaining('"waiting"'),
    });
    await expect(attempt).rejects.not.toMatchObject({ message: expect.stringContaining("41") });
    await untilNoConnections();
  });
});

describe("reflection", () => {
  const types: { [column: string]: object } = {
    id: { nullable: false, data_type: "bigint" },
    small: { nullable: true, data_type: "bigint" },
    big: { nullable: false, data_type: "bigint" },
    num: { nullable: true, data_type: "decimal" },
    num2: { nullable: true, data_type: "decimal", precision: 10, scale: 2 },
    real4: { nullable: true, data_type: "double" },
    real8: { nullable: true, data_type: "double" },
    txt: { nullable: true, data_type: "text" },
    vc: { nullable: true, data_type: "text" },
    ch: { nullable: true, data_type: "text" },
    flag: { nullable: true, data_type: "bool" },
    ts: { nullable: true, data_type: "timestamp", timezone: false },
    tstz: { nullable: true, data_type: "timestamp", timezone: true },
    day: { nullable: true, data_type: "date" },
    tm: { nullable: true, data_type: "time" },
    uid: { nullable: true, data_type: "text" },
    js: { nullable: true, data_type: "json" },
    jsb: { nullable: true, data_type: "json" },
    ints: { nullable: true, data_type: "json" },
    bytes: { nullable: true, data_type: "binary" },
    cash: { nullable: true },
    addr: { nullable: true },
    mood: { nullable: true, data_type: "text" },
    pct: { nullable: true },
    span: { nullable: true },
    bits: { nullable: true },
    moods: { nullable: true, data_type: "json" },
  };
  const byName = (resource: Resource) =>
    Object.fromEntries(resource.hints.columns!.map(({ name, ...hint }) => [name, hint]));

  test("full: types, nullability, primary key", async () => {
    const resource = await table("types");
    expect(byName(resource)).toEqual(types);
    expect(resource.hints.columns!.map(column => column.name)).toEqual(Object.keys(types));
    expect(resource.hints.primary_key).toEqual(["id"]);
  });

  test("full_with_precision and minimal", async () => {
    const precise = byName(await table("types", { reflection_level: "full_with_precision" }));
    expect(precise).toEqual({
      ...types,
      small: { ...types.small, precision: 32 },
      vc: { ...types.vc, precision: 20 },
      ch: { ...types.ch, precision: 5 },
      mood: { ...types.mood, precision: 6 },
    });
    const minimal = byName(await table("types", { reflection_level: "minimal" }));
    expect(minimal.big).toEqual({ nullable: false });
    expect(Object.keys(minimal)).toEqual(
      Object.keys(types).filter(name => !["js", "jsb", "ints", "moods"].includes(name)),
    );
  });

  test("hints of the spec win, columns are chosen, foreign keys to one table become one reference", async () => {
    const resource = await table("children", {
      included_columns: ["a", "b", "seen"],
      excluded_columns: ["a"],
      columns: { seen: { data_type: "text" }, extra: { data_type: "bigint" } },
      write_disposition: "merge",
      primary_key: "b",
      resolve_foreign_keys: true,
    });
    expect(resource.hints).toEqual({
      write_disposition: { disposition: "merge" },
      primary_key: ["b"],
      columns: [
        { name: "b", nullable: false, data_type: "text" },
        { name: "seen", nullable: false, data_type: "text", timezone: false },
        { name: "extra", data_type: "bigint" },
      ],
      references: [
        { referenced_table: "parents", columns: ["other_id", "parent_id"], referenced_columns: ["id", "id"] },
      ],
    });
    expect(Object.keys((await rowsOf(resource))[0]!)).toEqual(["b", "seen"]);
  });

  test("sql_database: all tables, named ones, views", async () => {
    const names = async (part: object) =>
      (await build(sqlDatabaseSource, part)).resources.map(one => one.name);
    expect(await names({})).toEqual(["children", "parents", "types"]);
    expect(await names({ include_views: true })).toEqual(["child_view", "children", "parents", "types"]);
    expect(await names({ schema: "public", table_names: ["parents", "child_view"] })).toEqual([
      "parents",
      "child_view",
    ]);
    await expect(names({ table_names: ["childs"] })).rejects.toMatchObject({
      code: "SQL_QUERY",
      message: expect.stringContaining("did you mean"),
    });
    await expect(names({ schema: "elsewhere", table_names: ["x"] })).rejects.toThrow(
      /no table or view "x" in schema "elsewhere"/,
    );
    await expect(table("children", { excluded_columns: ["sen"] })).rejects.toThrow(/did you mean "seen"/);
    await expect(table("children", { incremental: { cursor_path: "sean" } })).rejects.toThrow(
      /no cursor column "sean"; did you mean "seen"/,
    );
  });
});

describe("reading", () => {
  const config: IncrementalConfig = {
    cursor_path: "seen",
    last_value_func: "max",
    range_start: "closed",
    range_end: "open",
    on_cursor_value_missing: "raise",
  };
  const january: IncrementalRange = {
    config,
    start_value: "2026-01-01T00:30:00",
    end_value: new Timestamp("2026-01-01T00:40:00"),
  };

  test("the range is pushed down: tables, wrapped queries, queries with placeholders", async () => {
    for (const resource of [
      await table("children"),
      await query("SELECT * FROM children"),
      await query(
        "SELECT * FROM children WHERE seen >= :start_value AND (:end_value IS NULL OR seen < :end_value)",
        {
          incremental: { cursor_path: "seen", initial_value: "2026-01-01" },
        },
      ),
    ]) {
      const rows = await rowsOf(resource, { incremental: january });
      expect(rows).toHaveLength(10);
      expect(rows.map(row => (row.seen as Timestamp).text).sort()[0]).toBe("2026-01-01T00:30:00");
    }
  });

  test("a parameter is bound, never part of the text", async () => {
    const resource = await query("SELECT :who::text AS who, ':who' AS plain", {
      params: { who: "'; DROP TABLE types; --" },
    });
    expect(await rowsOf(resource)).toEqual([{ who: "'; DROP TABLE types; --", plain: ":who" }]);
  });

  test("every page of a keyed table can be gone on from, with no row lost or repeated", async () => {
    const resource = await table("children", { chunk_size: 7 });
    const whole = (await rowsOf(resource)).map(row => `${row.b}/${row.a}`);
    expect(new Set(whole).size).toBe(100);
    const done: string[] = [];
    let resume: Json | undefined;
    for (let attempt = 0; attempt < 30; attempt++) {
      let pages = 0;
      for await (const page of open(resource, { resume })) {
        const rows = rowsIn(page);
        if (rows.length === 0) continue;
        done.push(...rows.map(row => `${row.b}/${row.a}`));
        resume = page.resume;
        if (++pages === 1) break;
      }
      if (pages === 0) break;
    }
    expect(done).toEqual(whole);
    for await (const page of open(await query("SELECT * FROM children"))) expect(page.resume).toBeUndefined();
  });

  test("200,000 rows stream: pages stay small, memory stays flat, an early stop frees the connection", async () => {
    const resource = await query(
      "SELECT i AS id, repeat('x', 400) AS body FROM generate_series(1, 200000) i",
    );
    let rows = 0;
    let biggest = 0;
    let peak = 0;
    const before = process.memoryUsage().rss;
    for await (const page of open(resource)) {
      rows += page.rows.length;
      biggest = Math.max(biggest, page.rows.length);
      peak = Math.max(peak, process.memoryUsage().rss - before);
    }
    expect(rows).toBe(200_000);
    // 84 MB of text in all
    expect(biggest).toBeLessThan(15_000);
    expect(peak).toBeLessThan(250 * 1024 * 1024);
    for await (const _ of open(resource)) break;
    await untilNoConnections();
  });

  test("wide rows make small pages", async () => {
    const resource = await query("SELECT repeat('x', 1000000) AS body FROM generate_series(1, 520)", {
      chunk_size: 8,
    });
    const sizes: number[] = [];
    for await (const page of open(resource)) sizes.push(page.rows.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(8);
    expect(sizes.slice(1, -1).every(size => size <= 5)).toBe(true);
  });

  test("an abort cancels the statement on the server, at once", async () => {
    const controller = new AbortController();
    const started = performance.now();
    const reading = rowsOf(await query("SELECT pg_sleep(60)"), { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("stopped by the test")), 300);
    await expect(reading).rejects.toThrow("stopped by the test");
    expect(performance.now() - started).toBeLessThan(5_000);
    await untilNoConnections();
  });
});

describe("refusals", () => {
  test.each<[string, () => string, string, RegExp]>([
    ["wrong password", () => readerDsn.replace("reader@", "hunter2@"), "SQL_UNAUTHORIZED", /28P01/],
    ["no such database", () => readerDsn.replace(/postgres$/, "elsewhere"), "SQL_UNAUTHORIZED", /3D000/],
    [
      "nobody listens",
      () => "postgresql://reader:hunter2@127.0.0.1:1/postgres",
      "SQL_CONNECTION",
      /ECONNREFUSED/,
    ],
  ])("%s", async (_, dsn, code, message) => {
    const attempt = rowsOf(await query("SELECT 1", {}, dsn()));
    await expect(attempt).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    await expect(attempt).rejects.not.toMatchObject({ message: expect.stringContaining("hunter2") });
  });

  test.each([
    ["SELECT * FROM nowhere", /42P01.*"nowhere" does not exist/],
    ["SELECT nothing FROM types", /42703.*"nothing" does not exist/],
    ["SELECT * FROM children", /42501.*permission denied.*Grant/],
    ["SELEC 1", /42601/],
    ["SELECT 1; SELECT 2", /42601/],
    ["SELECT 'hunter2'::int", /22P02/],
    ["SELECT 1 AS a, 2 AS a", /two columns named "a"/],
    ["CREATE TEMP TABLE x (a int)", /25006|42501/],
  ])("%s", async (sql, message) => {
    const attempt = rowsOf(await query(sql, {}, readerDsn));
    await expect(attempt).rejects.toMatchObject({
      code: "SQL_QUERY",
      message: expect.stringMatching(message),
    });
    await expect(attempt).rejects.toMatchObject({ message: expect.stringContaining('resource "q"') });
    await expect(attempt).rejects.not.toMatchObject({ message: expect.stringContaining("hunter2") });
  });

  test("nothing is written, whatever the role may do", async () => {
    await expect(rowsOf(await query("DELETE FROM children RETURNING a"))).rejects.toMatchObject({
      code: "SQL_QUERY",
      message: expect.stringMatching(/25006/),
    });
    expect(await rowsOf(await query("SELECT count(*)::int AS n FROM children"))).toEqual([{ n: 100 }]);
  });

  /** A way to the server that leads there until the client says something like this, and then as `then` says. */
  async function throughDoor(
    words: (said: string) => boolean,
    then: (client: Socket, inner: Socket) => void,
    read: (dsn: string) => Promise<unknown>,
  ): Promise<void> {
    const door = createServer({ allowHalfOpen: true }, client => {
      const inner = connect(server.port, "127.0.0.1");
      for (const one of [client, inner]) one.on("error", () => {});
      inner.pipe(client, { end: false });
      client.on("data", data => {
        if (words(data.toString("latin1"))) then(client, inner);
        else inner.write(data);
      });
    });
    await new Promise<void>(resolve => door.listen(0, "127.0.0.1", resolve));
    const { port } = door.address() as { port: number };
    try {
      await read(`${server.adminDsn.replace(`:${server.port}/`, `:${port}/`)}?sslmode=disable`);
    } finally {
      door.close();
    }
  }
  const five = (dsn: string) => query("SELECT generate_series(1, 5) AS id", {}, dsn).then(rowsOf);

  test("a connection that ends between the last row and the end of its statement is no endless wait", async () => {
    // Close of a portal, which the driver sends when it has all rows: what follows is never answered.
    const closes = (said: string) => /C\0\0\0.PC_\d+\0/s.test(said);
    const cut = (client: Socket, inner: Socket) => {
      client.destroy();
      inner.destroy();
    };
    await throughDoor(closes, cut, dsn =>
      expect(five(dsn)).rejects.toMatchObject({ code: "SQL_CONNECTION" }),
    );
  });

  test("a server that does not hang up is not waited for", async () => {
    const started = Date.now();
    await throughDoor(
      said => said.startsWith("X") && said.length === 5,
      (_, inner) => inner.destroy(),
      async dsn => expect(await five(dsn)).toHaveLength(5),
    );
    expect(Date.now() - started).toBeLessThan(10_000);
  });

  test("a connection that is cut midway is transient", async () => {
    const resource = await query("SELECT i FROM generate_series(1, 1000000) i");
    const reading = (async () => {
      for await (const _ of open(resource)) {
        await execute(server.adminDsn, [
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tidemark' AND pid <> pg_backend_pid()",
        ]);
      }
    })();
    await expect(reading).rejects.toMatchObject({ code: "SQL_CONNECTION", kind: "transient" });
  });
});
