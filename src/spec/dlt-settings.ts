/**
 * Fills in what a spec leaves out from dlt's configuration, as dlt would: pipeline, destination, source and schema
 * settings. What the spec says wins. Secrets become references, so that they stay out of history.
 */
import type { Config } from "../config";
import { findDestinationType } from "../destinations/registry";
import { envNames, type Found, lookUp, lookUpPath, type Wanted } from "../dlt-project/look-up";
import { type DltSettings, isTable, readDltSettings } from "../dlt-project/settings-files";
import { type SettingKind, settingValue } from "../dlt-project/values";
import { TidemarkError } from "../pipeline/errors";
import { isSecretRef } from "../pipeline/secret-ref";
import type { Json, JsonObject, SourceSpec } from "../pipeline/spec";
import type { SourceSetting, SourceType } from "../sources/source";
import { readPointer, writePointer } from "./secrets";

/** `undefined` when there is none; a table where a plain value is wanted counts as none. */
function setting(settings: DltSettings, wanted: Wanted, kind: SettingKind): Json | undefined {
  const found = plainFound(lookUp(settings, wanted), kind);
  return found === undefined ? undefined : settingValue(found, kind);
}

function plainFound(found: Found | undefined, kind: SettingKind): Found | undefined {
  return found !== undefined && isTable(found.value) && kind !== "object" && kind !== "any"
    ? undefined
    : found;
}

/**
 * dlt: PipelineConfiguration, by `pipelines.<name>`.
 * @throws TidemarkError SPEC_INVALID for settings that would change what is loaded and that are not supported
 */
export function withPipelineSettings(document: JsonObject, settings: DltSettings): JsonObject {
  const pipeline = document.pipeline_name;
  if (typeof pipeline !== "string" || pipeline === "") return { ...document };
  const look = (key: string, kind: SettingKind = "text") =>
    setting(settings, { key, sections: ["pipelines", pipeline], pipeline }, kind);
  const filled: JsonObject = { ...document };
  for (const key of ["dev_mode", "full_refresh"]) {
    if (look(key, "boolean") === true) throw unsupported(key, "load into a dataset_name of its own instead");
  }
  for (const key of ["dataset_name", "refresh"]) {
    const value = filled[key] === undefined ? look(key) : undefined;
    if (value !== undefined) filled[key] = value;
  }
  if (filled.destination === undefined) {
    const type = look("destination_type");
    const name = look("destination_name");
    if (type !== undefined || name !== undefined) {
      filled.destination = { type: type ?? name!, ...(name === undefined ? {} : { destination_name: name }) };
    }
  }
  return filled;
}

/** dlt: `dataset_name_layout`, in which `%s` stands for the dataset's name. @throws TidemarkError SPEC_INVALID */
export function datasetLayout(pipeline: string, settings: DltSettings): string {
  const key = "dataset_name_layout";
  const layout = setting(settings, { key, sections: ["pipelines", pipeline], pipeline }, "text") as string;
  if (layout === undefined) return "%s";
  if (layout.includes("%s")) return layout;
  throw new TidemarkError("SPEC_INVALID", 'The setting dataset_name_layout must hold "%s".');
}

/**
 * dlt: `destination.<name>`, where a name that is no type of ours has its `destination_type` there too.
 * @throws TidemarkError SPEC_INVALID
 */
export function withDestinationSettings(
  given: JsonObject,
  pipeline: string,
  settings: DltSettings,
): JsonObject {
  const { destination_name, ...options } = given;
  const name = String(destination_name ?? options.type);
  const named = lookUpPath(settings, `destination.${name}.destination_type`);
  const type = typeof named === "string" ? named : options.type;
  const filled: JsonObject = { ...options, type: typeof type === "string" ? type.split(".").at(-1)! : type! };
  const sections = ["destination", name];
  for (const one of findDestinationType(String(filled.type))?.settings ?? []) {
    const { key, option = key, within, kind, secret } = one;
    const pointer = `/${option.replaceAll(".", "/")}`;
    const nested = isTable(filled.credentials) ? filled.credentials : {};
    if (isFilled(filled, pointer) || (within === "credentials" && nested[key] !== undefined)) continue;
    const found = plainFound(lookUp(settings, { key, sections, within, pipeline, secret }), kind);
    if (found === undefined) continue;
    const value = settingValue(found, kind);
    const parsed = one.parse === undefined ? value : one.parse(value, found.name);
    if (parsed !== undefined) writePointer(filled, pointer, one.reference ? reference(found) : parsed);
  }
  // dlt keeps a name of one's own in the pipeline's state.
  if (name !== filled.type) filled.destination_name = name;
  return filled;
}

