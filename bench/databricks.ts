/**
 * `npm run bench:databricks`: what a load into Databricks costs in statements, sequential rounds and time, ours beside
 * real dlt on the same stand-in, with 300 ms of latency added to every statement that is sent (a `BEGIN … END` is sent as
 * one; the statements that are then run stand beside it). The read of state and schema is included on both sides. Ours goes through a running worker: from the start of the workflow to its result. dlt is a
 * process per load, as a scheduler starts it, and keeps its working folder between loads; the seconds of its
 * `pipeline.run` alone stand beside it. Medians of several repeats, each into datasets of its own.
 * Options: --latency MS, --repeats N, --only TEXT (a scenario), --trace (each statement, when it began and ended).
 */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Client } from "@temporalio/client";
import Table from "cli-table3";
import { TidemarkClient } from "../src/client";
import { type Config, loadConfig } from "../src/config";
import { connect } from "../src/connect";
import { toolPaths } from "../src/tools";
import { startWorker } from "../src/worker";
import { connectionEnv, specOn } from "../test/support/databricks/connection";
import { type LogEntry, partsOf, type Standin, startStandin } from "../test/support/databricks/standin";
import { option } from "./measure";

interface Scenario {
  name: string;
  tables: number;
  hints: object;
  /** Per load: do rows bring a list, and so a nested table? */
  lists: boolean[];
}

const MERGE = { write_disposition: "merge", primary_key: "id" };
const UPSERT = { write_disposition: { disposition: "merge", strategy: "upsert" }, primary_key: "id" };
const SCENARIOS: Scenario[] = [
  { name: "append", tables: 1, hints: { write_disposition: "append" }, lists: [false, false] },
  { name: "merge with a child", tables: 1, hints: MERGE, lists: [true, true] },
  { name: "upsert with a child", tables: 1, hints: UPSERT, lists: [true, true] },
  { name: "six merge tables with children", tables: 6, hints: MERGE, lists: [true, true] },
];

interface Times {
  seconds: number;
  /** Of dlt: without the start of its process. */
  runSeconds: number;
}

interface Cost extends Times {
  /** As they are sent: a script is one. */
  statements: number;
  /** As the warehouse runs them. */
  parts: number;
  rounds: number;
}

