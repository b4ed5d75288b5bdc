/** `tidemark doctor`: can this machine run the project? */
import type { Config } from "../config";
import { datasetNames } from "../destinations/dataset-names";
import type { AccessFinding } from "../destinations/destination";
import { closeDestinations, createDestination, findDestinationType } from "../destinations/registry";
import { type Check, isHealthy } from "../doctor/check";
import type { DoctorTools } from "../doctor/programs";
import { runDoctor, type SpecCheck } from "../doctor/run-doctor";
import { TidemarkError } from "../pipeline/errors";
import { isSecretRef } from "../pipeline/secret-ref";
import type { Json, JsonObject } from "../pipeline/spec";
import { listSpecs, loadSpec } from "../spec/load-spec";
import { withDestinationSecrets } from "../spec/open-source";
import { resolveSpec } from "../spec/resolve-spec";
import { findOnPath, toolPaths, venvPython } from "../tools";

export async function doctorCommand(
  config: Config,
  options: { online?: boolean; json?: boolean },
): Promise<void> {
  const checks = await runDoctor({
    cwd: config.cwd,
    home: config.home,
    pipelinesDir: config.pipelinesDir,
    dbtDir: config.dbtDir,
    env: config.env,
    online: options.online === true,
    tools: doctorTools(config),
    checkAccess: signal => access(config, signal).finally(closeDestinations),
    checkSpecs: () => listSpecs(config.pipelinesDir).map(name => checkOne(name, config)),
  });
  process.stdout.write(
    options.json ? `${JSON.stringify(checks, null, 2)}\n` : `${checks.map(line).join("\n")}\n`,
  );
  process.exitCode = isHealthy(checks) ? 0 : 1;
}

/** At the destination that specs without one of their own load into. */
async function access(config: Config, signal: AbortSignal): Promise<AccessFinding[]> {
  const type = findDestinationType(config.destination);
  if (type === undefined) return [];
  const spec = type.resolve({ type: type.type }, config, undefined);
  const { destination } = withDestinationSecrets(spec, config);
  const quiet = { signal, onProgress: () => undefined };
  const names = datasetNames({ dataset_name: config.datasetName, destination });
  return (await createDestination(destination).checkAccess?.(quiet, names)) ?? [];
}

/** Each adapter of dbt has an environment of its own: the doctor looks at the one that a run would take. */
function doctorTools(config: Config): DoctorTools {
  const venv = findDestinationType(config.destination)?.dbt.venv;
  return {
    ...toolPaths(config.env),
    dbtPython: venv === undefined ? undefined : venvPython(venv, config.env),
    nodeVersion: process.versions.node,
    findProgram: name => findOnPath(name, config.env),
  };
}

function line(check: Check): string {
  const mark = check.ok ? "ok     " : check.level === "error" ? "FAILED " : "warning";
  return `${mark} ${check.name}: ${check.detail}${check.ok || !check.fix ? "" : `\n        ${check.fix}`}`;
}

function checkOne(pipeline: string, config: Config): SpecCheck {
  try {
    const spec = resolveSpec(loadSpec(pipeline, config), {}, config);
    return {
      pipeline,
      problems: [],
      ...(spec.transform === undefined
        ? {}
        : { transform_dataset: spec.dataset_name, dbt_project: spec.transform.dbt.project_dir }),
      missing_env: namedVariables(spec.source as unknown as JsonObject).filter(name => !config.env[name]),
    };
  } catch (error) {
    if (error instanceof TidemarkError) return { pipeline, problems: [error.message] };
    throw error;
  }
}

/** Names in `{ "env": NAME }` anywhere below. */
function namedVariables(node: Json): string[] {
  if (node === null || typeof node !== "object") return [];
  if (isSecretRef(node)) return "env" in node ? [node.env] : [];
  return Object.values(node).flatMap(inner => namedVariables(inner as Json));
}
