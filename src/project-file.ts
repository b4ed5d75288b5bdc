/**
 * A project's own file: tidemark.config.ts, .mjs, .js, .cjs or .json, or key `tidemark` of package.json. It says where the
 * project's things are. Its folder is the project's folder, and what it leaves out has a default.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { TidemarkError } from "./pipeline/errors";
import { unknownName } from "./pipeline/nearest-name";
import { requireModule } from "./project-modules";

/** What the file's default export (or the JSON document) holds. Paths are relative to its folder. */
export interface ProjectFile {
  /** Folder of the pipeline specs. Default: `pipelines`. */
  pipelines?: string;
  /** Folder of the dbt project. Default: `dbt`. */
  dbt?: string;
  /** Folder for what runs leave here: the local server's database, load packages, the DuckDB file. Default: `.tidemark`. */
  home?: string;
  /** Folder of the load packages. Default: `packages` below `home`. */
  packages?: string;
  /** Folder for what set-up installs, shared by projects. Default: `~/.cache/tidemark`. */
  cache?: string;
  /** Destination of specs that name none. Default: `duckdb`. */
  destination?: string;
  /** Dataset of specs that name none. Default: `raw`. */
  dataset?: string;
  /** Temporal task queue. Default: `tidemark`. */
  taskQueue?: string;
  /** Code sources by the name that specs call them: what `source()` made, or the path of a module that exports it. */
  sources?: { readonly [name: string]: unknown };
  /** Temporal data converter of the project's client and workers: the object, or the path of a module that exports it. */
  dataConverter?: string | object;
}

/** For tidemark.config.ts: `export default defineConfig({ … })` has completion and type checks in the editor. */
export function defineConfig(config: ProjectFile): ProjectFile {
  return config;
}

const FILES = ["ts", "mts", "mjs", "js", "cjs", "json"].map(end => `tidemark.config.${end}`);
const TEXTS = [
  "pipelines",
  "dbt",
  "home",
  "packages",
  "cache",
  "destination",
  "dataset",
  "taskQueue",
] as const;
const KEYS: readonly string[] = [...TEXTS, "sources", "dataConverter"];

/** The nearest folder from here upwards that has such a file. */
export function findProjectFolder(from: string): string | undefined {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    if (projectFileIn(folder) !== undefined) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}

/**
 * @returns nothing said where there is no such file
 * @throws TidemarkError PROJECT_FILE_INVALID
 */
export function readProjectFile(folder: string): ProjectFile {
  const file = projectFileIn(folder);
  if (file === undefined) return {};
  const settings = checked(file, contentOf(file));
  const given = Object.fromEntries(
    Object.entries(settings.sources ?? {}).map(([name, source]) => [name, source] as const),
  );
  return {
    ...settings,
    ...(settings.sources === undefined ? {} : { sources: lazySources(given, folder, file) }),
    ...(typeof settings.dataConverter === "string"
      ? { dataConverter: resolve(folder, settings.dataConverter) }
      : {}),
  };
}

/** What a module exports under one of these names. @throws TidemarkError PROJECT_FILE_INVALID */
export function exportOf(path: string, names: readonly string[], said: string): unknown {
  let module_: { [name: string]: unknown };
  try {
    module_ = requireModule(path);
  } catch (error) {
    throw invalid(said, `the module ${path} cannot be loaded: ${firstLine(error)}`);
  }
  const name = names.find(one => module_[one] !== undefined);
  if (name !== undefined) return module_[name];
  throw invalid(said, `the module ${path} exports none of: ${names.join(", ")}`);
}

function projectFileIn(folder: string): string | undefined {
  const found = FILES.map(name => join(folder, name)).find(path => existsSync(path));
  if (found !== undefined) return found;
  const manifest = join(folder, "package.json");
  try {
    return "tidemark" in JSON.parse(readFileSync(manifest, "utf8")) ? manifest : undefined;
  } catch {
    // No package.json, or one that npm complains of.
    return undefined;
  }
}

function contentOf(file: string): unknown {
  try {
    if (!file.endsWith(".json")) return requireModule(file).default;
    const document = JSON.parse(readFileSync(file, "utf8"));
    return file.endsWith("package.json") ? document.tidemark : document;
  } catch (error) {
    throw invalid(file, `cannot be read: ${firstLine(error)}`);
  }
}

function checked(file: string, content: unknown): ProjectFile {
  if (content === null || typeof content !== "object" || Array.isArray(content)) {
    const where = file.endsWith(".json") ? "" : " as its default export";
    throw invalid(file, `an object is expected${where}, for example {"pipelines": "pipelines"}`);
  }
  // A module may export what a class or a JSON editor adds: `$schema` is no setting.
  for (const [key, value] of Object.entries(content)) {
    if (key === "$schema") continue;
    if (!KEYS.includes(key)) throw invalid(file, unknownName("key", key, KEYS));
    if ((TEXTS as readonly string[]).includes(key) && (typeof value !== "string" || value === "")) {
      throw invalid(file, `"${key}" must be a text`);
    }
  }
  const { sources, dataConverter } = content as ProjectFile;
  if (sources !== undefined && (sources === null || typeof sources !== "object" || Array.isArray(sources))) {
    throw invalid(file, '"sources" must be an object of sources by name');
  }
  if (dataConverter !== undefined && typeof dataConverter !== "string" && typeof dataConverter !== "object") {
    throw invalid(file, '"dataConverter" must be a data converter, or the path of a module that exports one');
  }
  return content as ProjectFile;
}

/** A path is loaded when a source of that name is asked for: commands that read no source need none. */
function lazySources(
  given: { [name: string]: unknown },
  folder: string,
  file: string,
): ProjectFile["sources"] {
  const sources = {};
  for (const [name, value] of Object.entries(given)) {
    const path = typeof value === "string" ? (isAbsolute(value) ? value : resolve(folder, value)) : undefined;
    Object.defineProperty(sources, name, {
      enumerable: true,
      get: () =>
        path === undefined ? value : exportOf(path, [name, "source", "default"], `${file}: sources.${name}`),
    });
  }
  return sources;
}

function invalid(file: string, what: string): TidemarkError {
  return new TidemarkError("PROJECT_FILE_INVALID", `${file}: ${what}.`);
}

/** The rest of a parser's message quotes the file. */
function firstLine(error: unknown): string {
  return String((error as Error)?.message ?? error).split("\n")[0]!;
}

/** @throws TidemarkError PROJECT_UNUSABLE */
export function requireFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new TidemarkError("PROJECT_UNUSABLE", `The project's folder ${folder} is not there.`);
}
