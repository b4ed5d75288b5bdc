/** Servers with rules: limits on statements, transactions and waiting, replicas, poolers, policies; all rows, or words. */
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import { pageRows } from "../../src/columns/column-values";
import type { Row } from "../../src/json/values";
import type { SourceSpec } from "../../src/pipeline/spec";
import type { OpenOptions, Page, Resource, SourceType } from "../../src/sources/source";
import { postgresSource, sqlDatabaseSource, sqlTableSource } from "../../src/sources/sql/sql-source";
import { Engine, sourceOf } from "../support/engine";
import { execute } from "../support/postgres";
import {
  describePooler,
  dsnOf,
  type RuledServer,
  startPooler,
  startReplica,
  startRuledServer,
} from "../support/sql/servers";

let server: RuledServer;

const ROWS = 400;

beforeAll(async () => {
  server = await startRuledServer();
  await execute(server.adminDsn, [
    "CREATE ROLE reader LOGIN PASSWORD 'reader'",
    "CREATE ROLE timed LOGIN PASSWORD 'timed'",
    "ALTER ROLE timed SET statement_timeout = '500ms'",
    `CREATE FUNCTION slow(i int) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$ BEGIN PERFORM pg_sleep(0.002); RETURN i > 0; END $$`,
    // a policy makes every row slow, for everybody but its owner
    `CREATE TABLE slow_rows (id int PRIMARY KEY, paid numeric(9,2), doc jsonb, seen timestamp NOT NULL, tags text[])`,
    `INSERT INTO slow_rows SELECT i, i / 4.0, jsonb_build_object('n', i), timestamp '2026-01-01' + i * interval '1 minute',
       ARRAY['t' || i] FROM generate_series(1, ${ROWS}) i`,
    "ALTER TABLE slow_rows ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY slowly ON slow_rows USING (slow(id))",
    `CREATE VIEW slow_view WITH (security_invoker = true) AS SELECT id, paid, doc, seen, tags, id::float8 / 3 AS ratio,
       id % 2 = 0 AS even, seen::date AS day, seen::time AS at, seen AT TIME ZONE 'UTC' AS zoned, decode(to_hex(id + 4096), 'hex') AS bytes,
       round(id::numeric / 7, 3) AS free, int4range(id, id + 1) AS span, md5(id::text)::uuid AS code FROM slow_rows`,
    "CREATE VIEW slow_row AS SELECT 1 AS id, pg_sleep(3)::text AS v",
    "CREATE MATERIALIZED VIEW unfilled AS SELECT 1 AS id WITH NO DATA",
    "CREATE TABLE parts (id int, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region)",
    "CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a')",
    "CREATE TABLE parts_b PARTITION OF parts FOR VALUES IN ('b')",
    "INSERT INTO parts SELECT i, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END FROM generate_series(1, 20) i",
    "CREATE TABLE ruled (id int PRIMARY KEY, owner text)",
    "INSERT INTO ruled VALUES (1, 'reader'), (2, 'somebody'), (3, 'reader')",
    "ALTER TABLE ruled ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY own ON ruled USING (owner = current_user)",
    "CREATE TABLE locked (id int PRIMARY KEY)",
    "CREATE FUNCTION refuse(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no hunter2 %', i; END $$",
    "CREATE FUNCTION endless(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN endless(i + 1); END $$",
    "CREATE SEQUENCE counted",
    "GRANT USAGE ON SEQUENCE counted TO reader",
    "CREATE EXTENSION postgres_fdw",
    "CREATE SERVER nobody FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1')",
    "CREATE USER MAPPING FOR reader SERVER nobody OPTIONS (user 'x', password 'hunter2')",
    "CREATE FOREIGN TABLE elsewhere (id int) SERVER nobody",
    "CREATE TABLE kept (id int PRIMARY KEY, v text)",
    "INSERT INTO kept SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) i",
    "CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'",
    "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader, timed",
    "CREATE TABLE secret (v text)",
    "CREATE ROLE narrow LOGIN PASSWORD 'narrow' CONNECTION LIMIT 0",
  ]);
  const ascii = dsnOf(server, "admin", "ascii").replace(/\/\/[^@]+@/, /\/\/[^@]+@/.exec(server.adminDsn)![0]);
  await execute(ascii, [
    "CREATE TABLE names (id int PRIMARY KEY, v text)",
    String.raw`INSERT INTO names VALUES (1, E'caf\\351')`.replace(String.raw`\\`, "\\"),
    "GRANT SELECT ON names TO reader",
  ]).catch(async () => {
    // a client that speaks UTF-8 cannot write such bytes; the server can make them
    await execute(ascii, [
      "INSERT INTO names SELECT 1, convert_from('\\x636166e9'::bytea, 'SQL_ASCII')",
      "GRANT SELECT ON names TO reader",
    ]);
  });
});
afterAll(() => server?.stop());

