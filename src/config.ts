/**
 * The only reader of process.env. Everything else takes values.
 * Order, weakest first: defaults, `.env` in the working folder, the environment.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { config as loadDotenv } from "dotenv";
import { DEFAULT_TASK_QUEUE } from "./pipeline/names";
import { cacheDir } from "./tools";

export type Env = { [name: string]: string | undefined };

export interface Config {
  /** The project's folder: where `pipelines/`, `dbt/` and `.tidemark/` are. */
  cwd: string;
  /** Files of the embedded default: dev server database, packages, DuckDB file. */
  home: string;
  pipelinesDir: string;
  packageRoot: string;
  /** Default DuckDB file. */
  duckdbPath: string;
  destination: string;
  datasetName: string;
  /** dbt's schema, on both lanes. */
  analyticsSchema: string;
  dbtTarget: string;
  /** Folder outside the checkout for tools that set-up downloads or builds. */
  cacheDir: string;
  taskQueue: string;
  /** Explicit Temporal server; undefined: the local dev server. */
  temporalAddress?: string;
  temporalNamespace: string;
  devServerPort: number;
  devServerUiPort: number;
  env: Env;
}

/** Loads `.env` (without overriding what is set) and reads the configuration. */
export function loadConfig(cwd: string = process.cwd(), env: Env = process.env): Config {
  const dotenvFile = join(cwd, ".env");
  if (existsSync(dotenvFile))
    loadDotenv({ path: dotenvFile, quiet: true, processEnv: env as { [k: string]: string } });
  const home = resolve(cwd, env.TIDEMARK_HOME ?? ".tidemark");
  return {
    cwd,
    home,
    pipelinesDir: resolve(cwd, env.TIDEMARK_PIPELINES ?? "pipelines"),
    packageRoot: resolve(cwd, env.TIDEMARK_PACKAGES ?? join(home, "packages")),
    duckdbPath: resolve(cwd, env.DUCKDB_PATH ?? join(home, "tidemark.duckdb")),
    destination: env.DLT_DESTINATION ?? "duckdb",
    datasetName: env.DLT_DATASET_NAME ?? "raw",
    analyticsSchema: env.DATABRICKS_SCHEMA ?? "analytics",
    dbtTarget: env.DBT_TARGET ?? "",
    cacheDir: cacheDir(env),
    taskQueue: env.TIDEMARK_TASK_QUEUE ?? DEFAULT_TASK_QUEUE,
    temporalAddress: env.TEMPORAL_ADDRESS || undefined,
    temporalNamespace: env.TEMPORAL_NAMESPACE ?? "default",
    devServerPort: port(env.TIDEMARK_TEMPORAL_PORT, 7233),
    devServerUiPort: port(env.TIDEMARK_UI_PORT, 8233),
    env,
  };
}

function port(text: string | undefined, otherwise: number): number {
  const value = Number(text ?? otherwise);
  return Number.isInteger(value) && value >= 0 && value < 65536 ? value : otherwise;
}
