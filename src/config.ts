/**
 * The only reader of process.env. Everything else takes values.
 * Order, weakest first: defaults, `.env` in the working folder, the environment.
 */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { type ClientConnectConfig, loadClientConnectConfig } from "@temporalio/envconfig";
import { parse as parseDotenv, populate } from "dotenv";
import { dltFolders } from "./dlt-project/folders";
import type { DltFolders } from "./dlt-project/settings-files";
import { TidemarkError } from "./pipeline/errors";
import { DEFAULT_DESTINATION, DEFAULT_TASK_QUEUE } from "./pipeline/names";
import type { NetworkSettings } from "./pipeline/network";
import { findProjectFolder, type ProjectFile, readProjectFile, requireFolder } from "./project-file";
import { cacheDir } from "./tools";

export type Env = { [name: string]: string | undefined };

/** How to reach a server: TLS, API key and the rest as Temporal's own environment configuration says. */
export interface TemporalServer {
  address: string;
  namespace?: string;
  options: ClientConnectConfig["connectionOptions"];
}

/** Kinds of work have slots of their own, so that none of them keeps another waiting. */
export interface WorkerSlots {
  extract: number;
  /** Everything that needs the package or the file: normalize, load, metrics, … */
  disk: number;
  dbt: number;
}

export interface Config {
  /** The project's folder: where `pipelines/`, `dbt/` and `.tidemark/` are. */
  cwd: string;
  /** The folder that a command was given in: what a person types is relative to it. Default: the project's. */
  from: string;
  /** Files of the embedded default: dev server database, packages, database file. */
  home: string;
  pipelinesDir: string;
  /** Folder of the project's dbt project, whether or not there is one. */
  dbtDir: string;
  packageRoot: string;
  /** Type of the destination of specs that name none. */
  destination: string;
  datasetName: string;
  /** dbt's schema, on both lanes. */
  analyticsSchema: string;
  dbtTarget: string;
  /** dbt, or a Python that has it, in place of the one that set-up made. */
  dbt?: string;
  /** Folder outside the checkout for tools that set-up downloads or builds. */
  cacheDir: string;
  taskQueue: string;
  /** Steps that one worker works on at the same time, by kind. */
  slots: WorkerSlots;
  /** The Temporal server of TEMPORAL_ADDRESS or of a Temporal client profile; undefined: the local dev server. */
  temporal?: TemporalServer;
  namespace: string;
  devServerPort: number;
  devServerUiPort: number;
  /** Of the lines that a worker writes to stderr. */
  logFormat: "text" | "json";
  /** Port on which a platform that runs the worker as an app expects an answer. */
  appPort?: number;
  /** Proxies and trusted authorities, for sources. */
  network: NetworkSettings;
  /** Where dlt's config.toml and secrets.toml are. */
  dlt: DltFolders;
  /** Code sources of the project's file, by the name that specs call them. */
  sources?: { readonly [name: string]: unknown };
  /** Temporal data converter, or the path of the module that exports it; see data-converter.ts. */
  dataConverter?: string | object;
  env: Env;
}

/**
 * The project of a command.
 * @param project a folder; undefined: the nearest folder from here upwards that has a project's file, else this one
 * @throws TidemarkError PROJECT_UNUSABLE, PROJECT_FILE_INVALID, SPEC_INVALID
 */
export function openProject(project?: string): Config {
  const from = process.cwd();
  const folder = project === undefined ? (findProjectFolder(from) ?? from) : resolve(from, project);
  requireFolder(folder);
  return { ...loadConfig(folder), from };
}

