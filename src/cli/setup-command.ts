/** `tidemark setup`: what a project needs besides node modules, in the versions that are tested together, kept in the cache. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Config } from "../config";
import { destinationType } from "../destinations/registry";
import { TidemarkError } from "../pipeline/errors";
import { listSpecs, loadSpec } from "../spec/load-spec";
import { resolveSpec } from "../spec/resolve-spec";

const SETUP = join(__dirname, "..", "..", "setup", "main.mjs");

/** @returns exit code of set-up. @throws TidemarkError SPEC_INVALID */
export async function setupCommand(
  config: Config,
  options: { dbt?: string; temporal?: boolean },
): Promise<number> {
  const told = options.dbt !== undefined || options.temporal;
  const venvs = new Set(
    options.dbt === undefined ? (told ? [] : dbtOf(config)) : [destinationType(options.dbt).dbt.venv],
  );
  const temporal = told ? options.temporal : config.temporal === undefined;
  // The venv with dbt for DuckDB is the one that set-up calls just so.
  const steps = [
    ...[...venvs].map(kind => (kind === "dbt" ? "venv" : kind)),
    ...(temporal ? ["temporal"] : []),
  ];
  if (steps.length === 0) {
    console.log("Nothing to set up: no pipeline ends in dbt, and the Temporal server is one of yours.");
    return 0;
  }
  const child = spawn(process.execPath, [SETUP, ...steps.map(step => `--${step}`)], {
    stdio: "inherit",
    env: config.env,
  });
  return await new Promise((done, fail) => {
    child.once("error", fail);
    child.once("exit", code => done(code ?? 1));
  });
}

/** Of the pipelines that end in dbt. One that cannot be read is another command's affair. */
function dbtOf(config: Config): string[] {
  return listSpecs(config.pipelinesDir).flatMap(name => {
    try {
      const spec = resolveSpec(loadSpec(name, config), {}, config);
      return spec.transform === undefined ? [] : [destinationType(spec.destination.type).dbt.venv];
    } catch (error) {
      if (error instanceof TidemarkError) return [];
      throw error;
    }
  });
}
