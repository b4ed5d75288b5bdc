/**
 * The demo's PostgreSQL: `rnacen.rnc_database` with 56 rows, owned by another role. The role `reader` may connect,
 * use the schema and SELECT from that one table: a locked-down read replica, as RNAcentral's public server is.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toolPaths } from "../src/tools";
import { execute, type PostgresServer, startPostgresServer } from "./postgres-server";
import { RNC_DATABASES } from "./rnc-databases";

export interface DemoPostgres extends PostgresServer {
  /** DSN of role `reader`, for SOURCES__SQL_DATABASE__CREDENTIALS. */
  readerDsn: string;
}

export interface DemoPostgresOptions {
  /** Default: a folder of this user under the system's temporary folder, kept for the next start. */
  dataDir?: string;
  /** Default: a free one. */
  port?: number;
  env?: NodeJS.ProcessEnv;
}

/** Under the temporary folder, since the server may run as another user, who cannot enter root's folders. */
export function demoDataDir(): string {
  return join(tmpdir(), `tidemark-demo-postgres-${process.getuid?.() ?? "user"}`, "data");
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function seedStatements(password: string): string[] {
  const rows = RNC_DATABASES.map(
    ({ id, timestamp, descr, current_release, alive }) =>
      `(${id}, ${literal(timestamp)}, ${literal(descr)}, ${current_release}, ${literal(alive)})`,
  );
  return [
    "DROP SCHEMA IF EXISTS rnacen CASCADE",
    "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'rnacen') THEN CREATE ROLE rnacen NOLOGIN; END IF; END $$",
    "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'reader') THEN CREATE ROLE reader LOGIN; END IF; END $$",
    `ALTER ROLE reader PASSWORD ${literal(password)}`,
    // PUBLIC may do more than it should by default: reader gets its rights by name only
    "REVOKE ALL ON DATABASE postgres FROM PUBLIC",
    "REVOKE ALL ON SCHEMA public FROM PUBLIC",
    "GRANT CONNECT ON DATABASE postgres TO reader",
    "CREATE SCHEMA rnacen AUTHORIZATION rnacen",
    "SET ROLE rnacen",
    `CREATE TABLE rnacen.rnc_database (
       id integer PRIMARY KEY,
       "timestamp" timestamp,
       descr text,
       current_release integer,
       alive varchar(1))`,
    "CREATE TABLE rnacen.not_for_readers (secret text)",
    `INSERT INTO rnacen.rnc_database VALUES ${rows.join(", ")}`,
    "GRANT USAGE ON SCHEMA rnacen TO reader",
    "GRANT SELECT ON rnacen.rnc_database TO reader",
    "RESET ROLE",
  ];
}

/**
 * First start: about 1.5 s (a new cluster); again on the same folder: about 0.2 s.
 * @throws Error when no PostgreSQL is on this machine (`node setup/main.mjs --postgres` gets one) or it does not start
 */
export async function startPostgres(options: DemoPostgresOptions = {}): Promise<DemoPostgres> {
  const { dataDir = demoDataDir(), port, env = process.env } = options;
  const bin = toolPaths(env).postgresBin;
  if (!bin) throw new Error("No PostgreSQL was found. Run `node setup/main.mjs --postgres`, which gets one.");
  const server = await startPostgresServer({ dataDir, bin, port });
  try {
    const passwordFile = join(dataDir, "reader-password");
    if (!existsSync(passwordFile)) {
      const password = randomBytes(16).toString("hex");
      await execute(server.adminDsn, seedStatements(password));
      writeFileSync(passwordFile, password, { mode: 0o600 });
    }
    const password = readFileSync(passwordFile, "utf8");
    return { ...server, readerDsn: `postgresql://reader:${password}@127.0.0.1:${server.port}/postgres` };
  } catch (error) {
    await server.stop();
    throw error;
  }
}