async function resource(type: SourceType, dsn: string, part: object): Promise<Resource> {
  const spec = { type: type.type, name: "db", credentials: dsn, ...part };
  expect(type.check(spec as never)).toEqual([]);
  return (await type.create(spec as unknown as SourceSpec)).resources[0]!;
}

const table = (user: string, name: string, part: object = {}, query = "") =>
  resource(sqlTableSource, dsnOf(server, user, "postgres", query), { table: name, ...part });
const query = (user: string, sql: string, part: object = {}, more = "") =>
  resource(postgresSource, dsnOf(server, user, "postgres", more), {
    resources: [{ name: "q", query: sql, ...part }],
  });

async function pagesOf(one: Resource, options: Partial<OpenOptions> = {}, firstMs = 0): Promise<Page[]> {
  const pages: Page[] = [];
  for await (const page of one.open({ signal: new AbortController().signal, attempts: 1, ...options })) {
    pages.push(page);
    if (firstMs > 0 && pages.length <= 3) await sleep(firstMs);
  }
  return pages;
}

const rowsIn = (pages: Page[]): Row[] =>
  pages.flatMap(({ rows, columns }) => (columns ? pageRows(columns) : rows));
const ids = (pages: Page[]) => rowsIn(pages).map(row => row.id as number);
const ALL = Array.from({ length: ROWS }, (_, index) => index + 1);

describe("statement_timeout", () => {
  test("a keyed table is read on after its last finished page, every row once", async () => {
    const said: string[] = [];
    let requests = 0;
    const pages = await pagesOf(await table("timed", "slow_rows", { chunk_size: 50 }), {
      onWait: what => said.push(what),
      onRequest: () => requests++,
    });
    expect(ids(pages)).toEqual(ALL);
    expect(said).toContain("reading on in shorter statements, as the server cut the last one short");
    expect(requests).toBeGreaterThan(2);
    expect(requests).toBeLessThan(60);
    expect(pages.every(page => page.resume !== undefined)).toBe(true);
  });

  test.each([
    ["by rows", { reflection_level: "minimal" }],
    ["as dlt's arrow tables", { backend: "pyarrow" }],
    ["with a cursor in its order", { incremental: { cursor_path: "seen", row_order: "asc" } }],
  ])("a keyed table %s", async (_, part) => {
    expect(ids(await pagesOf(await table("timed", "slow_rows", part)))).toEqual(ALL);
  });

  test.each(["sqlalchemy", "pyarrow"])(
    "a view without a key, backend %s: the same outcome as without a limit",
    async backend => {
      const outcome = async (more: string) => {
        const engine = new Engine();
        try {
          await engine.run(
            engine.spec(),
            sourceOf("db", await table("timed", "slow_view", { backend }, more)),
          );
          return {
            rows: await engine.query(
              "SELECT COLUMNS(c -> NOT starts_with(c, '_dlt')) FROM raw.slow_view ORDER BY id",
            ),
            columns: await engine.query(
              "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'slow_view' ORDER BY column_index",
            ),
          };
        } finally {
          engine.remove();
        }
      };
      const timed = await outcome("");
      expect(timed.rows).toHaveLength(ROWS);
      expect(timed).toEqual(await outcome("?options=-c%20statement_timeout%3D0"));
    },
  );

  test("a plain query, with parameters and a comment at its end", async () => {
    const sql = "/* the first */ SELECT * FROM slow_view WHERE id <= :most -- and no more";
    expect(ids(await pagesOf(await query("timed", sql, { params: { most: 300 } })))).toEqual(
      ALL.slice(0, 300),
    );
    expect(rowsIn(await pagesOf(await query("timed", "SHOW statement_timeout")))).toEqual([
      { statement_timeout: "500ms" },
    ]);
  });

  test("a view without a key whose first FETCH is cut is fetched in smaller parts", async () => {
    // sixteen of them take longer than the limit
    const sql = "SELECT id FROM kept WHERE id <= 40 AND pg_sleep(0.06) IS NOT NULL ORDER BY id";
    await execute(server.adminDsn, [`CREATE VIEW heavy AS ${sql}`, "GRANT SELECT ON heavy TO timed"]);
    expect(ids(await pagesOf(await table("timed", "heavy")))).toEqual(ALL.slice(0, 40));
  });

  test("one that is cut in its middle, where rows become slower, passes at a later attempt", async () => {
    const sql = `SELECT id FROM kept WHERE id <= 430 AND (pg_sleep(CASE WHEN id > 400 THEN 0.1 ELSE 0 END) IS NOT NULL)`;
    const source = await query("timed", sql);
    const outcomes: unknown[] = [];
    for (let attempt = 1; attempt <= 4 && !Array.isArray(outcomes.at(-1)); attempt++)
      outcomes.push(await pagesOf(source).then(ids, error => error.code));
    expect(outcomes[0]).toBe("SQL_CONNECTION");
    expect(outcomes.at(-1)).toHaveLength(430);
  });

  test("a row that takes too long by itself is told, with the limit and what helps", async () => {
    await expect(pagesOf(await table("timed", "slow_row"))).rejects.toMatchObject({
      code: "SQL_CONNECTION",
      message: expect.stringMatching(/57014.*statement_timeout is 0\.5 s.*options=-c statement_timeout=0/),
    });
  });
});

