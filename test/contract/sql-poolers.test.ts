/** pgbouncer in front of a server, as people set it up: all rows, or its own words with what helps. */
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pageRows } from "../../src/columns/column-values";
import type { SourceSpec } from "../../src/pipeline/spec";
import type { Resource, SourceType } from "../../src/sources/source";
import { postgresSource, sqlDatabaseSource, sqlTableSource } from "../../src/sources/sql/sql-source";
import { execute } from "../support/postgres";
import { makeAuthority, sign } from "../support/sql/certificates";
import {
  describePooler,
  freePort,
  type RuledServer,
  startPooler,
  startRuledServer,
} from "../support/sql/servers";

const TABLES = 6;
const ROWS = 400;
const ALL = Array.from({ length: ROWS }, (_, index) => index + 1);

describePooler("pgbouncer", () => {
  let server: RuledServer;
  beforeAll(async () => {
    server = await startRuledServer();
    await execute(server.adminDsn, [
      "CREATE ROLE reader LOGIN PASSWORD 'reader'",
      "CREATE ROLE outsider NOLOGIN PASSWORD 'outsider'",
      "CREATE FUNCTION slow(i int) RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$ BEGIN PERFORM pg_sleep(0.004); RETURN i > 0; END $$",
      // a policy makes every row slow, for everybody but its owner
      "CREATE TABLE slow_rows (id int PRIMARY KEY)",
      `INSERT INTO slow_rows SELECT generate_series(1, ${ROWS})`,
      "ALTER TABLE slow_rows ENABLE ROW LEVEL SECURITY",
      "CREATE POLICY slowly ON slow_rows USING (slow(id))",
      "CREATE SCHEMA many",
      "GRANT USAGE ON SCHEMA many TO reader",
      ...Array.from(
        { length: TABLES },
        (_, i) => `CREATE TABLE many.t${i} AS SELECT g AS id FROM generate_series(1, 20000) g`,
      ),
      ...["public", "many"].map(schema => `GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO reader`),
    ]);
  });
  afterAll(() => server?.stop());

  async function resources(type: SourceType, credentials: string, part: object) {
    const spec = { type: type.type, name: "db", credentials, ...part };
    return (await type.create(spec as unknown as SourceSpec)).resources;
  }
  async function idsOf(one: Resource, said: string[] = []): Promise<unknown[]> {
    const ids: unknown[] = [];
    const signal = new AbortController().signal;
    for await (const { rows, columns } of one.open({ signal, attempts: 1, onWait: what => said.push(what) }))
      ids.push(...(columns ? pageRows(columns) : rows).map(row => row.id));
    return ids;
  }
  const slowRows = async (dsn: string, said?: string[]) =>
    idsOf((await resources(sqlTableSource, dsn, { table: "slow_rows" }))[0]!, said);
  const ask = async (dsn: string, query = "SELECT 1 AS id") =>
    idsOf((await resources(postgresSource, dsn, { resources: [{ name: "q", query }] }))[0]!);

  /** Work through a pooler that is set up so. */
  async function through<T>(
    settings: { [setting: string]: string | number },
    work: (dsn: string) => Promise<T>,
    target?: string,
  ): Promise<T> {
    const pooler = await startPooler(server, "reader", settings, target);
    try {
      return await work(`postgresql://reader:reader@127.0.0.1:${pooler.port}/postgres`);
    } finally {
      await pooler.stop();
    }
  }

  test.each(["transaction", "session"])(
    "pool_mode=%s, one connection to the server: all tables at once",
    async pool_mode => {
      await through({ pool_mode }, async dsn => {
        const tables = await resources(sqlDatabaseSource, dsn, { schema: "many" });
        const read = await Promise.all(tables.map(one => idsOf(one)));
        expect(read.map(ids => new Set(ids).size)).toEqual(Array.from({ length: TABLES }, () => 20_000));
      });
    },
  );

  test("with a certificate of its own: verify-full checks the pooler's", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tidemark-pooler-"));
    try {
      chmodSync(folder, 0o755);
      const authority = makeAuthority(folder, "authority");
      const own = sign(folder, authority, "pooler", "DNS:localhost");
      const { uid, gid } = statSync(server.dataDir);
      for (const file of [own.cert, own.key]) chownSync(file, uid, gid);
      const tls = {
        client_tls_sslmode: "require",
        client_tls_cert_file: own.cert,
        client_tls_key_file: own.key,
      };
      await through(tls, async dsn => {
        const checked = `?sslmode=verify-full&sslrootcert=${authority.cert}`;
        expect(await ask(`${dsn.replace("127.0.0.1", "localhost")}${checked}`)).toEqual([1]);
        await expect(ask(`${dsn}${checked}`)).rejects.toMatchObject({ code: "SQL_SETTINGS" });
        await expect(ask(`${dsn}?sslmode=disable`)).rejects.toMatchObject({
          message: expect.stringMatching(/08P01: (SSL|TLS) required/),
        });
      });
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("query_timeout: a keyed table is read on in shorter statements; without a key it is told", async () => {
    await through({ query_timeout: 1 }, async dsn => {
      const said: string[] = [];
      expect(await slowRows(dsn, said)).toEqual(ALL);
      expect(said).toContain("reading on in shorter statements, as the server cut the last one short");
      await expect(ask(dsn, "SELECT pg_sleep(10)::text AS id")).rejects.toMatchObject({
        code: "SQL_CONNECTION",
        message: expect.stringMatching(/query timeout.*\(query_timeout\).*in the pooler/),
      });
    });
  });

  test("pool_mode=statement, and its own console, are no database to read", async () => {
    await through({ pool_mode: "statement" }, async dsn => {
      await expect(ask(dsn)).rejects.toMatchObject({
        code: "SQL_SETTINGS",
        kind: "terminal",
        message: expect.stringMatching(/statement pooling mode.*pool_mode=transaction/),
      });
    });
    await through({ admin_users: "reader" }, async dsn => {
      await expect(ask(dsn.replace(/postgres$/, "pgbouncer"))).rejects.toMatchObject({
        code: "SQL_SETTINGS",
        message: expect.stringContaining("console"),
      });
    });
  });

  test("no place for another client, no connection to a server: repeated, with the pooler's setting", async () => {
    await through({ max_client_conn: 0 }, async dsn => {
      await expect(ask(dsn)).rejects.toMatchObject({
        code: "SQL_CONNECTION",
        message: expect.stringMatching(/no more connections allowed.*max_client_conn/),
      });
    });
    const nobody = `host=127.0.0.1 port=${await freePort()}`;
    const waits = { query_wait_timeout: 1, server_login_retry: 1 };
    await through(
      waits,
      async dsn => {
        await expect(ask(dsn)).rejects.toMatchObject({
          code: "SQL_CONNECTION",
          message: expect.stringMatching(/query_wait_timeout.*cannot be reached.*default_pool_size/),
        });
      },
      nobody,
    );
  });

  test.each([
    ["dbname=nothing", /database "nothing" does not exist.*behind the pooler/],
    ["user=reader password=wrong", /password authentication failed/],
    ["user=outsider password=outsider", /not permitted to log in.*behind the pooler/],
  ])("what the server behind it refuses is final: %s", async (more, words) => {
    const target = `host=127.0.0.1 port=${server.port} ${more}`;
    await through(
      {},
      async dsn => {
        await expect(ask(dsn)).rejects.toMatchObject({
          code: "SQL_UNAUTHORIZED",
          kind: "terminal",
          message: expect.stringMatching(words),
        });
      },
      target,
    );
  });
});
