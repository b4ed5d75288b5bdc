/**
 * `npm run bench`: 200,000 nested JSON documents over HTTP, merged into DuckDB: Tidemark beside dlt with parquet, in one
 * run, in turn. Reported: whole process, and on a running worker; memory of worker + client, the Temporal server apart.
 * Options: --count N, --rounds N, --json FILE.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";
import Table from "cli-table3";
import { toolPaths } from "../src/tools";

const run = promisify(execFile);
const ROOT = join(__dirname, "..");
const BIN = join(ROOT, "bin", "tidemark");
const PAGE_SIZE = 2_000;

interface Measure {
  seconds: number;
  /** Peak resident memory, MB. */
  mb: number;
  serverMb?: number;
}

function option(name: string, otherwise: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
}

async function main(): Promise<void> {
  const count = option("count", 200_000);
  const rounds = option("rounds", 3);
  const python = toolPaths(process.env).parityPython;
  if (python === undefined) throw new Error("dlt's venv is missing: run `npm run setup -- --parity`.");
  const folder = mkdtempSync(join(tmpdir(), "tidemark-bench-"));
  const server = spawn(
    process.execPath,
    ["--import", "tsx", join(__dirname, "serve-documents.ts"), String(count), String(PAGE_SIZE)],
    {
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    },
  );
  try {
    const port = await firstLine(server);
    const baseUrl = `http://127.0.0.1:${port.trim()}`;
    process.stderr.write(`${count} documents, pages of ${PAGE_SIZE}, ${rounds} rounds\n`);
    const results: { [engine: string]: Measure[] } = {
      "dlt, whole process": [],
      "Tidemark, whole process": [],
      "Tidemark, running worker": [],
    };
    for (let round = 0; round < rounds; round++) {
      const at = join(folder, String(round));
      results["dlt, whole process"]!.push(await byDlt(python, baseUrl, at));
      results["Tidemark, whole process"]!.push(await byTidemark(baseUrl, `${at}-whole`));
      results["Tidemark, running worker"]!.push(await byRunningWorker(baseUrl, `${at}-worker`));
      process.stderr.write(
        `round ${round + 1}: ${Object.entries(results)
          .map(([k, v]) => `${k} ${v[round]!.seconds.toFixed(1)} s`)
          .join(", ")}\n`,
      );
      if (round === 0) {
        for (const other of [`${at}-whole`, `${at}-worker`])
          await assertEqual(join(at, "dlt.duckdb"), join(other, "ours.duckdb"));
        process.stderr.write("results are equal\n");
      }
    }
    report(results);
  } finally {
    server.disconnect();
    rmSync(folder, { recursive: true, force: true });
  }
}

function spec(baseUrl: string, folder: string): object {
  return {
    pipeline_name: "bench_orders",
    dataset_name: "bench",
    destination: { type: "duckdb", path: join(folder, "ours.duckdb") },
    source: {
      type: "rest_api",
      name: "bench",
      client: { base_url: baseUrl },
      resources: [
        {
          name: "orders",
          primary_key: "id",
          write_disposition: "merge",
          endpoint: {
            path: "orders",
            data_selector: "data",
            paginator: { type: "page_number", base_page: 0, total_path: null },
          },
        },
      ],
    },
  };
}

async function byDlt(python: string, baseUrl: string, folder: string): Promise<Measure> {
  await run("mkdir", ["-p", folder]);
  const start = performance.now();
  const { stdout } = await run(
    python,
    [
      join(__dirname, "dlt_orders.py"),
      baseUrl,
      join(folder, "dlt.duckdb"),
      join(folder, "dlt"),
      String(PAGE_SIZE),
    ],
    {
      env: { ...process.env, RUNTIME__DLTHUB_TELEMETRY: "false", RUNTIME__LOG_LEVEL: "ERROR" },
      maxBuffer: 1 << 26,
    },
  );
  return { seconds: (performance.now() - start) / 1000, mb: Number(stdout.trim().split("\n").at(-1)) / 1024 };
}

function tidemarkEnv(folder: string): NodeJS.ProcessEnv {
  return {
    ...process.env,
    TIDEMARK_HOME: join(folder, "home"),
    TIDEMARK_TEMPORAL_PORT: "0",
    TIDEMARK_UI_PORT: "0",
  };
}

async function byTidemark(baseUrl: string, folder: string): Promise<Measure> {
  await run("mkdir", ["-p", folder]);
  writeFileSync(join(folder, "spec.json"), JSON.stringify(spec(baseUrl, folder)));
  const start = performance.now();
  const child = spawn(BIN, ["run", join(folder, "spec.json"), "--json"], {
    env: tidemarkEnv(folder),
    stdio: ["ignore", "ignore", "inherit"],
    cwd: ROOT,
  });
  const peak = watchMemory([child.pid!]);
  await ended(child);
  return { seconds: (performance.now() - start) / 1000, mb: peak.stop() };
}

