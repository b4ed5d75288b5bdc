/** Connecting as libpq does: TLS with authorities and client certificates, hosts, passwords, files, variables. */

import dns from "node:dns";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Row } from "../../src/json/values";
import type { Json, SourceSpec } from "../../src/pipeline/spec";
import { postgresSource } from "../../src/sources/sql/sql-source";
import { execute } from "../support/postgres";
import { type Certificate, makeAuthority, revocationList, sign } from "../support/sql/certificates";
import { askPsycopg2, makeUrls } from "../support/sql/python";
import {
  behindSocket,
  describePooler,
  dsnOf,
  freePort,
  type RuledServer,
  startPooler,
  startRuledServer,
  useTls,
} from "../support/sql/servers";
import { surroundings } from "../support/surroundings";

let server: RuledServer;
let folder: string;
let authority: Certificate;
let stranger: Certificate;
let ownCertificate: Certificate;
let client: Certificate;
let locked: Certificate;

/** What SQLAlchemy takes as it stands: only "@" is escaped. */
const PASSWORDS: { [role: string]: [password: string, written?: string] } = {
  hash: ["pa#ss/w?d:1"],
  digits: ["123#x"],
  percent: ["p%w&x"],
  at: ["half@way", "half%40way"],
  spaced: ["a b+c", "a%20b+c"],
  letters: ["für%20alle", "f%C3%BCr%2520alle"],
  bracket: ["[x]={y}"],
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-connect-"));
  chmodSync(folder, 0o755);
  server = await startRuledServer();
  authority = makeAuthority(folder, "authority");
  stranger = makeAuthority(folder, "stranger");
  ownCertificate = sign(folder, authority, "server", "DNS:localhost,IP:127.0.0.1");
  client = sign(folder, authority, "certuser", "DNS:certuser");
  locked = sign(folder, authority, "certuser", "DNS:certuser", "open-sesame");
  await execute(server.adminDsn, [
    ...["tlsonly", "plainonly", "certdb"].map(name => `CREATE DATABASE ${name}`),
    "CREATE ROLE certuser LOGIN",
    "CREATE ROLE reader LOGIN PASSWORD 'reader'",
    "CREATE ROLE follower LOGIN PASSWORD 'follower'",
    "ALTER ROLE follower SET default_transaction_read_only = on",
    ...Object.entries(PASSWORDS).map(
      ([role, [password]]) => `CREATE ROLE ${role} LOGIN PASSWORD '${password}'`,
    ),
  ]);
  await useTls(server, ownCertificate, authority, [
    "hostssl certdb certuser 127.0.0.1/32 cert",
    "hostssl tlsonly all 127.0.0.1/32 scram-sha-256",
    "hostnossl plainonly all 127.0.0.1/32 scram-sha-256",
    "host tlsonly,plainonly,certdb all 127.0.0.1/32 reject",
    "host all all 127.0.0.1/32 scram-sha-256",
  ]);
});
afterAll(async () => {
  await server?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const HERE =
  "SELECT coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) AS tls, session_user::text AS name, current_database()::text AS database, current_setting('application_name') AS application, current_setting('statement_timeout') AS timeout, pg_backend_pid() AS pid";

/** One row from the server, or the error. */
async function ask(credentials: Json, env: { [name: string]: string } = {}): Promise<Row> {
  const spec = { type: "postgres", name: "db", credentials, resources: [{ name: "q", query: HERE }] };
  const source = await postgresSource.create(spec as unknown as SourceSpec, surroundings({ env }));
  const rows: Row[] = [];
  const options = { signal: new AbortController().signal, attempts: 1 };
  for await (const page of source.resources[0]!.open(options)) rows.push(...page.rows);
  return rows[0]!;
}

const dsn = (database: string, query = "", host = "127.0.0.1") =>
  dsnOf(server, "reader", database, query).replace("127.0.0.1", host);

describe("TLS", () => {
  test.each([
    ["tlsonly", "", true],
    ["tlsonly", "?sslmode=prefer", true],
    ["tlsonly", "?sslmode=allow", true],
    ["tlsonly", "?sslmode=require", true],
    ["plainonly", "", false],
    ["plainonly", "?sslmode=prefer", false],
    ["plainonly", "?sslmode=allow", false],
    ["postgres", "", true],
    ["postgres", "?sslmode=allow", false],
    ["postgres", "?sslmode=disable", false],
  ])("database %s%s: %p", async (database, query, tls) => {
    expect(await ask(dsn(database, query))).toMatchObject({ tls, database });
  });

  test.each([
    ["tlsonly", "?sslmode=disable"],
    ["plainonly", "?sslmode=require"],
  ])("what the server's rules refuse is told: %s%s", async (database, query) => {
    await expect(ask(dsn(database, query))).rejects.toMatchObject({
      code: "SQL_UNAUTHORIZED",
      message: expect.stringMatching(/28000: .*pg_hba\.conf.*sslmode/),
    });
  });

  test("the certificate is checked for its authority, and with verify-full for the host's name", async () => {
    const ca = `sslrootcert=${authority.cert}`;
    for (const [host, query] of [
      ["localhost", `sslmode=verify-full&${ca}`],
      ["127.0.0.1", `sslmode=verify-full&${ca}`],
      ["127.0.0.1", `sslmode=verify-ca&${ca}`],
      ["db.example", `sslmode=verify-ca&${ca}&hostaddr=127.0.0.1`],
      ["localhost", `sslmode=require&${ca}`],
      ["localhost", `sslmode=verify-full&${ca}&ssl_min_protocol_version=TLSv1.3`],
    ] as const) {
      expect(await ask(dsn("postgres", `?${query}`, host))).toMatchObject({ tls: true });
    }
    const other = `sslrootcert=${stranger.cert}`;
    for (const [host, query, words] of [
      ["db.example", `sslmode=verify-full&${ca}&hostaddr=127.0.0.1`, /for another name/],
      ["localhost", `sslmode=verify-full&${other}`, /authority/],
      ["localhost", `sslmode=verify-ca&${other}`, /authority/],
      // libpq: with authorities `require` is as strict as verify-ca
      ["localhost", `sslmode=require&${other}`, /authority/],
      ["localhost", "sslmode=verify-full", /authority/],
      ["localhost", "sslrootcert=system", /authority/],
    ] as const) {
      await expect(ask(dsn("postgres", `?${query}`, host))).rejects.toMatchObject({
        code: "SQL_SETTINGS",
        message: expect.stringMatching(words),
      });
    }
  });

  test("psycopg2 takes and refuses the same, with TLS or without", async () => {
    const known = `sslrootcert=${authority.cert}`;
    const other = `sslrootcert=${stranger.cert}`;
    const own = `sslcert=${client.cert}&sslkey=${client.key}`;
    const modes = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
    const dsns = [
      ...["tlsonly", "plainonly", "postgres"].flatMap(database =>
        ["", ...modes.map(mode => `?sslmode=${mode}`)].map(query => dsn(database, query)),
      ),
      ...modes.flatMap(mode => [
        dsn("postgres", `?sslmode=${mode}&${known}`, "localhost"),
        dsn("postgres", `?sslmode=${mode}&${known}&hostaddr=127.0.0.1`, "db.example"),
        dsn("postgres", `?sslmode=${mode}&${other}`, "localhost"),
        dsn("tlsonly", `?sslmode=${mode}&${other}`, "localhost"),
        `postgresql://certuser@127.0.0.1:${server.port}/certdb?sslmode=${mode}&${own}`,
      ]),
      dsn("postgres", "?target_session_attrs=read-only"),
      dsn("postgres", "?target_session_attrs=primary"),
      dsn("postgres", "?sslmode=requre"),
      dsn("postgres", "?sslmod=require"),
      dsn("postgres", `?${known.replace(".crt", ".none")}&sslmode=verify-ca`),
      dsn("postgres", "?sslrootcert=system&sslmode=require"),
      dsn("postgres", "?sslnegotiation=direct"),
      dsn("postgres", "?keepalives=1&keepalives_idle=30&keepalives_interval=10&keepalives_count=5"),
    ];
    const theirs = askPsycopg2(dsns, folder);
    const ours = await Promise.all(
      dsns.map(one =>
        ask(one, { HOME: folder }).then(
          ({ tls }) => (tls ? "TLS" : "plain"),
          () => "refused",
        ),
      ),
    );
    const told = (answers: string[]) =>
      answers.map((answer, index) => `${dsns[index]!.replace(/.*@/, "")}: ${answer}`);
    expect(told(ours)).toEqual(told(theirs));
    expect(new Set(theirs)).toEqual(new Set(["TLS", "plain", "refused"]));
  });

  test("a list of revoked certificates counts", async () => {
    const at = (list: string) =>
      ask(dsn("postgres", `?sslmode=verify-full&sslrootcert=${authority.cert}&sslcrl=${list}`, "localhost"));
    expect(await at(revocationList(folder, authority, []))).toMatchObject({ tls: true });
    await expect(at(revocationList(folder, authority, [ownCertificate]))).rejects.toMatchObject({
      code: "SQL_SETTINGS",
      message: expect.stringContaining("revoked"),
    });
  });

  test("a server that does not know direct negotiation ends the attempt with words", async () => {
    await expect(ask(dsn("postgres", "?sslmode=require&sslnegotiation=direct"))).rejects.toMatchObject({
      code: expect.stringMatching(/^SQL_(CONNECTION|SETTINGS)$/),
      message: expect.stringContaining("127.0.0.1"),
    });
  });

  test("a client certificate opens what asks for one", async () => {
    const at = (more: string) =>
      `postgresql://certuser@127.0.0.1:${server.port}/certdb?sslmode=require&sslcert=${client.cert}${more}`;
    expect(await ask(at(`&sslkey=${client.key}`))).toMatchObject({ name: "certuser", tls: true });
    const lockedDsn = at("").replace(client.cert, locked.cert);
    expect(await ask(`${lockedDsn}&sslkey=${locked.key}&sslpassword=open-sesame`)).toMatchObject({
      tls: true,
    });
    const env = { PGSSLCERT: client.cert, PGSSLKEY: client.key, PGUSER: "certuser" };
    expect(await ask(`postgresql://127.0.0.1:${server.port}/certdb`, env)).toMatchObject({
      name: "certuser",
    });

    const refuse = (query: string, code: string, words: RegExp) =>
      expect(ask(query)).rejects.toMatchObject({ code, message: expect.stringMatching(words) });
    const without = at("").replace(/&sslcert.*/, "");
    await refuse(without, "SQL_UNAUTHORIZED", /client certificate/);
    await refuse(at(""), "SQL_SETTINGS", /"sslcert" needs "sslkey"/);
    await refuse(`${lockedDsn}&sslkey=${locked.key}&sslpassword=wrong`, "SQL_SETTINGS", /sslpassword/);
    await refuse(at("&sslkey=/nowhere/client.key"), "SQL_SETTINGS", /"sslkey" names \/nowhere\/client\.key/);
    chmodSync(client.key, 0o644);
    await refuse(at(`&sslkey=${client.key}`), "SQL_SETTINGS", /chmod 600/);
    chmodSync(client.key, 0o600);
  });
});

describe("passwords in a DSN", () => {
  test.each(Object.entries(PASSWORDS))("of %s, as SQLAlchemy takes it", async (role, [password, written]) => {
    const at = dsnOf(server, role).replace(`//${role}:${role}@`, `//${role}:${written ?? password}@`);
    expect(await ask(at)).toMatchObject({ name: role });
    const fields = { username: role, password, host: "127.0.0.1", port: server.port, database: "postgres" };
    expect(await ask(fields)).toMatchObject({ name: role });
  });

  test("every DSN is taken apart as make_url does it", () => {
    const word = "s3";
    const dsns = [
      `postgresql://u:${word}@h:5433/d`,
      `postgresql+psycopg2://u%40x:${word}%2F%25@h/d?sslmode=require&application_name=a%20b`,
      `postgresql://u:${word}#?/:%zz@h:1/d`,
      `postgresql://u@corp:${word}@h/d`,
      "postgresql://u@h",
      "postgresql://h/d",
      `postgresql://u:@[::1]:5432/d`,
      `postgresql://u:%e9${word}@h/d`,
      "postgresql:///d?host=/sockets",
      "postgresql://u@/d",
    ];
    const theirs = makeUrls(dsns);
    const { readDsn } = jest.requireActual<typeof import("../../src/postgres-connection/dsn")>(
      "../../src/postgres-connection/dsn",
    );
    const filled = (parts: object) =>
      Object.fromEntries(
        Object.entries(parts).filter(([, value]) => value !== null && value !== "" && value !== undefined),
      );
    for (const [index, [user, password, host, port, dbname, query]] of theirs.entries()) {
      const parts = { user, password, host, port: port && String(port), dbname, ...query };
      expect({ dsn: dsns[index], ...readDsn(dsns[index]!) }).toEqual({ dsn: dsns[index], ...filled(parts) });
    }
  });

  test("one that cannot be read gets a sentence, and no part of it reaches the name service", async () => {
    const looked = jest.spyOn(dns, "lookup");
    const word = "hunter2";
    for (const torn of [
      `postgresql://u:x@${word}@127.0.0.1/d`,
      `postgresql://u:x@${word}/y@127.0.0.1/d`,
      `postgresql://u:x@y?${word}@127.0.0.1/d`,
      `postgresql://u:x@y?${word}=1@127.0.0.1/d`,
      `postgresql://u:x@127.0.0.1:${word}/d`,
      `postgresql://u/y:${word}@127.0.0.1/d`,
    ]) {
      const attempt = ask(torn);
      await expect(attempt).rejects.toMatchObject({
        code: expect.stringMatching(/SQL_(UNAUTHORIZED|SETTINGS)/),
      });
      await expect(attempt).rejects.toMatchObject({ message: expect.stringContaining("%40") });
      await expect(attempt).rejects.not.toMatchObject({ message: expect.stringContaining(word) });
    }
    expect(looked).not.toHaveBeenCalled();
    looked.mockRestore();
  });
});

describe("hosts", () => {
  test("a wrong one is named, and the failure is final", async () => {
    const attempt = ask("postgresql://u:pw@no-such-host.invalid:5433/d");
    await expect(attempt).rejects.toMatchObject({
      code: "SQL_SETTINGS",
      kind: "terminal",
      message: expect.stringContaining("no-such-host.invalid:5433: there is no host of this name"),
    });
    const closed = await freePort();
    await expect(ask(`postgresql://u:pw@127.0.0.1:${closed}/d`)).rejects.toMatchObject({
      code: "SQL_CONNECTION",
      message: expect.stringContaining(`127.0.0.1:${closed}: ECONNREFUSED`),
    });
  });

  test("several are tried in order, in libpq's and in SQLAlchemy's spelling", async () => {
    const closed = await freePort();
    const { port } = server;
    for (const [authority_, query] of [
      [`127.0.0.1:${closed},127.0.0.1:${port}`, ""],
      [`no-such-host.invalid,127.0.0.1:${port}`, ""],
      ["", `?host=127.0.0.1:${closed}&host=127.0.0.1:${port}`],
      ["", `?host=127.0.0.1,localhost&port=${closed},${port}`],
      [`127.0.0.1:${port},127.0.0.1:${port}`, "?load_balance_hosts=random"],
    ]) {
      expect(await ask(`postgresql://reader:reader@${authority_}/postgres${query}`)).toMatchObject({
        name: "reader",
      });
    }
    // the one that answers is the one that was meant
    await expect(
      ask(`postgresql://reader:wrong@127.0.0.1:${port},127.0.0.1:${closed}/postgres`),
    ).rejects.toMatchObject({ code: "SQL_UNAUTHORIZED", message: expect.stringContaining("28P01") });
  });

  test("target_session_attrs looks for a server that is so", async () => {
    const wants = (user: string, attributes: string) =>
      ask(dsnOf(server, user, "postgres", `?target_session_attrs=${attributes}`));
    for (const fits of ["any", "read-write", "primary", "prefer-standby"])
      expect(await wants("reader", fits)).toMatchObject({ name: "reader" });
    expect(await wants("follower", "read-only")).toMatchObject({ name: "follower" });
    for (const [user, attributes] of [
      ["reader", "read-only"],
      ["reader", "standby"],
      ["follower", "read-write"],
    ]) {
      await expect(wants(user!, attributes!)).rejects.toMatchObject({
        code: "SQL_SETTINGS",
        message: expect.stringContaining(`it is not ${attributes}`),
      });
    }
  });

  test("the folder of a Unix socket is a host, in every spelling", async () => {
    const close = await behindSocket(server, folder, server.port);
    try {
      const { port } = server;
      for (const credentials of [
        `postgresql://reader:reader@:${port}/postgres?host=${folder}`,
        `postgresql://reader:reader@${encodeURIComponent(folder)}:${port}/postgres`,
        `host=${folder} port=${port} user=reader password=reader dbname=postgres sslmode=verify-full`,
        { username: "reader", password: "reader", host: folder, port, database: "postgres" },
      ] as Json[]) {
        expect(await ask(credentials)).toMatchObject({ name: "reader", tls: false });
      }
    } finally {
      await close();
    }
    await expect(ask(`host=${folder} port=1 user=u dbname=d`)).rejects.toMatchObject({
      message: expect.stringContaining("no server's socket"),
    });
  });

  test("connect_timeout ends the wait for a host that says nothing", async () => {
    const silent = createServer(() => {});
    await new Promise<void>(resolve => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as { port: number };
    const from = Date.now();
    const attempt = ask(`postgresql://u:pw@127.0.0.1:${port}/d?connect_timeout=1&sslmode=disable`);
    await expect(attempt).rejects.toMatchObject({ message: expect.stringContaining("connect_timeout") });
    expect(Date.now() - from).toBeLessThan(6_000);
    silent.close();
  });
});

describe("what is not in the credentials", () => {
  test("is looked up in PG… variables, a service and a password file", async () => {
    const port = String(server.port);
    const home = join(folder, "home");
    mkdirSync(home, { recursive: true });
    writeFileSync(
      join(home, ".pg_service.conf"),
      `# services\n[other]\nuser=nobody\n[here]\nhost=127.0.0.1\nport=${port}\nuser=reader\ndbname=tlsonly\n`,
    );
    writeFileSync(
      join(home, ".pgpass"),
      `# passwords\n*:*:other:reader:wrong\n127.0.0.1:${port}:*:reader:reader\n`,
    );
    chmodSync(join(home, ".pgpass"), 0o600);
    const env = { HOME: home };
    expect(await ask("postgresql:///?service=here", env)).toMatchObject({
      name: "reader",
      database: "tlsonly",
    });
    expect(await ask("service=here dbname=postgres", env)).toMatchObject({ database: "postgres" });
    const file = join(home, ".pg_service.conf");
    expect(await ask(`service=here servicefile=${file} passfile=${join(home, ".pgpass")}`)).toMatchObject({
      database: "tlsonly",
    });
    expect(await ask({ query: { service: "here" } }, env)).toMatchObject({ database: "tlsonly" });
    const variables = { PGHOST: "127.0.0.1", PGPORT: port, PGUSER: "reader", PGDATABASE: "tlsonly" };
    expect(await ask("postgresql://", { ...env, ...variables, PGAPPNAME: "mine" })).toMatchObject({
      name: "reader",
      database: "tlsonly",
      application: "mine",
    });
    expect(
      await ask("postgresql:///postgres?options=-c%20statement_timeout%3D7s", {
        ...variables,
        PGPASSWORD: "reader",
      }),
    ).toMatchObject({ database: "postgres", timeout: "7s", application: "tidemark" });

    const refused = (credentials: Json, more: { [name: string]: string }, words: RegExp) =>
      expect(ask(credentials, more)).rejects.toMatchObject({ message: expect.stringMatching(words) });
    await refused("service=nowhere", env, /"nowhere", which is no section of/);
    await refused("postgresql://", variables, /asks for a password/);
    await refused(
      "postgresql://",
      { ...variables, PGSSLMODE: "requre" },
      /"sslmode" \(PGSSLMODE\) must be disable/,
    );
    chmodSync(join(home, ".pgpass"), 0o644);
    await refused(
      `postgresql://reader@127.0.0.1:${port}/postgres?passfile=${join(home, ".pgpass")}`,
      {},
      /chmod 600/,
    );
  });
});

describePooler("a pooler", () => {
  test("a read ends with COMMIT, so that a pooler keeps its connection", async () => {
    const pooler = await startPooler(server, "reader");
    try {
      const pids = new Set<unknown>();
      for (let times = 0; times < 5; times++)
        pids.add((await ask(`postgresql://reader:reader@127.0.0.1:${pooler.port}/postgres`)).pid);
      expect(pids.size).toBe(1);
      expect(pooler.log()).not.toContain("server was not ready");
      // the pooler has no TLS
      await expect(
        ask(`postgresql://reader:reader@127.0.0.1:${pooler.port}/postgres?sslmode=require`),
      ).rejects.toMatchObject({ code: "SQL_SETTINGS", message: expect.stringContaining("it has no TLS") });
    } finally {
      await pooler.stop();
    }
  });
});
