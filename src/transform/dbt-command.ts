/** The argument lists of dbt. Pure; nothing here goes through a shell. */
import { basename } from "node:path";
import { TidemarkError } from "../pipeline/errors";
import type { DbtSpec } from "../pipeline/spec";

export interface DbtFolders {
  target: string;
  log: string;
}

/** dbt itself, or a Python that has it. */
export function programOf(executable: string): { file: string; args: string[] } {
  return /^python[0-9.]*(\.exe)?$/.test(basename(executable))
    ? {
        file: executable,
        args: ["-c", "import sys; sys.argv[0] = 'dbt'; from dbt.cli.main import cli; cli()"],
      }
    : { file: executable, args: [] };
}

/**
 * The dbt of a destination: the one that the user named, else the one that set-up made for its adapter.
 * @throws TidemarkError DBT_MISSING, with the command that sets it up
 */
export function dbtProgram(
  destination: string,
  found: { configured?: string; made?: string; setup: string },
): string {
  const program = found.configured ?? found.made;
  if (program !== undefined) return program;
  throw new TidemarkError(
    "DBT_MISSING",
    `dbt for ${destination} is not set up where the worker runs: run \`${found.setup}\` there, or name a dbt in TIDEMARK_DBT.`,
  );
}

export function parseArgs(dbt: DbtSpec, folders: DbtFolders): string[] {
  return ["parse", ...common(dbt, folders), ...vars(dbt)];
}

export function freshnessArgs(dbt: DbtSpec, folders: DbtFolders): string[] {
  return ["source", "freshness", ...common(dbt, folders), ...vars(dbt), ...threads(dbt)];
}

export function buildArgs(dbt: DbtSpec, folders: DbtFolders): string[] {
  return [
    "build",
    ...common(dbt, folders),
    ...vars(dbt),
    ...threads(dbt),
    ...selection(dbt),
    ...(dbt.full_refresh ? ["--full-refresh"] : []),
  ];
}

/** Selection, vars and full refresh come from the earlier attempt's run_results.json. */
export function retryArgs(dbt: DbtSpec, folders: DbtFolders, stateFolder: string): string[] {
  return ["retry", ...common(dbt, folders), ...threads(dbt), "--state", stateFolder];
}

/** One page that needs no server. */
export function docsArgs(dbt: DbtSpec, folders: DbtFolders): string[] {
  return [
    "docs",
    "generate",
    "--static",
    ...common(dbt, folders),
    ...vars(dbt),
    ...threads(dbt),
    ...selection(dbt),
  ];
}

/** Which nodes a selection means, one JSON object a line. */
export function listArgs(dbt: DbtSpec, folders: DbtFolders): string[] {
  return [
    "ls",
    "--output",
    "json",
    "--output-keys",
    "unique_id",
    ...common(dbt, folders),
    ...vars(dbt),
    ...selection(dbt),
  ];
}

export function depsArgs(dbt: DbtSpec, folders: DbtFolders): string[] {
  const { target: _, ...log } = folders;
  return ["deps", ...common(dbt, log), ...vars(dbt)];
}

/** `dbt deps` writes no artifacts, and takes no folder for them. */
function common(dbt: DbtSpec, folders: Omit<DbtFolders, "target"> & Partial<DbtFolders>): string[] {
  return [
    "--log-format",
    "json",
    "--log-level",
    "info",
    "--no-use-colors",
    "--no-send-anonymous-usage-stats",
    "--project-dir",
    dbt.project_dir,
    "--profiles-dir",
    dbt.profiles_dir,
    ...(dbt.target ? ["--target", dbt.target] : []),
    ...(folders.target === undefined ? [] : ["--target-path", folders.target]),
    "--log-path",
    folders.log,
  ];
}

function selection(dbt: DbtSpec): string[] {
  return [
    ...(dbt.select ? ["--select", dbt.select] : []),
    ...(dbt.exclude ? ["--exclude", dbt.exclude] : []),
    ...(dbt.selector ? ["--selector", dbt.selector] : []),
    ...(dbt.state ? ["--state", dbt.state] : []),
    ...(dbt.defer ? ["--defer"] : []),
  ];
}

function threads(dbt: DbtSpec): string[] {
  return dbt.threads === undefined ? [] : ["--threads", String(dbt.threads)];
}

function vars(dbt: DbtSpec): string[] {
  return dbt.vars === undefined ? [] : ["--vars", JSON.stringify(dbt.vars)];
}
