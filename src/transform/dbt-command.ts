/** The argument lists of dbt. Pure; nothing here goes through a shell. */
import { basename } from "node:path";
import type { DbtSpec } from "../pipeline/spec";

export interface DbtFolders {
  target: string;
  log: string;
}

/** dbt itself, or a Python that has it. */
export function programOf(executable: string): { file: string; args: string[] } {
  return /^python[0-9.]*(\.exe)?$/.test(basename(executable))
    ? { file: executable, args: ["-m", "dbt.cli.main"] }
    : { file: executable, args: [] };
}

export function parseArgs(dbt: DbtSpec, folders: DbtFolders): string[] {
  return ["parse", ...common(dbt, folders), ...vars(dbt)];
}

export function freshnessArgs(dbt: DbtSpec, folders: DbtFolders): string[] {
  return ["source", "freshness", ...common(dbt, folders), ...vars(dbt)];
}

export function buildArgs(dbt: DbtSpec, folders: DbtFolders): string[] {
  return [
    "build",
    ...common(dbt, folders),
    ...vars(dbt),
    ...(dbt.select ? ["--select", dbt.select] : []),
    ...(dbt.exclude ? ["--exclude", dbt.exclude] : []),
    ...(dbt.full_refresh ? ["--full-refresh"] : []),
  ];
}

/** Selection, vars and full refresh come from the earlier attempt's run_results.json. */
export function retryArgs(dbt: DbtSpec, folders: DbtFolders, stateFolder: string): string[] {
  return ["retry", ...common(dbt, folders), "--state", stateFolder];
}

function common(dbt: DbtSpec, folders: DbtFolders): string[] {
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
    "--target-path",
    folders.target,
    "--log-path",
    folders.log,
  ];
}

function vars(dbt: DbtSpec): string[] {
  return dbt.vars === undefined ? [] : ["--vars", JSON.stringify(dbt.vars)];
}
