/**
 * The attempts of one dbt step, each in its own folder under the step's state folder, so that an attempt that died
 * can be judged by what it left: `attempts/0001/{attempt.json, exit.json, output.log, target/, logs/}`.
 */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { mergeRunResults, type RunResults, readRunResults } from "./artifacts";

export type AttemptKind = "full" | "retry";

export interface AttemptFolder {
  folder: string;
  target: string;
  log: string;
  output: string;
}

export interface Attempt extends AttemptFolder {
  kind: AttemptKind;
  /** dbt came to its own end (exit code 0 or 1). */
  ended: boolean;
  results: RunResults | undefined;
}

export interface Progress {
  /** The newest attempt with results: the state of a `dbt retry`. */
  last: Attempt;
  /** All attempts since the last full build as one. */
  merged: RunResults;
}

export function newAttempt(stateDir: string, kind: AttemptKind): AttemptFolder {
  const root = join(stateDir, "attempts");
  mkdirSync(root, { recursive: true });
  const next = Math.max(0, ...numbers(root)) + 1;
  const attempt = folders(join(root, String(next).padStart(4, "0")));
  mkdirSync(attempt.target, { recursive: true });
  mkdirSync(attempt.log, { recursive: true });
  writeFileSync(join(attempt.folder, "attempt.json"), JSON.stringify({ kind }));
  return attempt;
}

export function recordExit(attempt: AttemptFolder, code: number | null): void {
  writeFileSync(join(attempt.folder, "exit.json"), JSON.stringify({ code }));
}

/** A word that attempts of one step leave each other. */
export function remember(stateDir: string, name: string, value: unknown): void {
  const path = join(stateDir, `${name}.json`);
  writeFileSync(`${path}.new`, JSON.stringify(value));
  renameSync(`${path}.new`, path);
}

export function remembered<T>(stateDir: string, name: string): T | undefined {
  const path = join(stateDir, `${name}.json`);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as T) : undefined;
}

/** What earlier attempts of this step came to; undefined where none left results that can be read. */
export function earlierProgress(stateDir: string): Progress | undefined {
  const root = join(stateDir, "attempts");
  if (!existsSync(root)) return undefined;
  let progress: Progress | undefined;
  for (const number of numbers(root).sort((a, b) => a - b)) {
    const last = readAttempt(join(root, String(number).padStart(4, "0")));
    if (last?.results === undefined) continue;
    const merged =
      last.kind === "retry" && progress !== undefined
        ? mergeRunResults(progress.merged, last.results)
        : last.results;
    progress = { last, merged };
  }
  return progress;
}

/** Puts the step's final artifacts where they stay: `<stateDir>/run_results.json` and `manifest.json`. */
export function publish(stateDir: string, merged: RunResults, attempt: AttemptFolder): string {
  const path = join(stateDir, "run_results.json");
  writeFileSync(path, JSON.stringify(merged));
  copyFileSync(join(attempt.target, "manifest.json"), join(stateDir, "manifest.json"));
  return path;
}

/**
 * `target/manifest.json` in the project, where editors (dbt Power User and others) look for it, as a dbt by hand leaves it.
 * A project that cannot be written to, as in an image, does without.
 */
export function leaveForEditors(projectDir: string, attempt: AttemptFolder): void {
  const target = join(projectDir, "target");
  const fresh = join(target, `manifest.json.${process.pid}.new`);
  try {
    mkdirSync(target, { recursive: true });
    copyFileSync(join(attempt.target, "manifest.json"), fresh);
    renameSync(fresh, join(target, "manifest.json"));
  } catch {
    rmSync(fresh, { force: true });
  }
}

function numbers(root: string): number[] {
  return readdirSync(root)
    .filter(name => /^\d+$/.test(name))
    .map(Number);
}

function folders(folder: string): AttemptFolder {
  return {
    folder,
    target: join(folder, "target"),
    log: join(folder, "logs"),
    output: join(folder, "output.log"),
  };
}

function readAttempt(folder: string): Attempt | undefined {
  const paths = folders(folder);
  try {
    const { kind } = JSON.parse(readFileSync(join(folder, "attempt.json"), "utf8")) as { kind: AttemptKind };
    const exit = join(folder, "exit.json");
    const code = existsSync(exit)
      ? (JSON.parse(readFileSync(exit, "utf8")) as { code: number | null }).code
      : null;
    return {
      ...paths,
      kind,
      ended: code === 0 || code === 1,
      results: readRunResults(join(paths.target, "run_results.json")),
    };
  } catch {
    // A file cut short by the death of its writer is no result.
    return undefined;
  }
}
