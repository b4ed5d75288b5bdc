/** PostgreSQL with rules of its own: a data folder that a test may change, TLS, a replica, a pooler in front of it. */
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { execute, type PostgresServer, startPostgresServer } from "../../../demo/postgres-server";
import { findOnPath, toolPaths } from "../../../src/tools";
import type { Certificate } from "./certificates";

export interface RuledServer extends PostgresServer {
  /** Removed when the server stops; other users may enter it. */
  folder: string;
  dataDir: string;
  /** Fast shutdown, which ends every session, and up again on the same port. */
  restart(): Promise<void>;
}

function binaries(): string {
  const bin = toolPaths(process.env).postgresBin;
  if (!bin) throw new Error("The tests need PostgreSQL: run `node setup/main.mjs --postgres`.");
  return bin;
}

export async function startRuledServer(): Promise<RuledServer> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-postgres-"));
  chmodSync(folder, 0o755);
  const dataDir = join(folder, "data");
  const first = await startPostgresServer({ dataDir, bin: binaries() });
  let server: PostgresServer = first;
  return {
    ...first,
    folder,
    dataDir,
    async restart() {
      await server.stop();
      server = await startPostgresServer({ dataDir, bin: binaries(), port: first.port });
    },
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** DSN of another role, database or parameters on the same server. */
export function dsnOf(server: { adminDsn: string }, user: string, database = "postgres", query = ""): string {
  return server.adminDsn
    .replace(/\/\/[^@]+@/, `//${user}:${user}@`)
    .replace(/\/postgres$/, `/${database}${query}`);
}

/** Turns TLS on; the server trusts clients' certificates of the authority. @param rules lines of pg_hba.conf */
export async function useTls(
  server: RuledServer,
  { cert, key }: Certificate,
  authority: Certificate,
  rules: string[],
): Promise<void> {
  const { uid, gid } = statSync(server.dataDir);
  for (const [from, name] of [
    [cert, "server.crt"],
    [key, "server.key"],
    [authority.cert, "ca.crt"],
  ] as const) {
    const to = join(server.dataDir, name);
    copyFileSync(from, to);
    chmodSync(to, 0o600);
    chownSync(to, uid, gid);
  }
  writeFileSync(join(server.dataDir, "pg_hba.conf"), `${rules.join("\n")}\n`);
  await execute(server.adminDsn, [
    "ALTER SYSTEM SET ssl_ca_file = 'ca.crt'",
    "ALTER SYSTEM SET ssl = on",
    "SELECT pg_reload_conf()",
  ]);
  await sleep(300);
}

/** A streaming replica, which may throw away what the primary no longer has after `delayMs`. */
export async function startReplica(primary: RuledServer, delayMs: number): Promise<PostgresServer> {
  const { uid, gid } = statSync(primary.dataDir);
  // the server sends every file of its folder
  chownSync(join(primary.dataDir, "admin-password"), uid, gid);
  const folder = mkdtempSync(join(tmpdir(), "tidemark-replica-"));
  chmodSync(folder, 0o755);
  chownSync(folder, uid, gid);
  const dataDir = join(folder, "data");
  const backup = existsSync(join(binaries(), "pg_basebackup"))
    ? join(binaries(), "pg_basebackup")
    : join(execFileSync("pg_config", ["--bindir"]).toString().trim(), "pg_basebackup");
  const own = process.getuid?.() === 0 ? { uid, gid } : {};
  execFileSync(
    backup,
    ["-D", dataDir, "-R", "-X", "stream", "-c", "fast", "--no-sync", "-d", primary.adminDsn],
    {
      ...own,
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  rmSync(join(dataDir, "postmaster.pid"), { force: true });
  writeFileSync(join(dataDir, "postgresql.auto.conf"), `max_standby_streaming_delay = ${delayMs}\n`, {
    flag: "a",
  });
  const server = await startPostgresServer({ dataDir, bin: binaries() });
  const stop = async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { ...server, stop };
}

export interface Pooler {
  port: number;
  /** What it wrote to its log. */
  log(): string;
  stop(): Promise<void>;
}

/** Debian keeps it off the PATH of users. */
const POOLER = findOnPath("pgbouncer", { PATH: `${process.env.PATH}:/usr/sbin` });

/** Tests that need pgbouncer, which no set-up can bring without the system's own installer. */
export function describePooler(name: string, tests: () => void): void {
  if (POOLER) describe(name, tests);
  else
    describe.skip(
      `${name} (skipped: no pgbouncer here; apt install pgbouncer, brew install pgbouncer)`,
      tests,
    );
}

/**
 * pgbouncer in transaction mode, one connection to the server.
 * @param more settings of [pgbouncer] in place of these or besides
 * @param target of the database `postgres`, in pgbouncer's words
 */
export async function startPooler(
  server: RuledServer,
  user: string,
  more: { [setting: string]: string | number } = {},
  target = `host=127.0.0.1 port=${server.port}`,
): Promise<Pooler> {
  const { uid, gid } = statSync(server.dataDir);
  const port = await freePort();
  const ini = join(server.folder, "pgbouncer.ini");
  const users = join(server.folder, "users.txt");
  writeFileSync(users, `"${user}" "${user}"\n`);
  const settings = {
    listen_addr: "127.0.0.1",
    listen_port: port,
    unix_socket_dir: "",
    auth_type: "scram-sha-256",
    auth_file: users,
    pool_mode: "transaction",
    default_pool_size: 1,
    ...more,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  writeFileSync(ini, `[databases]\npostgres = ${target}\n[pgbouncer]\n${lines.join("\n")}\n`);
  const own = process.getuid?.() === 0 ? { uid, gid } : {};
  const child = spawn(POOLER!, [ini], { ...own, stdio: ["ignore", "ignore", "pipe"], cwd: "/" });
  let log = "";
  child.stderr.on("data", chunk => {
    log += chunk;
  });
  const ended = new Promise<void>(resolve => child.once("close", () => resolve()));
  for (let tries = 0; !(await answers(port)); tries++) {
    if (tries > 100) throw new Error(`pgbouncer did not start: ${log}`);
    await sleep(50);
  }
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  return { port, log: () => log, stop };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** The server behind a socket in a folder, as one that listens there would be. */
export async function behindSocket(server: PostgresServer, folder: string, port = 5432) {
  const door = createServer(client => {
    const inner = connect(server.port, "127.0.0.1");
    client.pipe(inner).pipe(client);
    for (const one of [client, inner]) one.on("error", () => {});
  });
  await new Promise<void>(resolve => door.listen(join(folder, `.s.PGSQL.${port}`), resolve));
  return () => new Promise<void>(resolve => door.close(() => resolve()));
}
