/**
 * Looks whether this machine can run the project. Offline unless asked: no warehouse, no workspace, no source is
 * touched, and no database file is opened.
 */
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { DESTINATION_TYPES, findDestinationType } from "../destinations/registry";
import { TidemarkError } from "../pipeline/errors";
import { DEFAULT_DESTINATION } from "../pipeline/names";
import { type Check, failed, passed, toCheck, warned } from "./check";
import { checkDbtProject } from "./dbt-project";
import { checkEnvironment, type Environment } from "./environment";
import { checkDbt, checkNode, checkTemporal, type DoctorTools } from "./programs";

/** A warehouse that is stopped takes minutes to start. */
const ONLINE_TIMEOUT_MS = 300_000;

/** What the spec loader says of one pipeline; injected, so that the doctor knows nothing of specs. */
export interface SpecCheck {
  pipeline: string;
  problems: string[];
  /** Set where the pipeline ends in dbt. */
  transform_dataset?: string;
  /** Folder of its dbt project, absolute. */
  dbt_project?: string;
  /** Environment variables that the pipeline names and that are not set. */
  missing_env?: string[];
}

export interface DoctorOptions {
  cwd: string;
  /** Where files are made (TIDEMARK_HOME). */
  home: string;
  pipelinesDir: string;
  /** Where the project's dbt project is, when it has one. */
  dbtDir: string;
  env: Environment;
  online: boolean;
  tools: DoctorTools;
  checkSpecs: () => Promise<SpecCheck[]> | SpecCheck[];
  /** Tries what a load needs at the configured destination; called online only. */
  checkAccess?: (signal: AbortSignal) => Promise<{ what: string; ok: boolean; detail: string }[]>;
}

/** Never throws for what it finds; see isHealthy for the exit code. */
export async function runDoctor(options: DoctorOptions): Promise<Check[]> {
  const { tools } = options;
  const env = Object.fromEntries(
    Object.entries(options.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const destination = env.DLT_DESTINATION || DEFAULT_DESTINATION;
  const type = findDestinationType(destination);
  const dataset = env.DLT_DATASET_NAME || "raw";
  const found = await allSpecs(options);
  const projects = dbtProjects(options, found);
  // A repository that only loads needs no dbt.
  const usesDbt = projects.length > 0;
  const programs = [
    checkNode(tools.nodeVersion),
    await checkTemporal(tools, env),
    ...(type === undefined || !usesDbt ? [] : await checkDbt(tools, type.dbt, env)),
  ];
  const canParse =
    tools.dbtPython !== undefined &&
    projects.every(isDbtProject) &&
    programs.every(check => check.ok || !check.name.startsWith("dbt") || check.level === "warning");
  return [
    ...files(options, projects),
    ...programs,
    ...checkEnvironment(options),
    ...(canParse && usesDbt
      ? (
          await Promise.all(
            projects.map(project_dir =>
              checkDbtProject({
                project_dir,
                python: tools.dbtPython!,
                target: env.DBT_TARGET ?? "",
                dataset,
                env,
              }),
            ),
          )
        ).flat()
      : usesDbt
        ? [warned("dbt parse", "not tried, because of the findings above", "Correct those first.")]
        : []),
    ...specs(found, options, dataset),
    ...(await access(options, destination)),
    ...(await projectFiles(options, env)),
  ];
}

const isDbtProject = (folder: string): boolean => existsSync(join(folder, "dbt_project.yml"));

/** Those that pipelines end in, and the project's own where there is one. */
function dbtProjects({ dbtDir }: DoctorOptions, found: SpecCheck[] | Error): string[] {
  const named = found instanceof Error ? [] : found.flatMap(({ dbt_project }) => dbt_project ?? []);
  return [...new Set([...named, ...(isDbtProject(dbtDir) ? [dbtDir] : [])])];
}

function files({ cwd, pipelinesDir }: DoctorOptions, projects: string[]): Check[] {
  const needed = [
    pipelinesDir,
    ...projects.flatMap(folder => ["dbt_project.yml", "profiles.yml"].map(file => join(folder, file))),
  ];
  const missing = needed.filter(path => !existsSync(path));
  const told = (paths: string[]) => paths.map(path => relative(cwd, path) || path).join(", ");
  return [
    missing.length === 0
      ? passed("files", told(needed))
      : failed(
          "files",
          `missing in ${cwd}: ${told(missing)}`,
          "Run this in the project's folder, or give --project.",
        ),
    existsSync(join(cwd, ".env"))
      ? passed(".env", "found")
      : warned(
          ".env",
          "none; only the environment counts",
          "Copy .env.example to .env where you need settings.",
        ),
  ];
}

async function allSpecs({ checkSpecs }: DoctorOptions): Promise<SpecCheck[] | Error> {
  try {
    return await checkSpecs();
  } catch (error) {
    return error as Error;
  }
}

function specs(found: SpecCheck[] | Error, { pipelinesDir }: DoctorOptions, dataset: string): Check[] {
  if (found instanceof Error) return [failed("pipelines", found.message, "Correct the pipeline specs.")];
  if (found.length === 0) {
    return [warned("pipelines", "no pipeline specs found", `Put one into ${pipelinesDir}.`)];
  }
  return found.map(spec => {
    const name = `pipeline ${spec.pipeline}`;
    if (spec.problems.length > 0) return failed(name, spec.problems.join("; "), "Correct the spec.");
    if (
      spec.transform_dataset !== undefined &&
      spec.transform_dataset.toLowerCase() !== dataset.toLowerCase()
    ) {
      return warned(
        name,
        `loads ${spec.transform_dataset}, while DLT_DATASET_NAME is ${dataset}`,
        "A run passes its own dataset to dbt, so it works; `dbt build` by hand reads the other one. Let the spec leave dataset_name out.",
      );
    }
    if (spec.missing_env && spec.missing_env.length > 0) {
      return warned(
        name,
        `valid; not set: ${spec.missing_env.join(", ")}`,
        "Set them where the worker runs.",
      );
    }
    return passed(name, "valid");
  });
}

async function access(options: DoctorOptions, destination: string): Promise<Check[]> {
  if (!options.online || options.checkAccess === undefined) return [];
  const name = (what: string) => `${destination} ${what}`;
  try {
    const found = await options.checkAccess(AbortSignal.timeout(ONLINE_TIMEOUT_MS));
    return found.map(({ what, ok, detail }) =>
      ok
        ? passed(name(what), detail)
        : failed(name(what), detail, `docs/${destination}.md lists the grants.`),
    );
  } catch (error) {
    // Only the class: what an unknown error says may hold a secret.
    const said = error instanceof TidemarkError ? error.message : (error as Error).name;
    return [failed(name("connection"), said, "Correct the destination's settings.")];
  }
}

/** Files that a destination reads by itself are looked at wherever they are, used today or not. */
async function projectFiles(options: DoctorOptions, env: Record<string, string>): Promise<Check[]> {
  const { cwd, online, tools } = options;
  const look = { cwd, online, env, findProgram: tools.findProgram };
  const found = await Promise.all(DESTINATION_TYPES.map(type => type.checkProject?.(look) ?? []));
  return found.flat().map(toCheck);
}
