/** Run folders hold dbt's artifacts and logs, some megabytes a run: only those of the last runs are kept. */
import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

/** Runs of a pipeline whose folder is kept. */
export const RUNS_KEPT = 20;
/** A run may wait this long for something (a file, a review) without touching its folder. */
const AT_WORK_MS = 24 * 3600 * 1000;
/** However young: a pipeline that runs every minute leaves no more than this. */
const MOST_RUNS = 200;

/** @param current the run that is at work now */
export function pruneRuns(folder: string, current: string, now: number = Date.now()): void {
  let runs: { name: string; at: number }[];
  try {
    runs = readdirSync(folder)
      .filter(name => name !== current)
      .map(name => ({ name, at: statSync(join(folder, name)).mtimeMs }))
      .sort((a, b) => b.at - a.at);
  } catch {
    return;
  }
  for (const [place, { name, at }] of runs.entries()) {
    const old = place >= RUNS_KEPT && now - at > AT_WORK_MS;
    if (old || place >= MOST_RUNS) rmSync(join(folder, name), { recursive: true, force: true });
  }
}
