/**
 * A real PostgreSQL server on a free loopback port, stopped by the handle that started it; also used by the tests.
 *
 * The server is the child of a small shell that waits on a pipe from this process: when this process ends, however
 * it ends, the pipe closes and the shell stops the server (fast shutdown). A SIGKILL leaves no orphan.
 * PostgreSQL refuses to run as root, so root starts it as user `postgres`, else as `nobody`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";

export interface PostgresServer {
  /** DSN of the superuser `admin`, database `postgres`. */
  adminDsn: string;
  port: number;
  /** The postmaster's process. */
  pid: number;
  /** Stops the server and waits for its end; may be called twice. */
  stop(): Promise<void>;
}

export interface ServerOptions {
  /** Kept between starts. Its parent folders must be open to other users when this process is root. */
  dataDir: string;
  /** Folder with `postgres` and `initdb`. */
  bin: string;
  /** Default: a free one. */
  port?: number;
}

interface Owner {
  uid?: number;
  gid?: number;
}

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const LOOK_AGAIN_MS = 25;

/** $0 = postgres, then its arguments. The postmaster's pid is in postmaster.pid. */
const WATCHED = '"$0" "$@" & server=$!; read -r _; kill -INT "$server"; wait "$server"';

function ownerOfServer(): Owner {
  if (process.getuid?.() !== 0) return {};
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map(line => line.split(":"));
  const user = users.find(([name]) => name === "postgres") ?? users.find(([name]) => name === "nobody");
  if (!user)
    throw new Error("PostgreSQL does not run as root, and there is neither a user `postgres` nor `nobody`.");
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

/** The other user must be able to reach the folder, or the server ends with a riddle. */
function checkParents(dataDir: string): void {
  for (let folder = dirname(dataDir); folder !== dirname(folder); folder = dirname(folder)) {
    if (existsSync(folder) && (statSync(folder).mode & 0o001) === 0) {
      throw new Error(
        `As root, PostgreSQL runs as another user, who may not enter ${folder}; name a data folder elsewhere, for example under the temporary folder.`,
      );
    }
  }
}

/** A folder of this name that somebody else made first is not ours to trust. */
function makeDataDir(dataDir: string, owner: Owner): void {
  if (owner.uid !== undefined) checkParents(dataDir);
  mkdirSync(dirname(dataDir), { recursive: true, mode: 0o755 });
  if (existsSync(dataDir)) {
    const { uid } = statSync(dataDir);
    const allowed = [process.getuid?.(), owner.uid];
    if (!allowed.includes(uid))
      throw new Error(`${dataDir} belongs to another user; remove it or name another folder.`);
  } else {
    mkdirSync(dataDir, { mode: 0o700 });
  }
  chmodSync(dataDir, 0o700);
  if (owner.uid !== undefined && owner.gid !== undefined) chownSync(dataDir, owner.uid, owner.gid);
}

function runToEnd(program: string, args: string[], owner: Owner): Promise<void> {
  return new Promise((resolve, reject) => {
    // from a folder that the other user may enter
    const child = spawn(program, args, { ...owner, cwd: "/", stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", chunk => {
      said = (said + chunk).slice(-2_000);
    });
    child.on("error", reject);
    child.on("close", code =>
      code === 0 ? resolve() : reject(new Error(`${program} failed: ${said.trim()}`)),
    );
  });
}

/** A new cluster, or the one that is there already. @returns the superuser's password */
async function ensureCluster({ dataDir, bin }: ServerOptions, owner: Owner): Promise<string> {
  const passwordFile = join(dataDir, "admin-password");
  if (existsSync(passwordFile)) return readFileSync(passwordFile, "utf8").trim();
  rmSync(dataDir, { recursive: true, force: true });
  makeDataDir(dataDir, owner);
  const password = randomBytes(16).toString("hex");
  const handover = `${dataDir}.password`;
  writeFileSync(handover, password, { mode: 0o600 });
  try {
    if (owner.uid !== undefined && owner.gid !== undefined) chownSync(handover, owner.uid, owner.gid);
    const settings = ["--auth=scram-sha-256", "--username=admin", `--pwfile=${handover}`];
    await runToEnd(
      join(bin, "initdb"),
      ["-D", dataDir, ...settings, "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"],
      owner,
    );
  } finally {
    rmSync(handover, { force: true });
  }
  writeFileSync(passwordFile, password, { mode: 0o600 });
  return password;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function postmasterPid(dataDir: string): number | undefined {
  const file = join(dataDir, "postmaster.pid");
  if (!existsSync(file)) return undefined;
  const pid = Number(readFileSync(file, "utf8").split("\n")[0]);
  return pid > 0 && isAlive(pid) ? pid : undefined;
}

/** The server of a process that ended a moment ago may still be shutting down. */
async function waitUntilFree(dataDir: string): Promise<void> {
  const until = Date.now() + STOP_TIMEOUT_MS;
  for (let pid = postmasterPid(dataDir); pid !== undefined; pid = postmasterPid(dataDir)) {
    if (Date.now() > until) {
      throw new Error(
        `A PostgreSQL server (process ${pid}) is running on ${dataDir}; is another demo running?`,
      );
    }
    await sleep(LOOK_AGAIN_MS);
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (address && typeof address === "object" ? resolve(address.port) : reject()));
    });
  });
}

