/**
 * Where dlt looks for a value that code leaves out (dlt: configuration/resolve.py): environment, secrets.toml,
 * config.toml, each from the most specific section to none; first all of it below the pipeline's name, then without.
 */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { TidemarkError } from "../pipeline/errors";
import type { Json } from "../pipeline/spec";
import { type DltSettings, isTable } from "./settings-files";

export interface Wanted {
  key: string;
  /** Sections, most specific last, for example `["sources", "rest_api", "shop"]`. */
  sections: readonly string[];
  /** Section that stays while the path is shortened, dlt's `__section__`: for example `credentials`. */
  within?: string;
  pipeline?: string;
  /** A secret: mounted files are tried too, and config.toml must not have it. */
  secret?: boolean;
}

export interface Found {
  value: Json;
  /** `env`: `name` is the variable's. `file`: `name` is the dotted path in the TOML files, or of a mounted file. */
  from: "env" | "file";
  name: string;
}

/** Section paths from the most to the least specific (dlt: _build_section_lookup_paths). */
export function sectionPaths(sections: readonly string[], within?: string): string[][] {
  const tail = within === undefined ? [] : [within];
  const paths: string[][] = [];
  for (let length = sections.length; length >= 0; length--) {
    paths.push([...sections.slice(0, length), ...tail]);
  }
  const [top, section, name] = sections;
  if (top === "sources" && name !== undefined && section !== name) {
    paths.splice(2, 0, [top, name, ...tail]);
  }
  return paths;
}

/** dlt's name of an environment variable. */
export function envName(path: readonly string[]): string {
  return path.filter(Boolean).join("__").toUpperCase();
}

/** Names of all variables that would be tried, in order. */
export function envNames({ key, sections, within, pipeline }: Wanted): string[] {
  const plain = sectionPaths(sections, within).map(path => [...path, key]);
  const all = pipeline === undefined ? plain : [...plain.map(path => [pipeline, ...path]), ...plain];
  return all.map(envName);
}

/** @throws TidemarkError SPEC_INVALID when config.toml holds a secret */
export function lookUp(settings: DltSettings, wanted: Wanted): Found | undefined {
  const paths = sectionPaths(wanted.sections, wanted.within).map(path => [...path, wanted.key]);
  const below = wanted.pipeline === undefined ? [] : [paths.map(path => [wanted.pipeline!, ...path])];
  for (const round of [...below, paths]) {
    const found =
      first(round, path => fromEnvironment(settings, path, wanted.secret ?? false)) ??
      first(round, path => fromFile(settings.secrets, path)) ??
      first(round, path => fromConfig(settings, path, wanted.secret ?? false));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The value at exactly this dotted path (dlt: `dlt.secrets["a.b"]`, and `dlt.config["a.b"]` after it). */
export function lookUpPath(settings: DltSettings, dotted: string): Json | undefined {
  const path = dotted.split(".");
  return (
    fromEnvironment(settings, path, true) ??
    fromFile(settings.secrets, path) ??
    fromFile(settings.config, path)
  )?.value;
}

function first(paths: string[][], read: (path: string[]) => Found | undefined): Found | undefined {
  for (const path of paths) {
    const found = read(path);
    if (found !== undefined) return found;
  }
  return undefined;
}

function fromEnvironment(settings: DltSettings, path: string[], secret: boolean): Found | undefined {
  const name = envName(path);
  if (secret) {
    const mounted = readMounted(settings.mounted, name.toLowerCase().replaceAll("_", "-"));
    if (mounted !== undefined) return { value: mounted, from: "file", name: path.join(".") };
  }
  const value = settings.env[name];
  return value === undefined ? undefined : { value, from: "env", name };
}

/** Kubernetes mounts a folder with a file of the same name, docker compose the file alone. */
function readMounted(folder: string, name: string): string | undefined {
  if (name.includes("/") || name.includes("\0")) return undefined;
  const file = join(folder, name);
  try {
    const text = readFileSync(statSync(file).isDirectory() ? join(file, name) : file, "utf8");
    return text.replace(/\r?\n$/, "");
  } catch {
    return undefined;
  }
}

function fromFile(document: Json, path: string[]): Found | undefined {
  let node: Json | undefined = document;
  for (const part of path) {
    if (!isTable(node) || !Object.hasOwn(node, part)) return undefined;
    node = node[part];
  }
  return node === undefined ? undefined : { value: node, from: "file", name: path.join(".") };
}

function fromConfig(settings: DltSettings, path: string[], secret: boolean): Found | undefined {
  const found = fromFile(settings.config, path);
  if (found !== undefined && secret) {
    throw new TidemarkError(
      "SPEC_INVALID",
      `config.toml has a value at ${found.name}, which is a secret: move it to secrets.toml or to the environment variable ${envName(path)}.`,
      { dltException: "ValueNotSecretException" },
    );
  }
  return found;
}