/** An assignment, its value in quotes (over several lines too) or up to the line's end. */
const ASSIGNMENT =
  /^([ \t]*(?:export[ \t]+)?[\w.-]+[ \t]*=[ \t]*)('(?:\\'|[^'])*'|"(?:\\"|[^"])*"|`(?:\\`|[^`])*`|[^\r\n]*)/gm;

/**
 * dotenv ends a plain value at its first `#`; shells, Docker and Python's dotenv take it for a comment only after a
 * blank. Such values are quoted for it, else a token that holds one would be cut without a word.
 */
export function readDotenv(text: string): { [name: string]: string } {
  const quoted = text.replace(ASSIGNMENT, (whole, head: string, written: string) => {
    if (/^['"`#]/.test(written)) return whole;
    const value = written.replace(/\s#.*$/, "").trimEnd();
    const quote = ["'", "`", '"'].find(mark => !value.includes(mark));
    return value.includes("#") && quote !== undefined ? `${head}${quote}${value}${quote}` : whole;
  });
  return parseDotenv(quoted);
}

/** Loads `.env` (without overriding what is set) and the project's file, and reads the configuration. */
export function loadConfig(cwd: string = process.cwd(), env: Env = process.env): Config {
  const dotenvFile = join(cwd, ".env");
  if (existsSync(dotenvFile))
    populate(env as { [k: string]: string }, readDotenv(readFileSync(dotenvFile, "utf8")));
  const file = readProjectFile(cwd);
  fillIn(env, file, cwd);
  placeOfVolume(env);
  const temporal = temporalServer(env);
  const home = resolve(cwd, env.TIDEMARK_HOME || ".tidemark");
  return {
    cwd,
    from: cwd,
    home,
    pipelinesDir: resolve(cwd, env.TIDEMARK_PIPELINES || "pipelines"),
    dbtDir: resolve(cwd, file.dbt ?? "dbt"),
    packageRoot: resolve(cwd, env.TIDEMARK_PACKAGES || join(home, "packages")),
    destination: env.DLT_DESTINATION || DEFAULT_DESTINATION,
    datasetName: env.DLT_DATASET_NAME || "raw",
    analyticsSchema: env.DATABRICKS_SCHEMA || "analytics",
    dbtTarget: env.DBT_TARGET || "",
    cacheDir: cacheDir(env),
    taskQueue: env.TIDEMARK_TASK_QUEUE || DEFAULT_TASK_QUEUE,
    slots: {
      extract: slots("TIDEMARK_EXTRACT_SLOTS", env.TIDEMARK_EXTRACT_SLOTS, 32),
      disk: slots("TIDEMARK_DISK_SLOTS", env.TIDEMARK_DISK_SLOTS, 8),
      dbt: slots("TIDEMARK_DBT_SLOTS", env.TIDEMARK_DBT_SLOTS, 4),
    },
    devServerPort: port(env.TIDEMARK_TEMPORAL_PORT, 7233),
    devServerUiPort: port(env.TIDEMARK_UI_PORT, 8233),
    logFormat: logFormat(env.LOG_FORMAT),
    ...(env.DATABRICKS_APP_PORT ? { appPort: port(env.DATABRICKS_APP_PORT, 8000) } : {}),
    network: networkSettings(cwd, env),
    dlt: dltFolders(cwd, env, { home: env.HOME || homedir(), root: process.geteuid?.() === 0 }),
    temporal,
    namespace: temporal?.namespace || env.TEMPORAL_NAMESPACE || "default",
    dbt: env.TIDEMARK_DBT ? executable(cwd, env.TIDEMARK_DBT) : undefined,
    ...(file.sources === undefined ? {} : { sources: file.sources }),
    dataConverter: env.TIDEMARK_DATA_CONVERTER
      ? resolve(cwd, env.TIDEMARK_DATA_CONVERTER)
      : file.dataConverter,
    env,
  };
}

/** What the project's file says and no variable does: so everything that is started here reads the same. */
function fillIn(env: Env, file: ProjectFile, cwd: string): void {
  const path = (given: string | undefined) => (given === undefined ? undefined : resolve(cwd, given));
  const said: Env = {
    TIDEMARK_PIPELINES: path(file.pipelines),
    TIDEMARK_HOME: path(file.home),
    TIDEMARK_PACKAGES: path(file.packages),
    TIDEMARK_CACHE: path(file.cache),
    DLT_DESTINATION: file.destination,
    DLT_DATASET_NAME: file.dataset,
    TIDEMARK_TASK_QUEUE: file.taskQueue,
  };
  for (const [name, value] of Object.entries(said)) if (value !== undefined) env[name] ||= value;
}

/** What a worker's owner may say in place of the environment. */
export type ProjectSettings = Partial<Omit<Config, "cwd" | "taskQueue" | "namespace" | "temporal">>;

/** The configuration of a project, for a worker of somebody else's: the process's environment is read and left as it is. */
export function projectConfig(folder: string, given: ProjectSettings = {}): Config {
  const env: Env = { ...process.env, ...given.env };
  if (given.home !== undefined) env.TIDEMARK_HOME = given.home;
  const config = loadConfig(folder, env);
  const said = Object.entries(given).filter(([, value]) => value !== undefined);
  const paths = ["home", "pipelinesDir", "packageRoot", "cacheDir"];
  return {
    ...config,
    ...Object.fromEntries(
      said.map(([name, value]) => [name, paths.includes(name) ? resolve(folder, String(value)) : value]),
    ),
    env,
  };
}

/**
 * An app of a Databricks workspace is granted a Volume and given its path, /Volumes/<catalog>/<schema>/<volume> (or the
 * name with dots): catalog and dataset are then said by the grant itself, unless a variable says otherwise.
 */
function placeOfVolume(env: Env): void {
  const [, catalog, schema] =
    /^(?:\/Volumes\/)?([^/.]+)[/.]([^/.]+)[/.][^/.]+\/?$/.exec(env.DATABRICKS_VOLUME ?? "") ?? [];
  if (catalog === undefined || schema === undefined) return;
  env.DATABRICKS_CATALOG ||= catalog;
  env.DLT_DATASET_NAME ||= schema;
}

function temporalServer(env: Env): TemporalServer | undefined {
  const { connectionOptions: options, namespace } = loadClientConnectConfig({
    overrideEnvVars: Object.fromEntries(
      Object.entries(env).filter((pair): pair is [string, string] => !!pair[1]),
    ),
  });
  return options.address ? { address: options.address, namespace, options } : undefined;
}

/** As Python's `requests` reads them; of a proxy's name the lower-case spelling wins. */
function networkSettings(cwd: string, env: Env): NetworkSettings {
  const proxies: NetworkSettings["proxies"] = {};
  for (const scheme of ["http", "https", "all", "no"]) {
    const found = env[`${scheme}_proxy`] ?? env[`${scheme.toUpperCase()}_PROXY`];
    if (found) proxies[scheme] = found;
  }
  const bundle = env.REQUESTS_CA_BUNDLE || env.CURL_CA_BUNDLE;
  const files = [env.SSL_CERT_FILE, env.SSL_CERT_DIR, env.NODE_EXTRA_CA_CERTS];
  return {
    proxies,
    ...(bundle ? { ca_bundle: bundle } : {}),
    ca_files: files.filter((file): file is string => !!file),
    folder: cwd,
  };
}

/** A path is made absolute, as dbt starts in its project's folder; a bare name is looked up on the PATH. */
function executable(cwd: string, name: string): string {
  return name.includes("/") ? resolve(cwd, name) : name;
}

/** @throws TidemarkError SPEC_INVALID */
function slots(name: string, text: string | undefined, otherwise: number): number {
  const value = Number(text || otherwise);
  if (Number.isInteger(value) && value >= 1 && value <= 1000) return value;
  throw new TidemarkError("SPEC_INVALID", `${name} must be a whole number from 1 to 1000; it is "${text}".`);
}

/** @throws TidemarkError SPEC_INVALID */
function logFormat(text = ""): Config["logFormat"] {
  if (text === "" || text === "text" || text === "json") return text || "text";
  throw new TidemarkError("SPEC_INVALID", `LOG_FORMAT must be "text" or "json"; it is "${text}".`);
}

function port(text: string | undefined, otherwise: number): number {
  const value = Number(text || otherwise);
  return Number.isInteger(value) && value >= 0 && value < 65536 ? value : otherwise;
}
