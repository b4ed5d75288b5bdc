/**
 * `tidemark dbt [--pipeline <name>] …`: the dbt that the worker uses, in the environment of a run, with dbt's own arguments
 * and its own words.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config";
import { datasetNames } from "../destinations/dataset-names";
import { destinationType } from "../destinations/registry";
import { TidemarkError } from "../pipeline/errors";
import { loadSpec } from "../spec/load-spec";
import { withDestinationSecrets } from "../spec/open-source";
import { resolveSpec } from "../spec/resolve-spec";
import { venvPython } from "../tools";
import { dbtProgram, programOf } from "../transform/dbt-command";
import { dbtEnvironment } from "../transform/dbt-environment";

/** @returns dbt's exit code */
export async function dbtCommand(config: Config, args: string[]): Promise<number> {
  const named = args[0] === "--pipeline" ? args[1] : undefined;
  if (args[0] === "--pipeline" && named === undefined) {
    throw new TidemarkError("SPEC_NOT_FOUND", "--pipeline needs the name or path of a spec.");
  }
  const { destination, env } = await (named === undefined ? ofConfig(config) : ofPipeline(config, named));
  const { venv, setup } = destinationType(destination).dbt;
  const made = venvPython(venv, config.env);
  const executable = dbtProgram(destination, { configured: config.dbt, made, setup });
  const program = programOf(executable);
  const child = spawn(program.file, [...program.args, ...args.slice(named === undefined ? 0 : 2)], {
    stdio: "inherit",
    env: { ...env, ...config.env, ...(named === undefined ? {} : env) },
  });
  return await new Promise(done => {
    child.once("error", error => {
      console.error(`${executable} cannot be started: ${error.message}`);
      done(1);
    });
    child.once("exit", code => done(code ?? 1));
  });
}

interface Place {
  destination: string;
  /** What dbt reads; of a pipeline it wins over the environment. */
  env: { [name: string]: string };
}

async function ofConfig(config: Config): Promise<Place> {
  const project = config.dbtDir;
  const { type } = destinationType(config.destination);
  const spec = destinationType(type).resolve({ type }, config, undefined);
  const { destination } = withDestinationSecrets(spec, config);
  return {
    destination: type,
    env: {
      ...dbtEnvironment(config.datasetName, {
        type,
        environment: await destinationType(type).dbt.environment(destination),
      }),
      ...(existsSync(join(project, "dbt_project.yml"))
        ? { DBT_PROJECT_DIR: project, DBT_PROFILES_DIR: project }
        : {}),
    },
  };
}

async function ofPipeline(config: Config, name: string): Promise<Place> {
  const spec = resolveSpec(loadSpec(name, config), {}, config);
  const dbt = spec.transform?.dbt;
  if (dbt === undefined) {
    throw new TidemarkError("SPEC_INVALID", `${name} has no transform.dbt: there is no dbt project to run.`);
  }
  const { destination } = withDestinationSecrets(spec.destination, config);
  const target = dbt.target || config.dbtTarget;
  return {
    destination: destination.type,
    env: {
      ...dbtEnvironment(datasetNames(spec).dataset, {
        type: destination.type,
        environment: await destinationType(destination.type).dbt.environment(destination),
      }),
      DBT_PROJECT_DIR: dbt.project_dir,
      DBT_PROFILES_DIR: dbt.profiles_dir,
      ...(target ? { DBT_TARGET: target } : {}),
    },
  };
}
