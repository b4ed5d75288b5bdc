/**
 * The local Temporal dev server of the embedded default: started when there is none, reused when there is, stopped by
 * the last process of this project that uses it. Its database file keeps histories, schedules and cursors.
 */
import { spawn } from "node:child_process";
import { mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Connection } from "@temporalio/client";
import type { Config } from "./config";
import { TidemarkError } from "./pipeline/errors";
import { SEARCH_ATTRIBUTE_TYPES, SEARCH_ATTRIBUTES } from "./pipeline/search-attributes";
import { toolPaths } from "./tools";

/**
 * The dev server keeps all histories in one shard, and may read that shard's queue of tasks 20 times a second by default:
 * from its second second on, each step of a run would wait for 50 ms. A 20-row run takes 0.6 s so, 1.15 s without.
 */
export const DEV_SERVER_OPTIONS = ["--dynamic-config-value", "history.transferProcessorMaxPollRPS=1000"];

export interface DevServer {
  address: string;
  uiUrl: string;
  /** This call started it. */
  started: boolean;
  /** Leaves the server: stops it unless other processes of this project use it, or `keep`. */
  leave(options?: { keep?: boolean }): Promise<void>;
}

interface Record_ {
  pid: number;
  address: string;
  uiUrl: string;
}

/** Names the worker that stays (dev, worker) below the project's home. */
export const WORKER_RECORD = "worker.json";
const START_TIMEOUT_MS = 30_000;

/**
 * @throws TidemarkError DESTINATION_UNAVAILABLE when the server does not come up; the signal's reason when aborted,
 *   after the server that was starting has ended
 */
export async function useDevServer(config: Config, signal?: AbortSignal): Promise<DevServer> {
  const folder = join(config.home, "temporal");
  const users = join(folder, "users");
  mkdirSync(users, { recursive: true });
  const recordFile = join(folder, "server.json");
  const user = join(users, String(process.pid));
  writeFileSync(user, "");
  const running = readRecord(recordFile);
  let record: Record_;
  let started = false;
  if (running !== undefined && isAlive(running.pid) && (await answers(running.address, 5_000))) {
    record = running;
  } else {
    record = await start(config, folder, signal);
    writeFileSync(recordFile, JSON.stringify(record));
    started = true;
  }
  return {
    address: record.address,
    uiUrl: record.uiUrl,
    started,
    async leave({ keep = false } = {}) {
      rmSync(user, { force: true });
      if (keep || otherUsers(users)) return;
      await stop(record.pid);
      rmSync(recordFile, { force: true });
    },
  };
}

/** Address of this project's server when its process lives; nothing is started. */
export function runningDevServer(config: Config): string | undefined {
  const running = readRecord(join(config.home, "temporal", "server.json"));
  return running !== undefined && isAlive(running.pid) ? running.address : undefined;
}

async function start(config: Config, folder: string, signal: AbortSignal | undefined): Promise<Record_> {
  const temporal = toolPaths(config.env).temporal;
  if (temporal === undefined) {
    throw new TidemarkError(
      "DESTINATION_UNAVAILABLE",
      "There is no Temporal server: set TEMPORAL_ADDRESS to yours, or run `npm run setup`, which finds or builds the `temporal` command.",
    );
  }
  const port = await freePort(config.devServerPort);
  const uiPort = await freePort(config.devServerUiPort);
  const logFile = join(folder, "server.log");
  const log = openSync(logFile, "a");
  const child = spawn(
    temporal,
    [
      ...["server", "start-dev", "--ip", "127.0.0.1", "--port", String(port), "--ui-port", String(uiPort)],
      ...["--db-filename", join(folder, "temporal.db"), "--log-level", "error"],
      ...DEV_SERVER_OPTIONS,
    ],
    // Its own process group: Ctrl-C in the terminal must reach us, not the server that we need for a clean end.
    { detached: true, stdio: ["ignore", log, log] },
  );
  child.unref();
  const address = `127.0.0.1:${port}`;
  const deadline = performance.now() + START_TIMEOUT_MS;
  let exited = false;
  child.once("exit", () => {
    exited = true;
  });
  while (!(await answers(address, 1_000))) {
    if (exited || signal?.aborted || performance.now() > deadline) {
      if (!exited) await stop(child.pid!);
      signal?.throwIfAborted();
      throw new TidemarkError(
        "DESTINATION_UNAVAILABLE",
        `The Temporal dev server did not start; its log is ${logFile}.`,
      );
    }
    await delay(100);
  }
  await registerSearchAttributes(address);
  return { pid: child.pid!, address, uiUrl: `http://127.0.0.1:${uiPort}` };
}

/** Its option `--search-attribute` is for a new database only; this is for one of before too, and may be repeated. */
async function registerSearchAttributes(address: string): Promise<void> {
  const connection = await Connection.connect({ address });
  try {
    await connection.operatorService.addSearchAttributes({
      namespace: "default",
      searchAttributes: Object.fromEntries(
        Object.entries(SEARCH_ATTRIBUTES).map(([name, type]) => [name, SEARCH_ATTRIBUTE_TYPES[type]]),
      ),
    });
  } finally {
    await connection.close();
  }
}

async function answers(address: string, timeoutMs: number): Promise<boolean> {
  try {
    const connection = await Connection.connect({ address, connectTimeout: timeoutMs });
    try {
      await connection.withDeadline(Date.now() + timeoutMs, () =>
        connection.workflowService.describeNamespace({ namespace: "default" }),
      );
      return true;
    } finally {
      await connection.close();
    }
  } catch {
    return false;
  }
}

async function stop(pid: number): Promise<void> {
  for (const signal of ["SIGINT", "SIGKILL"] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return;
    }
    const deadline = performance.now() + 10_000;
    while (performance.now() < deadline) {
      if (!isAlive(pid)) return;
      await delay(50);
    }
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie still answers signals; its command line is empty.
    return !/^\d+ \(.*\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch (error) {
    return (error as { code?: string }).code === "ENOENT" && process.platform !== "linux";
  }
}

function otherUsers(folder: string): boolean {
  return readdirSync(folder).some(name => {
    if (isAlive(Number(name))) return true;
    rmSync(join(folder, name), { force: true });
    return false;
  });
}

function readRecord(file: string): Record_ | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Record_;
  } catch {
    return undefined;
  }
}

/** The wanted port when it is free, else any free one; 0 means any. */
export async function freePort(wanted: number): Promise<number> {
  for (const port of wanted === 0 ? [0] : [wanted, 0]) {
    const found = await new Promise<number | undefined>(done => {
      const server = createServer();
      server.once("error", () => done(undefined));
      server.listen(port, "127.0.0.1", () => {
        const address = server.address();
        server.close(() => done(typeof address === "object" && address !== null ? address.port : undefined));
      });
    });
    if (found !== undefined) return found;
  }
  throw new TidemarkError("DESTINATION_UNAVAILABLE", "No free port on 127.0.0.1.");
}