/** Worker and server are up; what counts is a client's start of the run to its result. */
async function byRunningWorker(baseUrl: string, folder: string): Promise<Measure> {
  await run("mkdir", ["-p", folder]);
  writeFileSync(join(folder, "spec.json"), JSON.stringify(spec(baseUrl, folder)));
  const env = tidemarkEnv(folder);
  const dev = spawn(BIN, ["dev"], { env, stdio: ["ignore", "pipe", "inherit"], cwd: ROOT });
  try {
    await untilSays(dev, "Ready");
    const start = performance.now();
    const client = spawn(BIN, ["run", join(folder, "spec.json"), "--json"], {
      env,
      stdio: ["ignore", "ignore", "inherit"],
      cwd: ROOT,
    });
    const peak = watchMemory([client.pid!, dev.pid!]);
    await ended(client);
    const seconds = (performance.now() - start) / 1000;
    const serverPid = JSON.parse(readFileSync(join(folder, "home", "temporal", "server.json"), "utf8"))
      .pid as number;
    return { seconds, mb: peak.stop(), serverMb: peakOf(serverPid) };
  } finally {
    dev.kill("SIGINT");
    await ended(dev).catch(() => {});
  }
}

/** Sum of the peaks of these processes and their children (Linux: VmHWM). */
function watchMemory(pids: number[]): { stop(): number } {
  const peaks = new Map<number, number>();
  const look = () => {
    for (const pid of pids.flatMap(one => [one, ...childrenOf(one)])) {
      const name = nameOf(pid);
      if (name !== "temporal") peaks.set(pid, Math.max(peaks.get(pid) ?? 0, peakOf(pid)));
    }
  };
  const timer = setInterval(look, 100);
  look();
  return {
    stop() {
      clearInterval(timer);
      return [...peaks.values()].reduce((a, b) => a + b, 0);
    },
  };
}

function peakOf(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8").trim();
  } catch {
    return "";
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap(task =>
      readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").split(" ").filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

/** Every table, every value but row and load ids. */
async function assertEqual(dlt: string, ours: string): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(`ATTACH '${dlt}' AS theirs (READ_ONLY); ATTACH '${ours}' AS ours (READ_ONLY)`);
  for (const [table, without] of [
    ["orders", "_dlt_id, _dlt_load_id"],
    ["orders__lines", "_dlt_id, _dlt_parent_id, _dlt_root_id"],
  ] as const) {
    const select = (side: string) => `SELECT * EXCLUDE (${without}) FROM ${side}.bench.${table}`;
    const reader = await connection.runAndReadAll(
      `SELECT (SELECT count(*) FROM theirs.bench.${table}) AS rows,
              (SELECT count(*) FROM (${select("theirs")} EXCEPT ALL ${select("ours")})) AS missing,
              (SELECT count(*) FROM (${select("ours")} EXCEPT ALL ${select("theirs")})) AS extra`,
    );
    const row = reader.getRowObjectsJson()[0]!;
    if (row.missing !== "0" || row.extra !== "0" || row.rows === "0")
      throw new Error(`${table} differs: ${JSON.stringify(row)}`);
  }
  connection.closeSync();
  instance.closeSync();
}

function report(results: { [engine: string]: Measure[] }): void {
  const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
  const rows = Object.entries(results).map(([engine, measures]) => ({
    engine,
    seconds: median(measures.map(m => m.seconds)),
    mb: median(measures.map(m => m.mb)),
    serverMb: median(measures.map(m => m.serverMb ?? 0)),
  }));
  const dlt = rows[0]!;
  const table = new Table({
    head: [
      "engine",
      "seconds (median)",
      "times dlt's speed",
      "peak MB",
      "of dlt's memory",
      "Temporal server MB",
    ],
  });
  for (const row of rows) {
    table.push([
      row.engine,
      row.seconds.toFixed(1),
      `${(dlt.seconds / row.seconds).toFixed(1)}x`,
      row.mb.toFixed(0),
      `${((row.mb / dlt.mb) * 100).toFixed(0)}%`,
      row.serverMb ? row.serverMb.toFixed(0) : "",
    ]);
  }
  process.stdout.write(`${table.toString()}\n`);
  const at = process.argv.indexOf("--json");
  if (at > 0) writeFileSync(process.argv[at + 1]!, JSON.stringify(rows, null, 2));
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((done, fail) => {
    child.once("exit", code => fail(new Error(`exited with ${code}`)));
    child.stdout!.once("data", data => done(String(data)));
  });
}

function untilSays(child: ChildProcess, text: string): Promise<void> {
  return new Promise((done, fail) => {
    let said = "";
    child.once("exit", code => fail(new Error(`exited with ${code}: ${said}`)));
    child.stdout!.on("data", data => {
      said += data;
      if (said.includes(text)) done();
    });
  });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((done, fail) => {
    if (child.exitCode !== null)
      return child.exitCode === 0 ? done() : fail(new Error(`exited with ${child.exitCode}`));
    child.once("exit", code => (code === 0 ? done() : fail(new Error(`exited with ${code}`))));
  });
}

main().then(
  () => process.exit(0),
  error => {
    console.error(error);
    process.exit(1);
  },
);