describe("waiting", () => {
  test("a keyed read goes on after the server ended the transaction that waited", async () => {
    const part = { chunk_size: 100, reflection_level: "minimal" };
    const limits = "?options=-c%20statement_timeout%3D20s%20-c%20idle_in_transaction_session_timeout%3D300";
    const pages = await pagesOf(await table("reader", "kept", { ...part, chunk_size: 2000 }, limits));
    expect(ids(pages)).toHaveLength(20_000);
    const slower = await pagesOf(
      await table("reader", "slow_rows", { ...part, chunk_size: 200 }, limits),
      {},
      450,
    );
    expect(ids(slower)).toEqual(ALL);
  });

  test("one without a key is told", async () => {
    const limits = "?options=-c%20statement_timeout%3D20s%20-c%20idle_in_transaction_session_timeout%3D300";
    await expect(
      pagesOf(await query("reader", "SELECT * FROM slow_view", { chunk_size: 100 }, limits), {}, 450),
    ).rejects.toMatchObject({
      code: "SQL_CONNECTION",
      message: expect.stringMatching(/25P03.*idle_in_transaction_session_timeout/),
    });
  });

  test("a lock that others hold is told", async () => {
    const holder = new Client({ connectionString: server.adminDsn });
    await holder.connect();
    await holder.query("BEGIN; LOCK TABLE locked IN ACCESS EXCLUSIVE MODE");
    try {
      await expect(
        pagesOf(await table("reader", "locked", {}, "?options=-c%20lock_timeout%3D200")),
      ).rejects.toMatchObject({
        code: "SQL_CONNECTION",
        message: expect.stringMatching(/55P03.*lock_timeout/),
      });
    } finally {
      await holder.end();
    }
  });

  test("a statement that somebody cancels, and a connection that somebody ends", async () => {
    for (const [kill, words] of [
      ["pg_cancel_backend", /57014/],
      ["pg_terminate_backend", /57P01/],
    ] as const) {
      const reading = pagesOf(await query("reader", "SELECT id, pg_sleep(20)::text AS v FROM kept LIMIT 3"));
      const failed = expect(reading).rejects.toMatchObject({
        code: "SQL_CONNECTION",
        message: expect.stringMatching(words),
      });
      await sleep(400);
      await execute(server.adminDsn, [
        `SELECT ${kill}(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(20)%' AND pid <> pg_backend_pid()`,
      ]);
      await failed;
    }
  });
});

describe("a replica", () => {
  test("is found by target_session_attrs; rows that are cleaned away under a read do not end it", async () => {
    const replica = await startReplica(server, 300);
    try {
      const at = `postgresql://reader:reader@127.0.0.1:${server.port},127.0.0.1:${replica.port}/postgres`;
      const where = "SELECT pg_is_in_recovery() AS id";
      for (const [attributes, standby] of [
        ["standby", true],
        ["prefer-standby", true],
        ["read-only", true],
        ["primary", false],
        ["read-write", false],
      ] as const) {
        const one = await resource(postgresSource, `${at}?target_session_attrs=${attributes}`, {
          resources: [{ name: "q", query: where }],
        });
        expect(rowsIn(await pagesOf(one))).toEqual([{ id: standby }]);
      }
      const keyed = await resource(sqlTableSource, `${at}?target_session_attrs=standby`, {
        table: "kept",
        chunk_size: 1000,
      });
      const read: number[] = [];
      let said = "";
      for await (const page of keyed.open({
        signal: new AbortController().signal,
        attempts: 1,
        onWait: what => {
          said += what;
        },
      })) {
        read.push(...ids([page]));
        if (read.length === 1000) {
          await execute(server.adminDsn, ["DELETE FROM kept WHERE id > 19000", "VACUUM kept"]);
          await sleep(1500);
        }
      }
      expect(said).toContain("shorter statements");
      expect(new Set(read).size).toBe(read.length);
      expect(read.slice(0, 19_000)).toEqual(Array.from({ length: 19_000 }, (_, index) => index + 1));
    } finally {
      await replica.stop();
    }
  });
});