/** Source settings, as the source's own type lists them. */
export function withSourceSettings(
  given: JsonObject,
  type: SourceType,
  pipeline: string,
  settings: DltSettings,
): JsonObject {
  const source = structuredClone(given);
  const done = new Set<string>();
  for (const one of type.settings?.(source as SourceSpec) ?? []) {
    if (done.has(one.pointer) || (!one.wins && isFilled(source, one.pointer))) continue;
    const wanted = { ...one, pipeline };
    const found = plainFound(lookUp(settings, wanted), one.kind);
    if (found === undefined) {
      if (one.required && !isFilled(source, one.pointer)) write(source, one, { env: telling(one) });
      continue;
    }
    write(source, one, one.reference ? reference(found) : settingValue(found, one.kind));
    done.add(one.pointer);
  }
  return source;
}

/** Something stands at the pointer, or a text or reference above it. */
function isFilled(source: JsonObject, pointer: string): boolean {
  const value = readPointer(source, pointer);
  if (value !== undefined && value !== null) return true;
  const above = readPointer(source, pointer.slice(0, pointer.lastIndexOf("/")));
  return pointer.lastIndexOf("/") > 0 && isSecretRef(above);
}

function write(source: JsonObject, { pointer, parent }: SourceSetting, value: Json): void {
  const above = pointer.slice(0, pointer.lastIndexOf("/"));
  if (parent !== undefined && !isTable(readPointer(source, above)))
    writePointer(source, above, { ...parent });
  writePointer(source, pointer, value);
}

function reference(found: Found): JsonObject {
  return found.from === "env" ? { env: found.name } : { dlt_secret: found.name };
}

/** The variable to name in a message: not with a section twice (`sources.rest_api.rest_api`). */
function telling(wanted: SourceSetting): string {
  const [, section, name] = wanted.sections;
  return envNames(wanted)[section === name ? 1 : 0]!;
}

const NAMINGS = ["snake_case", "dlt.common.normalizers.naming.snake_case"];
const NORMALIZER = "dlt.common.normalizers.json.relational";

/**
 * dlt: SchemaConfiguration, by `sources.<name>.schema`.
 * @throws TidemarkError SPEC_INVALID for a naming convention or normalizer that would give other tables
 */
export function withSchemaSettings(given: JsonObject, pipeline: string, settings: DltSettings): JsonObject {
  const sections = ["sources", String(given.name ?? given.type)];
  const look = (key: string, kind: SettingKind) =>
    setting(settings, { key, sections, within: "schema", pipeline }, kind);
  const naming = look("naming", "text");
  if (naming !== undefined && !NAMINGS.includes(naming as string)) {
    throw unsupported("schema.naming", "names follow snake_case, dlt's default");
  }
  const normalizer = look("json_normalizer", "object") as JsonObject | undefined;
  if (normalizer === undefined) return given;
  const config = isTable(normalizer.config) ? normalizer.config : {};
  const others = Object.keys(config).filter(key => key !== "max_nesting");
  if ((normalizer.module ?? NORMALIZER) !== NORMALIZER || others.length > 0) {
    throw unsupported("schema.json_normalizer", "of it only config.max_nesting is known");
  }
  return config.max_nesting === undefined || given.max_table_nesting !== undefined
    ? given
    : { ...given, max_table_nesting: config.max_nesting };
}

function unsupported(key: string, instead: string): TidemarkError {
  return new TidemarkError("SPEC_INVALID", `dlt's setting ${key} is not supported: ${instead}.`);
}

/** Settings of dlt's own machinery, which mean nothing here: told in the run's notes. */
const WITHOUT_EFFECT = ["extract", "normalize", "load", "data_writer"];

/** What a run should tell about dlt's settings; names only. */
export function settingsNotes(pipeline: string, config: Config): string[] {
  const names = settingsWithoutEffect(pipeline, readDltSettings(config.dlt, config.env));
  return names.length === 0
    ? []
    : [`Settings of dlt's own machinery have no effect here: ${names.join(", ")}.`];
}

/** Dotted names of settings that are set and have no effect, sorted. */
export function settingsWithoutEffect(pipeline: string, settings: DltSettings): string[] {
  const names = new Set<string>();
  for (const section of WITHOUT_EFFECT) {
    for (const document of [settings.secrets, settings.config]) {
      for (const path of [[section], [pipeline, section]]) collect(document, path, names);
    }
    for (const variable of Object.keys(settings.env)) {
      const rest = variable
        .toLowerCase()
        .replace(new RegExp(`^${escapeRegExp(pipeline.toLowerCase())}__`), "");
      if (rest.startsWith(`${section}__`)) names.add(rest.replaceAll("__", "."));
    }
  }
  return [...names].sort();
}

function collect(document: JsonObject, path: string[], names: Set<string>): void {
  let node: Json | undefined = document;
  for (const part of path) node = isTable(node) ? node[part] : undefined;
  const walk = (value: Json, at: string): void => {
    if (!isTable(value)) names.add(at);
    else for (const [key, inner] of Object.entries(value)) walk(inner, `${at}.${key}`);
  };
  if (isTable(node)) walk(node, path.at(-1)!);
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