async function main(): Promise<void> {
  const latency = option("latency", 300);
  const repeats = option("repeats", 3);
  const at = process.argv.indexOf("--only");
  const only = at < 0 ? "" : String(process.argv[at + 1]);
  const folder = mkdtempSync(join(tmpdir(), "tidemark-bench-databricks-"));
  const api = await serveRows();
  const standin = await startStandin({ DBX_WARM: "1" });
  Object.assign(process.env, connectionEnv(specOn(standin)), {
    TIDEMARK_HOME: join(folder, "home"),
    TIDEMARK_TEMPORAL_PORT: "0",
    TIDEMARK_UI_PORT: "0",
  });
  const config = loadConfig(folder);
  const connected = await connect(config);
  const worker = await startWorker(config, { address: connected.address, kind: "run" });
  try {
    // Spark's first statements of a kind are slow, and nobody's cost: every scenario runs once before it counts.
    const rows: [string, number, Cost, Cost][] = [];
    for (const scenario of SCENARIOS.filter(one => one.name.includes(only))) {
      const run = (label: string) =>
        both(scenario, label, { api: api.url, folder, standin, config, client: connected.client });
      await standin.control({ latency_ms: 0 });
      await run("warm");
      await standin.control({ latency_ms: latency });
      const counted: [Cost, Cost][][] = [];
      for (let repeat = 1; repeat <= repeats; repeat++) {
        counted.push(await run(`repeat_${repeat}`));
        process.stderr.write(`${scenario.name}, repeat ${repeat}: ${JSON.stringify(counted.at(-1))}\n`);
      }
      for (const load of scenario.lists.keys()) {
        const side = (which: 0 | 1) => medians(counted.map(costs => costs[load]![which]));
        rows.push([scenario.name, load + 1, side(0), side(1)]);
      }
    }
    process.stdout.write(`${tableOf(rows, latency)}\n`);
  } finally {
    await worker.stop();
    await connected.close();
    await standin.stop();
    await api.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Place {
  api: string;
  folder: string;
  standin: Standin;
  config: Config;
  client: Client;
}

function medians(costs: readonly Cost[]): Cost {
  const median = (of: keyof Cost) =>
    costs.map(cost => cost[of]).sort((a, b) => a - b)[Math.floor(costs.length / 2)]!;
  return {
    statements: median("statements"),
    parts: median("parts"),
    rounds: median("rounds"),
    seconds: median("seconds"),
    runSeconds: median("runSeconds"),
  };
}

/** dlt, then ours, load by load, each into a dataset of its own. */
async function both(scenario: Scenario, label: string, place: Place): Promise<[Cost, Cost][]> {
  const name = `${scenario.name.replaceAll(" ", "_")}_${label}`;
  const costs: [Cost, Cost][] = [];
  for (const [load, lists] of scenario.lists.entries()) {
    const source = sourceOf(scenario, place.api, load, lists);
    const dlt = await costOf(place.standin, () => byDlt(name, source, place));
    const ours = await costOf(place.standin, () => byOurs(name, source, place));
    costs.push([dlt, ours]);
  }
  return costs;
}

function sourceOf(scenario: Scenario, api: string, load: number, lists: boolean): object {
  const tables = Array.from({ length: scenario.tables }, (_, i) => `t${i}`);
  return {
    client: { base_url: api },
    resources: tables.map(table => ({
      name: table,
      ...scenario.hints,
      endpoint: { path: `rows/${load}/${lists}`, paginator: "single_page" },
    })),
  };
}

async function byDlt(name: string, source: object, { folder, standin }: Place): Promise<Times> {
  const file = join(folder, `${name}.json`);
  const config = {
    pipelines_dir: join(folder, `dlt-${name}`),
    dataset: `dlt_${name}`,
    source,
    credentials: {
      server_hostname: standin.host,
      http_path: standin.http_path,
      access_token: standin.token,
      catalog: standin.catalog,
      connection_parameters: {
        _port: standin.port,
        _tls_trusted_ca_file: standin.ca,
        enable_telemetry: false,
      },
    },
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  const python = toolPaths(process.env).parityDatabricksPython;
  if (python === undefined) throw new Error("dlt's venv is missing: run this by `npm run bench:databricks`.");
  const started = performance.now();
  const { stdout } = await promisify(execFile)(python, [join(__dirname, "dlt_databricks.py"), file], {
    cwd: folder,
    // dlt's Databricks SDK takes DATABRICKS_… for its own and looks for a workspace at port 443 of that host
    env: {
      ...Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(DATABRICKS|DLT)_/.test(key))),
      RUNTIME__DLTHUB_TELEMETRY: "false",
      RUNTIME__LOG_LEVEL: "ERROR",
    },
  });
  return { seconds: secondsSince(started), runSeconds: Number(stdout.trim().split("\n").at(-1)) };
}

async function byOurs(name: string, source: object, { folder, config, client }: Place): Promise<Times> {
  const pipelines = join(folder, "pipelines");
  mkdirSync(pipelines, { recursive: true });
  const file = join(pipelines, `${name}.json`);
  const spec = {
    pipeline_name: name,
    dataset_name: `ours_${name}`,
    source: { type: "rest_api", name: "bench", ...source },
  };
  writeFileSync(file, JSON.stringify(spec));
  const started = performance.now();
  const { handle } = await new TidemarkClient(client, { taskQueue: config.taskQueue }).start(
    { pipeline: file },
    { name, allowUnserved: true },
  );
  await handle.result();
  const seconds = secondsSince(started);
  return { seconds, runSeconds: seconds };
}

const secondsSince = (start: number): number => (performance.now() - start) / 1000;

async function costOf(standin: Standin, work: () => Promise<Times>): Promise<Cost> {
  await standin.mark();
  const began = Date.now() / 1000;
  const times = await work();
  const log = await standin.log();
  if (process.argv.includes("--trace")) process.stderr.write(traceOf(log, began, Date.now() / 1000));
  const sent = log.filter(entry => entry.sql !== undefined);
  const parts = sent.reduce((sum, entry) => sum + partsOf(entry.sql!), 0);
  return { statements: sent.length, parts, rounds: roundsOf(sent), ...times };
}

/** Seconds since the work began, for statements, sessions, files and other calls. */
function traceOf(log: readonly LogEntry[], began: number, ended: number): string {
  const at = (time: number | undefined) => (time === undefined ? "" : (time - began).toFixed(2)).padStart(6);
  const lines = [...log]
    .sort((a, b) => a.t0 - b.t0)
    .map(entry => {
      const what =
        entry.sql?.replace(/\s+/g, " ").slice(0, 110) ?? JSON.stringify({ ...entry, t0: undefined });
      return `${at(entry.t0)} ${at(entry.t1)} ${what}\n`;
    });
  return `${lines.join("")}${at(ended)} end\n\n`;
}

/** The most statements of which none began before another had ended: those that had to wait for one another. */
function roundsOf(entries: readonly LogEntry[]): number {
  let rounds = 0;
  let end = 0;
  for (const entry of [...entries].sort((a, b) => (a.t1 ?? 0) - (b.t1 ?? 0))) {
    if (entry.t0 < end) continue;
    rounds += 1;
    end = entry.t1 ?? entry.t0;
  }
  return rounds;
}

function tableOf(rows: readonly [string, number, Cost, Cost][], latency: number): string {
  const table = new Table({
    head: [
      "scenario",
      "load",
      "statements sent",
      "run",
      "rounds",
      `seconds at ${latency} ms`,
      "faster",
      "dlt's run() alone",
    ],
    colAligns: ["left", "right", "right", "right", "right", "right", "right", "right"],
    style: { head: [], border: [] },
  });
  const pair = (dlt: number, ours: number, digits = 0) => `${dlt.toFixed(digits)} → ${ours.toFixed(digits)}`;
  for (const [name, load, dlt, ours] of rows) {
    table.push([
      name,
      load,
      pair(dlt.statements, ours.statements),
      pair(dlt.parts, ours.parts),
      pair(dlt.rounds, ours.rounds),
      pair(dlt.seconds, ours.seconds, 1),
      `${(dlt.seconds / ours.seconds).toFixed(1)}×`,
      `${dlt.runSeconds.toFixed(1)}: ${(dlt.runSeconds / ours.seconds).toFixed(1)}×`,
    ]);
  }
  return `dlt → Tidemark, the same rows into the same stand-in\n${table.toString()}`;
}

/** Three rows for `rows/<load>/<with a list>`; each load moves on by one. */
async function serveRows(): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const [, , load, lists] = request.url!.split("/");
    const rows = [1, 2, 3].map(id => ({
      id: id + Number(load),
      v: "text",
      ...(lists === "true" ? { l: [{ value: id }, { value: id + 1 }] } : {}),
    }));
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(rows));
  });
  await new Promise<void>(up => server.listen(0, "127.0.0.1", up));
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}/`,
    close: () => new Promise(done => server.close(() => done())),
  };
}

main().then(
  () => process.exit(0),
  error => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