/** Waits until the postmaster itself says in its pid file that it takes connections. */
async function waitUntilReady(dataDir: string, child: ChildProcess, said: () => string): Promise<number> {
  const until = Date.now() + START_TIMEOUT_MS;
  const file = join(dataDir, "postmaster.pid");
  for (;;) {
    const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
    if (lines[7]?.trim() === "ready") return Number(lines[0]);
    // A client that comes too early is told so, which is no word about the server.
    const own = said().replace(/^.*FATAL: {2}the database system is .*$/gm, "");
    const ended = /FATAL|could not/.test(own) || child.exitCode !== null;
    if (ended || Date.now() > until)
      throw new Error(`PostgreSQL did not start: ${said().trim() || "no word from it"}`);
    await sleep(LOOK_AGAIN_MS);
  }
}

/** @throws Error when the server cannot be made or started; the message holds what it said */
export async function startPostgresServer(options: ServerOptions): Promise<PostgresServer> {
  const { dataDir, bin } = options;
  const owner = ownerOfServer();
  await waitUntilFree(dataDir);
  const password = await ensureCluster(options, owner);
  const port = options.port ?? (await freePort());
  const settings = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    // demo and test data can be made again: no waiting for the disk
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "log_min_messages=fatal",
  ].flatMap(setting => ["-c", setting]);
  const child = spawn(
    "/bin/sh",
    ["-c", WATCHED, join(bin, "postgres"), "-D", dataDir, "-p", String(port), ...settings],
    {
      ...owner,
      cwd: "/",
      // its own session: Ctrl-C goes to this process, which then stops the server in order
      detached: true,
      stdio: ["pipe", "ignore", "pipe"],
    },
  );
  let said = "";
  child.stderr.on("data", chunk => {
    said = (said + chunk).slice(-2_000);
  });
  // neither the server nor its log keeps this process alive
  child.unref();
  (child.stderr as Socket).unref();
  const ended = new Promise<void>(resolve => child.once("close", () => resolve()));
  let stopping: Promise<void> | undefined;
  const stop = () => {
    stopping ??= (async () => {
      child.ref();
      (child.stderr as Socket).ref();
      child.stdin.end();
      await ended;
    })();
    return stopping;
  };
  try {
    const pid = await waitUntilReady(dataDir, child, () => said);
    return { adminDsn: `postgresql://admin:${password}@127.0.0.1:${port}/postgres`, port, pid, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Runs statements one after another on a connection of its own. */
export async function execute(dsn: string, statements: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: dsn });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
