/** The contract of generations on a real PostgreSQL; and what it has alone: locks, grants, comments, views of others. */
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import type { PostgresServer } from "../../../demo/postgres-server";
import { openDatabase } from "../../../src/destinations/postgres/database";
import { postgresGenerations } from "../../../src/destinations/postgres/generations";
import { execute, freshDatabase, startTestPostgres } from "../../support/postgres";
import { postgresAt, postgresSpec } from "../../support/postgres-destination";
import { MARTS, PLAN } from "../../support/publisher";
import { build, describeGenerations, object, owner, values } from "./describe-generations";

jest.setTimeout(600_000);

let server: PostgresServer;
beforeAll(async () => {
  server = await startTestPostgres();
});
afterAll(() => server.stop());

const quiet = { signal: new AbortController().signal, onProgress: () => {} };

async function reader(url: string): Promise<Client & AsyncDisposable> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}

describeGenerations("PostgreSQL", async () => {
  const url = await freshDatabase(server);
  const looking = await reader(url);
  return {
    spec: postgresSpec(url),
    open: () => postgresAt(url).open(quiet),
    look: async sql => (await looking.query(sql)).rows,
    close: () => looking.end(),
  };
});

test("readers in transactions, in any order, are never ended and never see two generations", async () => {
  const url = await freshDatabase(server);
  await using session = await postgresAt(url).open(quiet);
  const first = await build(session, "r0", { ...PLAN }, 0);
  await session.generations!.publish("analytics", first);
  let over = false;
  let looks = 0;
  const look = async (order: string[]) => {
    await using client = await reader(url);
    while (!over) {
      await client.query("BEGIN");
      const seen = new Set<number>();
      for (const mart of order) {
        seen.add((await client.query(`SELECT v FROM analytics.${mart}`)).rows[0].v);
        await sleep(Math.random() * 30);
      }
      await client.query("COMMIT");
      expect([...seen]).toHaveLength(1);
      looks += 1;
      await sleep(Math.random() * 80);
    }
  };
  const readers = [MARTS, [...MARTS].reverse(), ["m3", "m1", "m4", "m2"]].map(look);
  const publishing = (async () => {
    try {
      for (let i = 1; i <= 8; i++) {
        const generation = await build(session, `r${i}`, PLAN, i);
        await session.generations!.publish("analytics", generation);
        await session.generations!.sweep("analytics", 2);
      }
    } finally {
      over = true;
    }
  })();
  await Promise.all([publishing, ...readers]);
  expect(await values(session, "m1")).toEqual([8]);
  expect(looks).toBeGreaterThan(8);
});

test("a reader that stays is waited for, then named; once it is gone the same generation is published", async () => {
  const url = await freshDatabase(server);
  await using session = await postgresAt(url).open(quiet);
  const first = await build(session, "r1", PLAN, 1);
  await session.generations!.publish("analytics", first);
  const second = await build(session, "r2", PLAN, 2);
  await using staying = await reader(`${url}?application_name=dashboard`);
  await staying.query("BEGIN");
  await staying.query("SELECT * FROM analytics.m3");

  const told: string[] = [];
  await using db = await openDatabase(postgresSpec(url), {
    ...quiet,
    onProgress: ({ message }) => told.push(message ?? ""),
  });
  const impatient = postgresGenerations(db, { patience_ms: 1_500 });
  await expect(impatient.publish("analytics", second)).rejects.toMatchObject({
    code: "DESTINATION_BUSY",
    message: expect.stringMatching(
      /publishing: gave up after 2 s of waiting for a transaction that reads analytics\.m3 \(process \d+, role admin, dashboard, for \d+ s\)\. Readers see what they saw/,
    ),
  });
  expect(told.join("\n")).toMatch(/publishing waits for a transaction that reads analytics\.m3/);
  // Nothing is held meanwhile, and the reader goes on undisturbed.
  expect((await staying.query("SELECT v FROM analytics.m1")).rows).toEqual([{ v: 1 }]);
  setTimeout(() => void staying.query("COMMIT"), 700);
  await session.generations!.publish("analytics", second);
  expect(await values(session, "m3")).toEqual([2]);

  // What is still read is swept another time.
  await staying.query("BEGIN");
  await staying.query("SELECT * FROM analytics__candidate_1.m1");
  expect(await session.generations!.sweep("analytics", 1)).toEqual([]);
  await staying.query("COMMIT");
  expect(await session.generations!.sweep("analytics", 1)).toEqual([1]);
});

/** Not what anybody would want: docs/dbt.md tells it, and what to do. */
test("a snapshot that is older than a candidate does not see its rows, unless its transaction had looked before", async () => {
  const url = await freshDatabase(server);
  await using session = await postgresAt(url).open(quiet);
  const generations = session.generations!;
  await generations.publish("analytics", await build(session, "r1", PLAN, 1));
  await using old = await reader(url);
  await old.query("BEGIN ISOLATION LEVEL REPEATABLE READ");
  await old.query("SELECT 1 FROM pg_class LIMIT 1");
  const second = await build(session, "r2", PLAN, 2);
  await generations.publish("analytics", second);
  expect((await old.query("SELECT v FROM analytics.m1")).rows).toEqual([]);
  expect(
    ((await old.query("COMMIT; SELECT v FROM analytics.m1")) as never as { rows: unknown[] }[])[1]!.rows,
  ).toEqual([{ v: 2 }]);
});

