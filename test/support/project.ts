/** A project folder of its own for one test: home, pipelines, DuckDB file, task queue; and worker processes for it. */
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { DuckDBInstance } from "@duckdb/node-api";

export const REPOSITORY = join(__dirname, "..", "..");

export interface Project {
  folder: string;
  queue: string;
  duckdb: string;
  env: NodeJS.ProcessEnv;
  writeSpec(name: string, spec: object): void;
  /** Another host for the same task queue and DuckDB file: its own home and package root. */
  host(name: string): NodeJS.ProcessEnv;
  /** Starts a worker process, by a script that says "Ready", and waits until it polls. */
  worker(extra?: NodeJS.ProcessEnv, script?: string): Promise<WorkerProcess>;
  /** Rows of a query on the project's DuckDB file, opened and closed for it. */
  query(sql: string): Promise<{ [column: string]: unknown }[]>;
}

export interface WorkerProcess {
  child: ChildProcess;
  /** Resolves when the process has ended, however. */
  ended: Promise<NodeJS.Signals | number | null>;
  stop(): Promise<void>;
}

export function newProject(label: string): Project {
  const folder = mkdtempSync(join(process.env.TIDEMARK_TEST_TMP!, `${label}-`));
  const queue = `q-${label}-${randomUUID().slice(0, 8)}`;
  const duckdb = join(folder, "data.duckdb");
  mkdirSync(join(folder, "pipelines"), { recursive: true });
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    TIDEMARK_HOME: join(folder, "home"),
    TIDEMARK_PIPELINES: join(folder, "pipelines"),
    TIDEMARK_TASK_QUEUE: queue,
    DUCKDB_PATH: duckdb,
    TIDEMARK_TEMPORAL_PORT: "0",
    TIDEMARK_UI_PORT: "0",
  };
  return {
    folder,
    queue,
    duckdb,
    env,
    writeSpec(name, spec) {
      writeFileSync(join(folder, "pipelines", `${name}.json`), JSON.stringify(spec, null, 2));
    },
    host: name => ({ TIDEMARK_HOME: join(folder, `home-${name}`) }),
    worker: (extra, script = FAULT_WORKER) => startWorkerProcess({ ...env, ...extra }, folder, script),
    query: sql => queryFile(duckdb, sql),
  };
}

const FAULT_WORKER = join(__dirname, "fault-worker.ts");

async function startWorkerProcess(
  env: NodeJS.ProcessEnv,
  cwd: string,
  script: string,
): Promise<WorkerProcess> {
  const child = spawn(process.execPath, ["--import", pathToFileURL(require.resolve("tsx")).href, script], {
    cwd,
    env: { ...env, NODE_PATH: join(REPOSITORY, "node_modules") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = new Promise<NodeJS.Signals | number | null>(done => {
    child.once("exit", (code, signal) => done(signal ?? code));
  });
  await new Promise<void>((up, fail) => {
    let said = "";
    child.stderr!.on("data", data => {
      said += data;
    });
    child.stdout!.on("data", data => String(data).includes("Ready") && up());
    child.once("exit", code => fail(new Error(`the worker ended with ${code}: ${said}`)));
  });
  return {
    child,
    ended,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
      await ended;
    },
  };
}

export async function queryFile(path: string, sql: string): Promise<{ [column: string]: unknown }[]> {
  const instance = await DuckDBInstance.create(path, { access_mode: "READ_ONLY" });
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql)).getRowObjectsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
