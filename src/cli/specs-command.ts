/** `tidemark list`, `show` and `check`: the project's pipelines as their specs have them. Nothing is started or connected to. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import Table from "cli-table3";
import type { Config } from "../config";
import { TidemarkError } from "../pipeline/errors";
import type { ResolvedPipeline } from "../pipeline/spec";
import { listSpecs, loadSpec } from "../spec/load-spec";
import { printSpec } from "../spec/print-spec";
import { resolveSpec } from "../spec/resolve-spec";
import { EXIT, exitCodeFor } from "./exit-codes";
import { PLAIN } from "./run-summary";

interface Looked {
  pipeline: string;
  file?: string;
  spec?: ResolvedPipeline;
  problem?: { code: string; message: string };
}

function look(pipeline: string, config: Config): Looked {
  try {
    const loaded = loadSpec(pipeline, config);
    const spec = resolveSpec(loaded, {}, config);
    const dbt = spec.transform?.dbt;
    if (dbt !== undefined && !existsSync(join(dbt.project_dir, "dbt_project.yml"))) {
      throw new TidemarkError(
        "SPEC_INVALID",
        `transform.dbt: there is no dbt project in ${dbt.project_dir}.`,
      );
    }
    return { pipeline, file: loaded.file, spec };
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error;
    return { pipeline, problem: { code: error.code, message: error.message } };
  }
}

/** The pipelines by name or path; none: all of the project. */
export async function checkCommand(
  config: Config,
  pipelines: string[],
  options: { json?: boolean },
): Promise<void> {
  const names = pipelines.length > 0 ? pipelines : listSpecs(config.pipelinesDir);
  if (names.length === 0) throw noPipelines(config);
  const looked = names.map(name => look(name, config));
  if (options.json) {
    const told = looked.map(({ pipeline, file, problem }) => ({
      pipeline,
      file,
      ok: problem === undefined,
      ...problem,
    }));
    process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
  } else {
    for (const one of looked) {
      console.log(
        one.spec === undefined
          ? `FAILED ${one.pipeline}: ${one.problem!.message}\n(${one.problem!.code})`
          : `ok     ${one.pipeline}: ${outlineOf(one.spec)}`,
      );
    }
  }
  const failed = looked.find(one => one.problem !== undefined);
  process.exitCode = failed === undefined ? EXIT.done : exitCodeFor(failed.problem!.code);
}

export async function listCommand(config: Config, options: { json?: boolean }): Promise<void> {
  const looked = listSpecs(config.pipelinesDir).map(name => look(name, config));
  if (options.json) {
    const told = looked.map(({ pipeline, file, spec, problem }) => ({
      pipeline,
      file,
      ...(spec === undefined
        ? { problem }
        : {
            pipeline_name: spec.pipeline_name,
            source: spec.source.type,
            destination: spec.destination.type,
            dataset: spec.dataset_name,
            transform: spec.transform !== undefined,
            gate: spec.gate !== undefined,
          }),
    }));
    process.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
    return;
  }
  if (looked.length === 0) throw noPipelines(config);
  const table = new Table({ head: ["pipeline", "source", "destination", "dataset", "then"], ...PLAIN });
  for (const { pipeline, spec } of looked) {
    table.push(
      spec === undefined
        ? [pipeline, "cannot be read: tidemark check", "", "", ""]
        : [pipeline, spec.source.type, spec.destination.type, spec.dataset_name, thenOf(spec)],
    );
  }
  console.log(table.toString());
}

/** The spec as a run would use it: every default filled in, secrets by name. */
export async function showCommand(
  config: Config,
  pipeline: string,
  options: { json?: boolean },
): Promise<void> {
  const loaded = loadSpec(pipeline, config);
  const spec = JSON.parse(JSON.stringify(resolveSpec(loaded, {}, config)));
  process.stdout.write(
    options.json
      ? `${JSON.stringify(spec, null, 2)}\n`
      : printSpec(spec, [`${loaded.file}, with every default filled in`]),
  );
}

function outlineOf(spec: ResolvedPipeline): string {
  const then = thenOf(spec);
  return `${spec.source.type} → ${spec.destination.type}, dataset ${spec.dataset_name}${then === "" ? "" : `, then ${then}`}`;
}

function thenOf(spec: ResolvedPipeline): string {
  return [spec.transform && "dbt", spec.gate && "gate"].filter(Boolean).join(", ");
}

function noPipelines(config: Config): TidemarkError {
  return new TidemarkError(
    "SPEC_NOT_FOUND",
    `There is no pipeline in ${config.pipelinesDir}. Put a spec there, or begin with \`tidemark init\`.`,
  );
}