test("grants, comments, options and views of others stay; what dbt granted goes with dbt", async () => {
  const url = await freshDatabase(server);
  await execute(server.adminDsn, ["CREATE ROLE people", "CREATE ROLE finance", "CREATE ROLE auditors"]);
  await using session = await postgresAt(url).open(quiet);
  const generations = session.generations!;
  const plan = { ...PLAN, objects: [object("a"), object("b", { continues: true })] };
  const make = async (run: string, columns: string, ...more: string[]) => {
    const { generation } = await generations.begin(plan, owner(run));
    const at = `analytics__candidate_${generation}`;
    await execute(url, [
      `CREATE TABLE ${at}.a AS SELECT ${columns}`,
      ...more.map(sql => sql.replaceAll("@", at)),
    ]);
    await generations.publish("analytics", generation);
    return generation;
  };
  const one = async (sql: string) => Object.values((await session.query(sql))[0] ?? {})[0];
  const grants = () => one("SELECT relacl::text FROM pg_class WHERE oid = 'analytics.a'::regclass");

  // Before: tables of dbt's, one of them with constraints and an index.
  await execute(url, [
    "CREATE SCHEMA analytics",
    "CREATE TABLE analytics.b (v int PRIMARY KEY CHECK (v > 0), w int DEFAULT 7)",
    "CREATE INDEX ON analytics.b (w)",
    "INSERT INTO analytics.b VALUES (1)",
    "CREATE TABLE analytics.a AS SELECT 1 AS v",
    "GRANT SELECT ON analytics.a TO people",
    "COMMENT ON TABLE analytics.a IS 'by hand'",
  ]);
  await make("r1", "1 AS v", "GRANT SELECT ON @.a TO finance", "COMMENT ON COLUMN @.a.v IS 'by dbt'");
  expect(await grants()).toBe("{admin=arwdDxt/admin,people=r/admin,finance=r/admin}");
  expect(await one("SELECT obj_description('analytics.a'::regclass)")).toBe("by hand");
  expect(await one("SELECT col_description('analytics.a'::regclass, 1)")).toBe("by dbt");
  // What dbt goes on with has what dbt gave it when it was made.
  expect(
    await one("SELECT count(*) FROM pg_index WHERE indrelid = 'analytics__candidate_1.b'::regclass"),
  ).toBe(2);
  await expect(session.query("INSERT INTO analytics__candidate_1.b VALUES (0)")).rejects.toThrow(
    /23514|refused/,
  );

  await execute(url, [
    "GRANT SELECT (v) ON analytics.a TO auditors",
    "ALTER VIEW analytics.a SET (security_barrier = true)",
    "CREATE SCHEMA bi",
    "CREATE VIEW bi.report AS SELECT v + 100 AS v FROM analytics.a",
  ]);
  // A column at the end: the same view, and what is built on it.
  await make("r2", "2 AS v, 'x' AS t");
  expect(await grants()).toBe("{admin=arwdDxt/admin,people=r/admin}");
  expect(await one("SELECT v FROM bi.report")).toBe(102);
  expect(await one("SELECT reloptions::text FROM pg_class WHERE oid = 'analytics.a'::regclass")).toBe(
    "{security_barrier=true}",
  );

  // Another type: only a new view has it.
  await expect(make("r3", "'3' AS v")).rejects.toMatchObject({
    code: "PUBLISH_REFUSED",
    message: expect.stringMatching(/bi\.report would be lost: built on analytics\.a/),
  });
  expect(await one("SELECT v FROM bi.report")).toBe(102);
  await execute(url, ["DROP VIEW bi.report"]);
  await generations.publish("analytics", 3);
  expect(await one("SELECT v FROM analytics.a")).toBe("3");
  expect(await grants()).toBe("{admin=arwdDxt/admin,people=r/admin}");
  expect(
    await one(
      "SELECT attacl::text FROM pg_attribute WHERE attrelid = 'analytics.a'::regclass AND attname = 'v'",
    ),
  ).toBe("{auditors=r/admin}");
  expect(await one("SELECT reloptions::text FROM pg_class WHERE oid = 'analytics.a'::regclass")).toBe(
    "{security_barrier=true}",
  );

  // Somebody's view on a generation keeps it from being swept.
  await execute(url, ["CREATE VIEW bi.old AS SELECT * FROM analytics__candidate_1.b"]);
  expect(await generations.sweep("analytics", 1)).toEqual([2]);
  expect(await one("SELECT count(*) FROM bi.old")).toBe(1);
});

test("what a view cannot stand for, and names that would be cut, are refused", async () => {
  const url = await freshDatabase(server);
  await using session = await postgresAt(url).open(quiet);
  const plan = { ...PLAN, objects: [object("a")] };
  await execute(url, [
    "CREATE SCHEMA analytics",
    "CREATE TABLE analytics.a AS SELECT 1 AS v",
    "ALTER TABLE analytics.a ENABLE ROW LEVEL SECURITY",
  ]);
  const generation = await build(session, "r1", plan, 1);
  await expect(session.generations!.publish("analytics", generation)).rejects.toMatchObject({
    code: "PUBLISH_REFUSED",
    message: expect.stringMatching(/analytics\.a has row security/),
  });
  await execute(url, ["DROP TABLE analytics.a", "CREATE MATERIALIZED VIEW analytics.a AS SELECT 1 AS v"]);
  await expect(session.generations!.publish("analytics", generation)).rejects.toMatchObject({
    message: expect.stringMatching(/neither a view nor a table/),
  });
  const long = "s".repeat(51);
  await expect(
    session.generations!.begin(
      { ...plan, schema: long, objects: [object("a", { schema: long })] },
      owner("r2"),
    ),
  ).rejects.toMatchObject({ message: expect.stringMatching(/name of 64 bytes, and 63 is the most/) });
});
