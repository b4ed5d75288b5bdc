/** Starts and stops the stand-in for a Databricks SQL warehouse, reads its protocol log and switches its faults. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { request } from "node:http";
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
  /** The header User-Agent of a session that is opened. */
  agent?: string;
}

/** How to reach a stand-in; plain data, so that it can be handed to another process. */
export interface StandinAddress {
  host: string;
  port: number;
  http_path: string;
  catalog: string;
  token: string;
  client: { id: string; secret: string };
  /** PEM file of the authority that signed the server's certificate. */
  ca: string;
  pid: number;
  /** Port of the door for tests. */
  control_port: number;
  log_file: string;
}

/** What `control` switches; every field that is given replaces what was set before (server/control.py). */
export interface Faults {
  /** Every statement takes so much longer. */
  latency_ms?: number;
  /** Statements, and calls of the Files API, that are refused as for a missing grant. `schema` is a glob. */
  deny?: { kind: string; schema?: string }[];
  /** false closes the port and cuts all connections; Spark and the catalog stay. */
  listening?: boolean;
  /** Statements wait. */
  paused?: boolean;
  /** Every request is answered by HTTP 503. */
  unavailable?: boolean;
  /** Cuts the connection before or after a statement that holds the text; `after`: its answer is lost. */
  drop?: { match: string; when: "before" | "after"; times?: number }[];
  /** Stores no more than so many bytes of an upload whose path holds the text. */
  short_uploads?: { match: string; bytes: number; times?: number }[];
  /** Keeps the files of all tables of a schema, or puts them back as they were kept. */
  keep?: string;
  put_back?: string;
}

export interface Standin extends StandinAddress {
  /** Entries since `mark()`, or all. Statements are listed when they end; sorted by their start. */
  log(): Promise<LogEntry[]>;
  /** Forgets what is in the log so far. */
  mark(): Promise<void>;
  control(faults: Faults): Promise<void>;
}

export interface OwnStandin extends Standin {
  stop(): Promise<void>;
}

const TOKEN = "dapi-standin";
const CLIENT = { id: "standin-client", secret: "standin-secret" };
const READY_MS = 120_000;
const NO_FAULTS: Faults = {
  latency_ms: 0,
  deny: [],
  listening: true,
  paused: false,
  unavailable: false,
  drop: [],
  short_uploads: [],
};

/** @param env settings of the server, see README.md */
export async function startStandin(env: { [name: string]: string } = {}): Promise<OwnStandin> {
  const home = await standinFolder();
  const root = await mkdtemp(join(tmpdir(), "tidemark-standin-"));
  const logFile = join(root, "statements.log");
  const server = spawn(join(home, "venv", "bin", "python"), [join(__dirname, "server", "main.py")], {
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
  try {
    const ports = await ready(server);
    const address: StandinAddress = {
      host: "localhost",
      port: ports.port,
      http_path: "/sql/1.0/warehouses/standin",
      catalog: "main",
      token: TOKEN,
      client: CLIENT,
      ca: join(home, "tls", "ca.pem"),
      pid: server.pid as number,
      control_port: ports.control,
      log_file: logFile,
    };
    return { ...standinAt(address), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A stand-in that somebody else started. */
export function standinAt(address: StandinAddress): Standin {
  let seen = 0;
  const read = async (): Promise<LogEntry[]> =>
    (await readFile(address.log_file, "utf8"))
      .split("\n")
      .filter(line => line !== "")
      .map(line => JSON.parse(line) as LogEntry);
  return {
    ...address,
    log: async () => (await read()).slice(seen).sort((a, b) => a.t0 - b.t0),
    mark: async () => {
      seen = (await read()).length;
    },
    control: faults => post(address.control_port, faults),
  };
}

/** All that `control` switches, off. */
export function withoutFaults(standin: Standin): Promise<void> {
  return standin.control(NO_FAULTS);
}

/** Statements of the log, without sessions and transfers. */
export function statementsOf(entries: readonly LogEntry[]): string[] {
  return entries.filter(entry => entry.sql !== undefined).map(entry => entry.sql as string);
}

/** How many statements the warehouse runs for one that was sent: those of a `BEGIN … END` are each run for itself. */
export function partsOf(sql: string): number {
  return sql.startsWith("BEGIN\n") ? sql.split(";\n").length - 1 : 1;
}

function post(port: number, body: unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, method: "POST" }, answer => {
      let said = "";
      answer.on("data", chunk => {
        said += chunk;
      });
      answer.on("end", () =>
        answer.statusCode === 200 ? resolve() : reject(new Error(`The stand-in does not take this: ${said}`)),
      );
    });
    call.on("error", reject);
    call.end(JSON.stringify(body));
  });
}

/** Where Spark, its jars and a certificate are; got where they are not. */
export async function standinFolder(): Promise<string> {
  const program = `import { ensureStandin } from ${JSON.stringify(join(__dirname, "setup.mjs"))};
    const { home } = await ensureStandin({ log: line => console.error(line) });
    console.log(home);`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "--eval", program]);
  return stdout.trim();
}

async function ready(server: ChildProcess): Promise<{ port: number; control: number }> {
  let said = "";
  server.stderr?.on("data", chunk => {
    said = (said + chunk).slice(-4_000);
  });
  return await new Promise((resolve, reject) => {
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
      const ports = /^ready .* on (\d+) control (\d+)$/m.exec(String(chunk));
      if (ports === null) return;
      clearTimeout(timer);
      resolve({ port: Number(ports[1]), control: Number(ports[2]) });
    });
  });
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const gone = once(server, "exit");
  server.kill("SIGTERM");
  const killed = sleep(5_000, undefined, { ref: false }).then(() => server.kill("SIGKILL"));
  await Promise.race([gone, killed]);
}
