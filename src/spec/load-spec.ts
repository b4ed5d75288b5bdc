/** Finds a pipeline spec by name or path and reads it: JSON, YAML, or a TypeScript module's default export. */
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { basename, extname, isAbsolute, join, relative, resolve } from "node:path";
import { TidemarkError } from "../pipeline/errors";
import { nearestName } from "../pipeline/nearest-name";
import type { JsonObject } from "../pipeline/spec";
import { requireModule } from "../project-modules";
import { parseYaml } from "./parse-yaml";

const IS_CODE = /\.[tj]s$/;
/** Characters from which on the time to read a spec is felt. */
const LONG_TEXT = 256 * 1024;
const EXTENSIONS = [".yaml", ".yml", ".json", ".ts", ".js"];

export interface LoadedSpec {
  document: JsonObject;
  /** Absolute path of the file; undefined for an inline spec. */
  file?: string;
}

/** Names of all specs in the folder, sorted. */
export function listSpecs(pipelinesDir: string): string[] {
  if (!existsSync(pipelinesDir)) return [];
  return readdirSync(pipelinesDir)
    .filter(file => EXTENSIONS.includes(extname(file)) && !file.endsWith(".d.ts") && !file.startsWith("."))
    .map(file => basename(file, extname(file)))
    .sort();
}

/**
 * @param nameOrPath a name in `pipelines/`, or a path (with a slash or an extension) relative to `cwd`
 * @param only when given, a TypeScript or JavaScript spec must lie below this folder: a workflow's input names the
 *   spec, and reading such a spec runs it
 * @throws TidemarkError SPEC_NOT_FOUND, SPEC_INVALID
 */
export function loadSpec(
  nameOrPath: string,
  options: { cwd: string; pipelinesDir: string; only?: string },
): LoadedSpec {
  const file = findSpec(nameOrPath, options);
  if (
    options.only !== undefined &&
    IS_CODE.test(file) &&
    !isBelow(realpathSync(file), realpathSync(options.only))
  ) {
    throw new TidemarkError(
      "SPEC_NOT_FOUND",
      `Pipeline "${nameOrPath}" lies outside ${options.only}: a worker runs TypeScript and JavaScript specs of its own project folder only.`,
    );
  }
  return { document: readSpec(file), file };
}

function findSpec(nameOrPath: string, { cwd, pipelinesDir }: { cwd: string; pipelinesDir: string }): string {
  const asPath = resolve(cwd, nameOrPath);
  const looksLikePath = /[\\/]/.test(nameOrPath) || EXTENSIONS.includes(extname(nameOrPath));
  if (looksLikePath) {
    if (existsSync(asPath) && statSync(asPath).isFile()) return asPath;
    throw new TidemarkError("SPEC_NOT_FOUND", `There is no pipeline spec at ${asPath}.`);
  }
  for (const extension of EXTENSIONS) {
    const file = join(pipelinesDir, nameOrPath + extension);
    if (existsSync(file)) return file;
  }
  const names = listSpecs(pipelinesDir);
  const near = nearestName(nameOrPath, names);
  throw new TidemarkError(
    "SPEC_NOT_FOUND",
    `There is no pipeline "${nameOrPath}" in ${pipelinesDir}` +
      (near ? `; did you mean "${near}"?` : `; there are: ${names.join(", ") || "none"}. A path works too.`),
  );
}

function readSpec(file: string): JsonObject {
  let document: unknown;
  try {
    if (IS_CODE.test(file)) {
      document = JSON.parse(JSON.stringify(requireModule(file).default ?? null));
    } else {
      document = parseSpecText(readFileSync(file, "utf8"), extname(file) === ".json");
    }
  } catch (error) {
    // The first line only: the rest quotes the file, which may hold a secret.
    const [what] = (error as Error).message.split("\n");
    throw new TidemarkError("SPEC_INVALID", `${file} cannot be read: ${what}`);
  }
  if (document === null || typeof document !== "object" || Array.isArray(document)) {
    throw new TidemarkError(
      "SPEC_INVALID",
      `${file} does not hold a pipeline spec: an object was expected${IS_CODE.test(file) ? " as its default export" : ""}.`,
    );
  }
  return document as JsonObject;
}

/**
 * JSON or YAML, merge keys (`<<: *base`) included. Top-level keys that begin with `x-` are no part of a spec: they are
 * where anchors may stand (as in Compose files).
 * @param json read by JSON's own parser where both read the same: YAML's takes a hundred times as long, seconds for megabytes
 */
export function parseSpecText(text: string, json = false): unknown {
  const document = (json ? asJson(text) : undefined) ?? parseYaml(text);
  if (document === null || typeof document !== "object" || Array.isArray(document)) return document;
  return Object.fromEntries(Object.entries(document).filter(([key]) => !key.startsWith("x-")));
}

/** Undefined where YAML's parser says more: it refuses a key that stands twice, takes comments, names the place. */
function asJson(text: string): unknown {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undefined;
  }
  // A text with a colon after it is a key.
  const keys = text.match(/"(?:[^"\\]|\\.)*"\s*:/g) ?? [];
  return keys.length === countKeys(document) || text.length > LONG_TEXT ? document : undefined;
}

function countKeys(node: unknown): number {
  if (node === null || typeof node !== "object") return 0;
  const own = Array.isArray(node) ? 0 : Object.keys(node).length;
  return Object.values(node).reduce((sum: number, inner) => sum + countKeys(inner), own);
}

export function isBelow(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== "" && !way.startsWith("..") && !isAbsolute(way);
}
