/** Starts and stops the stand-in for a Databricks SQL warehouse, and reads its protocol log. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

/** One line of the protocol log. */
export interface LogEntry {
  /** Seconds since 1970. */
  t0: number;
  t1?: number;
  /** A statement, as it was sent. */
  sql?: string;
  /** Its session. */
  s?: string;
  err?: string | null;
  /** A transfer on a presigned URL: PUT, GET or DELETE. */
  file?: string;
  path?: string;
  bytes?: number;
  /** Any other HTTP call, e.g. of the Files API. */
  http?: string;
  open?: string;
  close?: string;
}

export interface Standin {
  host: string;
  port: number;
  http_path: string;
  catalog: string;
  token: string;
  client: { id: string; secret: string };
  /** PEM file of the authority that signed the server's certificate. */
  ca: string;
  pid: number;
  /** Entries since `mark()`, or all. Statements are listed when they end; sorted by their start. */
  log(): Promise<LogEntry[]>;
  /** Forgets what is in the log so far. */
  mark(): Promise<void>;
  stop(): Promise<void>;
}

const TOKEN = "dapi-standin";
const CLIENT = { id: "standin-client", secret: "standin-secret" };
const READY_MS = 120_000;

/** @param env settings of the server, see README.md */
export async function startStandin(env: { [name: string]: string } = {}): Promise<Standin> {
  const home = await setUp();
  const root = await mkdtemp(join(tmpdir(), "tidemark-standin-"));
  const logFile = join(root, "statements.log");
  const server = spawn(join(home, "venv", "bin", "python"), [join(__dirname, "server.py")], {
    cwd: root,
    // stdin stays open as long as this process lives, and the server with it
    stdio: ["pipe", "pipe", "pipe"],
    env: {
      ...process.env,
      DBX_PORT: "0",
      DBX_TOKEN: TOKEN,
      DBX_CLIENT: `${CLIENT.id}:${CLIENT.secret}`,
      DBX_ROOT: root,
      DBX_LOG: logFile,
      DBX_JARS: join(home, "jars"),
      DBX_TLS: join(home, "tls"),
      PYTHONDONTWRITEBYTECODE: "1",
      ...env,
    },
  });
  const stop = async (): Promise<void> => {
    await end(server);
    await rm(root, { recursive: true, force: true, maxRetries: 5 });
  };
  let port: number;
  try {
    port = await ready(server);
  } catch (error) {
    await stop();
    throw error;
  }
  let seen = 0;
  const read = async (): Promise<LogEntry[]> =>
    (await readFile(logFile, "utf8"))
      .split("\n")
      .filter(line => line !== "")
      .map(line => JSON.parse(line) as LogEntry);
  return {
    host: "localhost",
    port,
    http_path: "/sql/1.0/warehouses/standin",
    catalog: "main",
    token: TOKEN,
    client: CLIENT,
    ca: join(home, "tls", "ca.pem"),
    pid: server.pid as number,
    log: async () => (await read()).slice(seen).sort((a, b) => a.t0 - b.t0),
    mark: async () => {
      seen = (await read()).length;
    },
    stop,
  };
}

/** Statements of the log, without sessions and transfers. */
export function statementsOf(entries: readonly LogEntry[]): string[] {
  return entries.filter(entry => entry.sql !== undefined).map(entry => entry.sql as string);
}

async function setUp(): Promise<string> {
  const program = `import { ensureStandin } from ${JSON.stringify(join(__dirname, "setup.mjs"))};
    const { home } = await ensureStandin({ log: line => console.error(line) });
    console.log(home);`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]);
  return stdout.trim();
}

async function ready(server: ChildProcess): Promise<number> {
  let said = "";
  server.stderr?.on("data", chunk => {
    said = (said + chunk).slice(-4_000);
  });
  return await new Promise<number>((resolve, reject) => {
    const give = (error: Error): void => reject(error);
    const timer = setTimeout(
      () => give(new Error(`The stand-in is not ready after ${READY_MS} ms: ${said}`)),
      READY_MS,
    );
    server.once("exit", code => {
      clearTimeout(timer);
      give(new Error(`The stand-in ended with code ${code}: ${said}`));
    });
    server.stdout?.on("data", chunk => {
      const port = /^ready .* on (\d+)$/m.exec(String(chunk))?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    });
  });
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const gone = once(server, "exit");
  server.kill("SIGTERM");
  const killed = sleep(5_000).then(() => server.kill("SIGKILL"));
  await Promise.race([gone, killed]);
}
