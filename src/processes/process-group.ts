/**
 * A child process in a group of its own, with a record on disk by which the next attempt finds and ends what a killed
 * worker left behind. A process number alone proves nothing: it may have been given away since. So the record holds
 * the start time too, and the boot it was taken in.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";

const record = z.object({
  host: z.string(),
  boot: z.string(),
  pid: z.number().int().positive(),
  started: z.string(),
});

/** Linux on the processors that we know; larger pages only make the sum too small. */
const PAGE_BYTES = 4096;

export interface GroupProcess {
  child: ChildProcess;
  /** Bytes that all processes of the group have in memory; undefined where the system does not say. */
  memory(): number | undefined;
  /** Signal the whole group; no error where it is gone. */
  kill(signal: NodeJS.Signals): void;
  /** Call when the process has ended. */
  forget(): void;
}

/** Starts `file` without a shell as leader of its own group. Rejects as spawn does (ENOENT, EACCES). */
export async function startGroup(
  file: string,
  args: string[],
  options: {
    env: Record<string, string>;
    cwd: string;
    /** Where it is recorded. */
    recordPath?: string;
    /** Default: standard output and standard error. */
    fds?: ("ignore" | "pipe")[];
  },
): Promise<GroupProcess> {
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: options.env,
    detached: true,
    stdio: options.fds ?? ["ignore", "pipe", "pipe"],
  });
  const pid = child.pid;
  const { recordPath } = options;
  const forget = pid === undefined || recordPath === undefined ? () => {} : recordGroup(recordPath, pid);
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  // After the start, "error" only says that a signal could not be sent; "close" tells the rest.
  child.on("error", () => {});
  return {
    child,
    memory: () => (pid === undefined ? undefined : groupMemory(pid)),
    kill: signal => void (pid !== undefined && killGroup(pid, signal)),
    forget,
  };
}

/** Records a group; to be forgotten when what it was recorded for has ended. */
export function recordGroup(path: string, pid: number): () => void {
  writeRecord(path, pid);
  return () => rmSync(path, { force: true });
}

/**
 * Ends the process that an earlier attempt recorded, if it is still the same one: SIGINT, and SIGKILL after
 * `graceMs`. Returns its process number, or undefined where nothing was left.
 */
export async function endLeftBehind(recordPath: string, graceMs: number): Promise<number | undefined> {
  const left = readRecord(recordPath);
  if (left === undefined) return undefined;
  if (left.host !== hostname() || left.boot !== bootId() || !isOurs(left)) {
    rmSync(recordPath, { force: true });
    return undefined;
  }
  killGroup(left.pid, "SIGINT");
  if (!(await goneWithin(left.pid, graceMs))) {
    killGroup(left.pid, "SIGKILL");
    await goneWithin(left.pid, 5_000);
  }
  rmSync(recordPath, { force: true });
  return left.pid;
}

/** The leader is the one we started, or it is gone and its group lives on (a number in use as a group is not given away). */
function isOurs(left: z.infer<typeof record>): boolean {
  const started = startTime(left.pid);
  return started === undefined ? groupLives(left.pid) : started === left.started;
}

async function goneWithin(pid: number, ms: number): Promise<boolean> {
  for (const end = performance.now() + ms; ; await sleep(50)) {
    if (!groupLives(pid)) return true;
    if (performance.now() >= end) return false;
  }
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** A group of zombies only, which nobody will reap in a container without init, counts as gone. */
function groupLives(pid: number): boolean {
  try {
    process.kill(-pid, 0);
  } catch {
    return false;
  }
  return state(pid) !== "Z";
}

function writeRecord(path: string, pid: number): void {
  const started = startTime(pid);
  if (started === undefined) return;
  const written = `${path}.new`;
  writeFileSync(written, JSON.stringify({ host: hostname(), boot: bootId(), pid, started }));
  renameSync(written, path);
}

function readRecord(path: string): z.infer<typeof record> | undefined {
  try {
    return record.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return undefined;
  }
}

/** Fields of /proc/PID/stat after the name, which may itself hold blanks and brackets. */
function procStat(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

/** Linux only: resident pages of every process of the group. Pages that several share are counted for each. */
function groupMemory(group: number): number | undefined {
  if (process.platform !== "linux") return undefined;
  let pages = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const fields = procStat(Number(name));
    if (fields !== undefined && Number(fields[2]) === group) pages += Number(fields[21]);
  }
  return pages * PAGE_BYTES;
}

function state(pid: number): string | undefined {
  return procStat(pid)?.[0];
}

/** Linux: ticks since boot. Elsewhere: what `ps` says. */
function startTime(pid: number): string | undefined {
  const fields = procStat(pid);
  if (fields !== undefined) return fields[19];
  if (process.platform === "linux") return undefined;
  try {
    return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim() || undefined;
  } catch {
    return undefined;
  }
}

function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}
