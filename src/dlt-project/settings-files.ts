/**
 * dlt's configuration files: `config.toml` and `secrets.toml` of the project's `.dlt/` folder, laid over those of
 * the user's global folder (dlt: SettingsTomlProvider, update_dict_nested).
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse, TomlDate, TomlError, type TomlValue } from "smol-toml";
import { TidemarkError } from "../pipeline/errors";
import type { Json, JsonObject } from "../pipeline/spec";

export type Env = { [name: string]: string | undefined };

/** Folders that dlt reads: the project's first, as its values win. */
export interface DltFolders {
  /** `.dlt` of the project. */
  settings: string;
  /** dlt's global folder, `~/.dlt` as a rule. */
  global: string;
  /** Where container platforms put secrets, a file or a folder each: `/run/secrets`. */
  mounted: string;
}

export interface DltSettings {
  env: Env;
  secrets: JsonObject;
  config: JsonObject;
  mounted: string;
}

/** @throws TidemarkError SPEC_INVALID when a file is no TOML; the message quotes nothing of it */
export function readDltSettings(folders: DltFolders, env: Env): DltSettings {
  return {
    env,
    secrets: readLayers("secrets.toml", folders),
    config: readLayers("config.toml", folders),
    mounted: folders.mounted,
  };
}

function readLayers(name: string, { settings, global }: DltFolders): JsonObject {
  return merge(readToml(join(global, name)), readToml(join(settings, name)));
}

function readToml(file: string): JsonObject {
  if (!existsSync(file)) return {};
  try {
    return plain(parse(readFileSync(file, "utf8"), { integersAsBigInt: "asNeeded" })) as JsonObject;
  } catch (error) {
    // The parser's message shows the lines around the place, which may be secrets: only its first line is kept.
    const why =
      error instanceof TomlError
        ? `line ${error.line}, column ${error.column}: ${error.message.split("\n")[0]}`
        : ((error as NodeJS.ErrnoException).code ?? "it cannot be read");
    throw new TidemarkError("SPEC_INVALID", `${file} cannot be read as TOML, ${why}`);
  }
}

/** JSON's kinds only: times as their text, integers beyond 2^53 as digits. */
function plain(value: TomlValue): Json {
  if (value instanceof TomlDate) return value.toISOString();
  if (typeof value === "bigint") return value.toString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  }
  return value;
}

function merge(below: JsonObject, above: JsonObject): JsonObject {
  const merged: JsonObject = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const under = Object.hasOwn(below, key) ? below[key] : undefined;
    merged[key] = isTable(under) && isTable(value) ? merge(under, value) : value;
  }
  return merged;
}

export function isTable(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
