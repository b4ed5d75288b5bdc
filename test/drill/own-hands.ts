/** Faults that need parts which the drill itself starts: servers, a proxy, disks, clocks, dbt. */
import { execFile } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { DrillHost } from "../../src/drill/hosts";
import { type Hands, OPERATOR } from "../../src/drill/operator";
import type { Misdeed } from "./api";
import type { Lane } from "./lane";

const REPOSITORY = join(__dirname, "..", "..");
const HOUR_MS = 3_600_000;
/** A proxy that nobody asks any more behaves again after this long. */
const PROXY_MS = 8_000;

export function ownHands(lane: Lane, pipeline: string): Hands {
  return {
    ...OPERATOR,

    async restart_server(fault) {
      await lane.killServer();
      await delay(fault.seconds * 1000);
      await lane.startServer();
    },

    async restart_database(fault) {
      await lane.stopPostgres();
      await delay(fault.seconds * 1000);
      await lane.postgres();
    },

    async bad_proxy(fault) {
      lane.proxy.misbehave(fault.how as Misdeed, fault.requests ?? 1);
      for (const end = Date.now() + PROXY_MS; lane.proxy.busy && Date.now() < end; ) await delay(100);
      lane.proxy.behave();
    },

    async disk_full(fault, host) {
      const packages = lane.packagesOf(host);
      const filler = join(packages, ".filler");
      if (lane.hasDisk(host)) fill(filler);
      else host.tell({ disk_full: packages });
      await delay(fault.seconds * 1000);
      rmSync(filler, { force: true });
      if (!lane.hasDisk(host)) host.tell({ disk_full: null });
    },

    async clock_jump(fault, host, scene) {
      host.tell({ clock: fault.how === "back" ? -HOUR_MS : HOUR_MS });
      // Wrong until the next run begins: what was written under it stays.
      scene.later(async () => host.tell({ clock: 0 }));
    },

    async kill_dbt() {
      for (const end = Date.now() + 5_000; Date.now() < end; await delay(20)) {
        const found = lane.hosts.flatMap(dbtOf);
        if (found.length === 0) continue;
        for (const pid of found) kill(pid);
        return;
      }
      throw new Error("no dbt was running");
    },

    async abort_packages(_fault, host) {
      await abortPackages(lane, host, pipeline);
    },
  };
}

/** It may wait for a load that is under way. */
const ABORT_MS = 180_000;

/** As an operator does it; that it refuses is an answer too. */
function abortPackages(lane: Lane, host: DrillHost, pipeline: string): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [join(REPOSITORY, "bin", "tidemark"), "abort-packages", pipeline],
      { cwd: lane.folder, env: host.command.env, timeout: ABORT_MS },
      (error, _out, said) => {
        // A coded sentence ends with its code in brackets.
        if (error === null || /\([A-Z_]+\)\s*$/.test(said)) resolve();
        else reject(new Error(`abort-packages: ${said.slice(-300)}`));
      },
    );
  });
}

function fill(path: string): void {
  const file = openSync(path, "w");
  const block = Buffer.alloc(64 * 1024);
  try {
    for (;;) writeSync(file, block);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
}

/** Process numbers of dbt below a host. */
function dbtOf(host: DrillHost): number[] {
  if (host.pid === undefined) return [];
  return readdirSync("/proc")
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => parentOf(pid) === host.pid && /dbt/.test(commandLine(pid)));
}

function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    return undefined;
  }
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}
