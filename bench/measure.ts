/** What the benchmarks share: ours as whole process and on a running worker, memory, the table of ratios. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import Table from "cli-table3";
import { toolPaths } from "../src/tools";

const run = promisify(execFile);
const ROOT = join(__dirname, "..");
const BIN = join(ROOT, "bin", "tidemark");

export interface Measure {
  seconds: number;
  /** Peak resident memory, MB. */
  mb: number;
  serverMb?: number;
  /** Seconds of the load's steps, as the engine tells them. */
  steps?: { [step: string]: number };
}

export function option(name: string, otherwise: number): number {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
}

function tidemarkEnv(folder: string, more: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    ...process.env,
    ...more,
    TIDEMARK_HOME: join(folder, "home"),
    TIDEMARK_TEMPORAL_PORT: "0",
    TIDEMARK_UI_PORT: "0",
  };
}

/** Start of the process to its end: server, worker and client are started for this run. */
export async function byWholeProcess(
  spec: object,
  folder: string,
  env: NodeJS.ProcessEnv = {},
): Promise<Measure> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "spec.json"), JSON.stringify(spec));
  const start = performance.now();
  const child = spawn(BIN, ["run", join(folder, "spec.json"), "--json"], {
    env: tidemarkEnv(folder, env),
    stdio: ["ignore", "pipe", "inherit"],
    cwd: ROOT,
  });
  const said = all(child);
  const peak = watchMemory([child.pid!]);
  await ended(child);
  return { seconds: (performance.now() - start) / 1000, mb: peak.stop(), ...stepsIn(await said) };
}

async function all(child: ChildProcess): Promise<string> {
  let text = "";
  for await (const data of child.stdout!) text += data;
  return text;
}

/** Of the JSON that `tidemark run --json` prints. */
function stepsIn(said: string): { steps?: Measure["steps"] } {
  const { load } = JSON.parse(said || "{}") as { load?: { seconds: Measure["steps"] } };
  return load === undefined ? {} : { steps: load.seconds };
}

/** Who starts the run: Temporal's own command line, as the README shows it, or ours. */
export type ClientProgram = "temporal" | "tidemark";

/** Worker and server are up; what counts is from the start of the client's process, which starts the run, to its end. */
export async function byRunningWorker(
  spec: object,
  folder: string,
  by: ClientProgram,
  more: NodeJS.ProcessEnv = {},
): Promise<Measure> {
  mkdirSync(folder, { recursive: true });
  const specFile = join(folder, "spec.json");
  writeFileSync(specFile, JSON.stringify(spec));
  const worker = await startWorker(folder, more);
  try {
    const start = performance.now();
    const client = worker.run(specFile, by, "bench");
    const said = all(client);
    const peak = watchMemory([client.pid!, worker.pid]);
    await ended(client);
    const seconds = (performance.now() - start) / 1000;
    const steps = by === "tidemark" ? stepsIn(await said) : {};
    return { seconds, mb: peak.stop(), serverMb: peakOf(worker.serverPid), ...steps };
  } finally {
    await worker.stop();
  }
}

export interface RunningWorker {
  pid: number;
  serverPid: number;
  /** The client's process, whose end is the run's. */
  run(specFile: string, by: ClientProgram, workflowId: string): ChildProcess;
  stop(): Promise<void>;
}

/** `tidemark dev` in this folder: a server and a worker. */
export async function startWorker(folder: string, more: NodeJS.ProcessEnv = {}): Promise<RunningWorker> {
  const env = tidemarkEnv(folder, more);
  const dev = spawn(BIN, ["dev"], { env, stdio: ["ignore", "pipe", "inherit"], cwd: ROOT });
  await untilSays(dev, "Ready");
  const server = JSON.parse(readFileSync(join(folder, "home", "temporal", "server.json"), "utf8")) as {
    pid: number;
    address: string;
  };
  return {
    pid: dev.pid!,
    serverPid: server.pid,
    run(specFile, by, workflowId) {
      const [program, args] =
        by === "tidemark"
          ? [BIN, ["run", specFile, "--json"]]
          : executeWorkflow(specFile, server.address, workflowId);
      return spawn(program, args, { env, stdio: ["ignore", "pipe", "inherit"], cwd: ROOT });
    },
    async stop() {
      dev.kill("SIGINT");
      await ended(dev).catch(() => {});
    },
  };
}

/** Starts the workflow and waits for its result; a failed run is a failed command. */
function executeWorkflow(
  specFile: string,
  address: string,
  workflowId: string,
): [program: string, args: string[]] {
  const program = toolPaths(process.env).temporal;
  if (program === undefined) throw new Error("The `temporal` command is missing: run `npm run setup`.");
  return [
    program,
    [
      ...["workflow", "execute", "--address", address, "--type", "pipeline", "--task-queue", "tidemark"],
      ...["--workflow-id", workflowId, "--input", JSON.stringify({ pipeline: specFile })],
    ],
  ];
}

/** Sum of the peaks of these processes and their children, the Temporal server left out (Linux: VmHWM). */
function watchMemory(pids: number[]): { stop(): number } {
  const peaks = new Map<number, number>();
  const look = () => {
    const children = pids.flatMap(childrenOf).filter(pid => nameOf(pid) !== "temporal");
    for (const pid of [...pids, ...children]) peaks.set(pid, Math.max(peaks.get(pid) ?? 0, peakOf(pid)));
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

/** Prints medians beside the first engine's, and writes them to the file of --json. */
export function report(results: { [engine: string]: Measure[] }): void {
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

/** A dlt program that ends with a line of JSON, `kb` and `steps`: python FILE ARGUMENTS. */
export async function byPython(
  python: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Measure> {
  const start = performance.now();
  const { stdout } = await run(python, [...args], {
    env: { ...process.env, RUNTIME__DLTHUB_TELEMETRY: "false", RUNTIME__LOG_LEVEL: "ERROR", ...env },
    maxBuffer: 1 << 26,
  });
  const seconds = (performance.now() - start) / 1000;
  const { kb, steps } = JSON.parse(stdout.trim().split("\n").at(-1)!) as {
    kb: number;
    steps: Measure["steps"];
  };
  return { seconds, mb: kb / 1024, steps };
}

/** The steps' seconds in the fastest round, and how busy the machine is besides. */
export function reportSteps(results: { [engine: string]: Measure[] }): void {
  const names = ["extract", "normalize", "load"];
  const table = new Table({ head: ["seconds of", ...names] });
  for (const [engine, measures] of Object.entries(results)) {
    const best = [...measures].sort((a, b) => a.seconds - b.seconds)[0]!;
    table.push([engine, ...names.map(name => best.steps?.[name]?.toFixed(1) ?? "")]);
  }
  const [one, , fifteen] = loadavg().map(load => load.toFixed(1));
  process.stdout.write(`${table.toString()}\n`);
  process.stdout.write(
    `${cpus().length} cores; load of the machine: ${one} now, ${fifteen} over 15 minutes\n`,
  );
}

export function firstLine(child: ChildProcess): Promise<string> {
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

export function ended(child: ChildProcess): Promise<void> {
  return new Promise((done, fail) => {
    if (child.exitCode !== null)
      return child.exitCode === 0 ? done() : fail(new Error(`exited with ${child.exitCode}`));
    child.once("exit", code => (code === 0 ? done() : fail(new Error(`exited with ${code}`))));
  });
}