describePooler("a pooler in transaction mode", () => {
  test("tables, views and queries, also where statements are timed", async () => {
    const pooler = await startPooler(server, "timed");
    const dsn = `postgresql://timed:timed@127.0.0.1:${pooler.port}/postgres`;
    try {
      expect(ids(await pagesOf(await resource(sqlTableSource, dsn, { table: "slow_rows" })))).toEqual(ALL);
      expect(ids(await pagesOf(await resource(sqlTableSource, dsn, { table: "slow_view" })))).toEqual(ALL);
      const plain = await resource(postgresSource, dsn, {
        resources: [{ name: "q", query: "SELECT * FROM parts ORDER BY id" }],
      });
      expect(ids(await pagesOf(plain))).toHaveLength(20);
      expect(pooler.log()).not.toContain("server was not ready");
      for (const [refused, code] of [
        [`${dsn}?options=-c%20statement_timeout%3D0`, "SQL_SETTINGS"],
        [dsn.replace("/postgres", "/nothing"), "SQL_UNAUTHORIZED"],
        [dsn.replace(":timed@", ":wrong@"), "SQL_UNAUTHORIZED"],
      ])
        await expect(resource(sqlTableSource, refused!, { table: "parts" })).rejects.toMatchObject({ code });
    } finally {
      await pooler.stop();
    }
  });
});

test("a role that has no connection left is told, and the step repeated", async () => {
  await expect(pagesOf(await query("narrow", "SELECT 1 AS id"))).rejects.toMatchObject({
    code: "SQL_CONNECTION",
    message: expect.stringMatching(
      /53300: too many connections for role "narrow".*load fewer tables at once/,
    ),
  });
});

describe("objects", () => {
  test("a partitioned table is one table; a policy decides which rows there are", async () => {
    expect(ids(await pagesOf(await table("reader", "parts")))).toHaveLength(20);
    const all = await sqlDatabaseSource.create({
      type: "sql_database",
      name: "db",
      credentials: dsnOf(server, "reader"),
    } as unknown as SourceSpec);
    expect(all.resources.map(one => one.name)).toEqual(
      expect.arrayContaining(["parts", "parts_a", "parts_b"]),
    );
    expect(ids(await pagesOf(await table("reader", "ruled")))).toEqual([1, 3]);
    expect(ids(await pagesOf(await table("timed", "ruled")))).toEqual([]);
  });

  test("a materialized view that was never filled", async () => {
    await expect(pagesOf(await table("reader", "unfilled"))).rejects.toMatchObject({
      code: "SQL_QUERY",
      message: expect.stringMatching(/55000.*has not been populated.*REFRESH MATERIALIZED VIEW/),
    });
  });

  test("bytes of an SQL_ASCII database that are not UTF-8, and the way out", async () => {
    const dsn = dsnOf(server, "reader", "ascii");
    await expect(pagesOf(await resource(sqlTableSource, dsn, { table: "names" }))).rejects.toMatchObject({
      code: "SQL_QUERY",
      message: expect.stringMatching(
        /22021: a text holds bytes that are not valid UTF-8.*SQL_ASCII.*convert_from/,
      ),
    });
    const sql = "SELECT id, convert_from(convert(v::bytea, 'LATIN1', 'UTF8'), 'UTF8') AS v FROM names";
    const cast = await resource(postgresSource, dsn, { resources: [{ name: "q", query: sql }] });
    expect(rowsIn(await pagesOf(cast))).toEqual([{ id: 1, v: "café" }]);
    expect(
      ids(await pagesOf(await resource(sqlTableSource, dsn, { table: "names", excluded_columns: ["v"] }))),
    ).toEqual([1]);
  });

  test.each([
    ["SELECT 1 / (id - 1) AS v FROM parts", /22012: the query or the view divides by zero/],
    ["SELECT ('x' || id)::int AS v FROM parts", /22P02: a text does not have the form/],
    ["SELECT (id * 2000000000)::int AS v FROM parts", /22003: a number is out of the range/],
    ["SELECT (SELECT id FROM parts) AS v", /21000: more than one row/],
    ["SELECT set_config('transaction_read_only', 'off', true) AS v", /./],
    [
      "SELECT refuse(id) AS v FROM parts",
      /P0001: a function that it calls raised an error \(its own message is left out/,
    ],
    ["SELECT endless(id) AS v FROM parts", /54001: stack depth limit exceeded/],
    ["SELECT v FROM secret", /42501: permission denied for table secret\. Grant the role SELECT/],
    ["SELECT nextval('counted') AS v", /25006: cannot execute nextval\(\) in a read-only transaction/],
    ["SELECT id AS v FROM elsewhere", /08001: could not connect to server "nobody"/],
    ["SELECT 'hunter2'::date AS v", /22007: a text is no date or time/],
  ])("%s", async (sql, words) => {
    const attempt = pagesOf(await query("reader", sql));
    await expect(attempt).rejects.toMatchObject({ message: expect.stringMatching(words) });
    await expect(attempt).rejects.not.toMatchObject({ message: expect.stringContaining("hunter2") });
  });
});
