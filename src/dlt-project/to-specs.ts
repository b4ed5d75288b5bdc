/** Pipeline specs from what was found in a dlt project, with dlt's own defaults made explicit. */
import { basename, extname, relative, resolve } from "node:path";
import type { Json, JsonObject } from "../pipeline/spec";
import { destination, missingSettings } from "./destination-of";
import { lookUp, lookUpPath } from "./look-up";
import { type FoundProject, type FoundRun, type FoundSource, marker, type NotTaken } from "./read-project";
import { type DltSettings, isTable } from "./settings-files";

export interface MadeSpec {
  /** Name of the file, without extension. */
  name: string;
  /** The native spec, or the one of type `dlt`. */
  document: JsonObject;
  /** The same pipeline by its own Python, for a native spec that turns out not to be valid. */
  byPython: JsonObject;
  native: boolean;
  /** Why it is not native. */
  reasons: NotTaken[];
  file: string;
  line: number;
}

/** Where the dlt project is, and the folder to which paths in the specs are relative. */
export interface ProjectPlaces {
  folder: string;
  cwd: string;
}

/** The folder in which a program runs, with its `.dlt`, and the settings there. */
export interface ProgramHome {
  folder: string;
  settings: DltSettings;
}

const RUN_OPTIONS = [
  "write_disposition",
  "table_name",
  "columns",
  "primary_key",
  "schema_contract",
  "loader_file_format",
  "refresh",
];
const REST_OPTIONS = ["section", "max_table_nesting", "root_key", "schema_contract", "parallelized"];
/** Arguments that only tune dlt's way of reading and change no row. */
const NO_MEANING = ["metadata", "defer_table_reflect", "engine_kwargs", "backend_kwargs", "schema_import"];

/** @param home where a program of the project runs */
export function toSpecs(
  found: FoundProject,
  home: (file: string) => ProgramHome,
  { folder: project, cwd }: ProjectPlaces,
): { specs: MadeSpec[]; problems: NotTaken[] } {
  const problems = [...found.problems];
  const specs: MadeSpec[] = [];
  for (const runs of tablesTogether(found.runs)) {
    const first = runs[0]!;
    const { file, line } = first;
    const { folder, settings } = home(file);
    const places = { folder, cwd };
    const reasons = [...first.reasons];
    const tell = (what: string, at = line) => reasons.push({ file, line: at, what });
    const byPython = pythonDocument(first, settings, places, relative(folder, resolve(project, file)));
    const native = first.source === null ? undefined : nativeDocument(runs, settings, places, tell);
    if (byPython === undefined || first.unreachable !== undefined) {
      const why = first.unreachable ?? "the pipeline's name is known only when the program runs";
      problems.push(
        { file, line, what: `${why}: run the program itself, \`tidemark run ${file}\`` },
        ...reasons,
      );
      continue;
    }
    const isNative = native !== undefined && reasons.length === 0;
    const document = isNative ? native : byPython;
    const name = freeName(document, specs, isNative);
    if (name === undefined) continue;
    if (!isNative && first.several) {
      tell(
        `pipeline "${document.pipeline_name}" runs more than once here, and a spec is one load: \`tidemark run ${file}\` does all of it`,
      );
    }
    for (const setting of missingSettings(document.destination ?? null, settings)) {
      const what = `the destination's secret is not in the spec: put it into .dlt/secrets.toml as ${setting}`;
      problems.push({ file, line, what });
    }
    specs.push({ name, document, byPython, native: isNative, reasons, file, line });
  }
  return { specs, problems };
}

/** undefined: the same document is there already. */
function freeName(document: JsonObject, specs: readonly MadeSpec[], native: boolean): string | undefined {
  const text = JSON.stringify(document);
  if (specs.some(spec => JSON.stringify(spec.document) === text)) return undefined;
  const taken = (name: string) => specs.some(spec => spec.name === name);
  const source = document.source as JsonObject;
  const second = native ? source.name : (source.function ?? source.run ?? "python");
  let name = safeName(String(document.pipeline_name));
  if (taken(name)) name = safeName(`${document.pipeline_name}-${second}`);
  for (let i = 2; taken(name); i++) name = safeName(`${document.pipeline_name}-${second}-${i}`);
  return name;
}

/** The program as it is. undefined: its pipeline has no name that is known. */
function pythonDocument(
  { file, line, pipeline, options, place, several }: FoundRun,
  settings: DltSettings,
  places: ProjectPlaces,
  program: string,
): JsonObject | undefined {
  const unknown = [...((pipeline.unknown as string[]) ?? []), ...((options.unknown as string[]) ?? [])];
  if (unknown.includes("pipeline_name")) return undefined;
  const name = pipelineName(file, pipeline);
  const given: JsonObject = { ...pipeline, ...options };
  if (unknown.includes("credentials")) given.destination = { unknown: line };
  const { run, function: called } = place;
  return {
    pipeline_name: name,
    dataset_name: unknown.includes("dataset_name")
      ? { not_understood: `${file}:${line}` }
      : dataset(name, given, settings),
    ...destination(name, given, settings, places, file),
    source: {
      type: "dlt",
      project_dir: relative(places.cwd, places.folder) || ".",
      program,
      ...(called === undefined ? {} : { function: called }),
      ...(run === undefined || several ? {} : { run }),
    },
  };
}

/** A spec that the check refuses, and that says where what was not understood stands. */
export function placeholder(spec: MadeSpec): JsonObject {
  const { file, line, what } = spec.reasons[0] ?? { file: spec.file, line: spec.line, what: "" };
  return { ...spec.byPython, source: { type: `not understood: ${file}:${line}: ${what}` } };
}

/** dlt: get_default_pipeline_name */
const pipelineName = (file: string, pipeline: JsonObject) =>
  String(pipeline.pipeline_name ?? `dlt_${basename(file, extname(file))}`);

/** Tables that one call of `run` loads belong together, as one source `sql_database`. */
function tablesTogether(runs: readonly FoundRun[]): FoundRun[][] {
  const groups: FoundRun[][] = [];
  for (const run of runs) {
    const group = groups.find(
      ([first]) =>
        first!.source?.kind === "sql_table" &&
        run.source?.kind === "sql_table" &&
        first!.file === run.file &&
        first!.line === run.line,
    );
    if (group === undefined) groups.push([run]);
    else group.push(run);
  }
  return groups;
}

const safeName = (name: string) => name.replaceAll(/[^\w.-]+/g, "_").replace(/^\.+/, "_");

type Tell = (what: string, line?: number) => void;

function nativeDocument(
  runs: FoundRun[],
  settings: DltSettings,
  places: ProjectPlaces,
  tell: Tell,
): JsonObject {
  const [{ file, pipeline, options }] = runs as [FoundRun];
  const found = runs[0]!.source!;
  const name = pipelineName(file, pipeline);
  const document: JsonObject = {
    pipeline_name: name,
    dataset_name: dataset(name, { ...pipeline, ...options }, settings),
    ...destination(name, { ...pipeline, ...options }, settings, places, file),
    source: {},
  };
  for (const key of ["refresh", "dev_mode", "full_refresh"]) {
    if (key === "refresh" && typeof pipeline[key] === "string") document[key] = pipeline[key];
    else if (pipeline[key]) tell(`${key} is not supported: load into a dataset_name of its own`);
  }
  for (const [key, value] of Object.entries(options)) {
    if (RUN_OPTIONS.includes(key) && value !== null) document[key] = value;
    else if (!["dataset_name", "destination", "credentials"].includes(key))
      tell(`run: the argument ${key} is not taken`);
  }
  const source =
    found.kind === "rest_api"
      ? restSource(found, name, tell)
      : found.kind === "sql_database"
        ? databaseSource(found)
        : tableSource(runs, name, tell);
  const section = String(source.section ?? (found.own?.section || source.type));
  document.source = filled(source, {
    tell: what => tell(what, found.line),
    settings,
    sections: ["sources", section, String(source.name)],
    pipeline: name,
  });
  if (found.selected !== undefined) document.resources = found.selected;
  const hints = Object.assign({}, ...runs.map(run => run.source?.hints ?? {})) as JsonObject;
  if (Object.keys(hints).length > 0) document.resource_hints = hints;
  return document;
}

/** dlt: `<pipeline name>_dataset` unless code or configuration say otherwise. */
function dataset(pipeline: string, given: JsonObject, settings: DltSettings): string {
  const sections = ["pipelines", pipeline];
  const value = given.dataset_name ?? lookUp(settings, { key: "dataset_name", sections, pipeline })?.value;
  return typeof value === "string" && value !== "" ? value : `${pipeline}_dataset`;
}

function restSource(found: FoundSource, pipeline: string, tell: Tell): JsonObject {
  const { config, name, ...others } = found.arguments;
  const bare = found.call === "rest_api_resources";
  // Resources without a source belong to a schema that is called as the pipeline.
  const own = found.own?.name ?? name ?? (bare ? pipeline : "rest_api");
  const made: JsonObject = { type: "rest_api", name: own };
  const { name: _, ...decorated } = found.own ?? { name: "" };
  Object.assign(made, decorated);
  for (const [key, value] of Object.entries(others)) {
    if (REST_OPTIONS.includes(key)) made[key] = value;
    else tell(`the argument ${key} is not taken`, found.line);
  }
  if (!isTable(config)) tell("the REST config is known only at run time", found.line);
  return { ...made, ...(isTable(config) ? config : { client: {}, resources: [] }) };
}

/** Arguments that stand under the same name in a spec; what a spec does not have, its check tells. */
function sqlArguments({ arguments: given }: FoundSource): JsonObject {
  const made: JsonObject = {};
  for (const [key, value] of Object.entries(given)) {
    if (key === "detect_precision_hints") {
      if (value === true) made.reflection_level = "full_with_precision";
    } else if (value !== null && !NO_MEANING.includes(key)) made[key] = value;
  }
  return made;
}

function databaseSource(found: FoundSource): JsonObject {
  return { type: "sql_database", name: "sql_database", ...sqlArguments(found) };
}

const OF_THE_DATABASE = ["credentials", "schema", "reflection_level", "backend", "resolve_foreign_keys"];

function tableSource(runs: FoundRun[], pipeline: string, tell: Tell): JsonObject {
  const tables = runs.map(run => sqlArguments(run.source!));
  if (tables.length === 1) return { type: "sql_table", name: pipeline, ...tables[0]! };
  const made: JsonObject = { type: "sql_database", name: pipeline };
  for (const key of OF_THE_DATABASE) {
    const values = new Set(tables.map(table => JSON.stringify(table[key])));
    if (values.size > 1) tell(`the tables of one run differ in ${key}; the first one's is taken for all`);
    if (tables[0]![key] !== undefined) made[key] = tables[0]![key];
  }
  made.table_names = tables.map(table => String(table.table));
  made.resources = tables.map(({ table, ...others }) => ({
    name: String(table),
    ...Object.fromEntries(Object.entries(others).filter(([key]) => !OF_THE_DATABASE.includes(key))),
  }));
  return made;
}

interface Filling {
  tell: (what: string) => void;
  settings: DltSettings;
  sections: string[];
  pipeline: string;
}

/** A copy in which configured values stand as values, secrets as names. */
function filled<T extends Json>(value: T, by: Filling): T {
  const walk = (node: Json): Json | undefined => {
    const config = marker(node, "dlt_config");
    if (config !== undefined) return orTell(lookUpPath(by.settings, config), config, by);
    const wanted = marker(node, "wanted_config");
    if (wanted !== undefined) return orTell(lookUp(by.settings, { ...by, key: wanted })?.value, wanted, by);
    const secret = marker(node, "wanted_secret");
    if (secret !== undefined) {
      const found = lookUp(by.settings, { ...by, key: secret, secret: true });
      if (found?.from === "env") return { env: found.name };
      return { dlt_secret: found?.name ?? `${by.sections.slice(0, 2).join(".")}.${secret}` };
    }
    if (Array.isArray(node)) return node.map(walk).filter(one => one !== undefined);
    if (!isTable(node)) return node;
    const entries = Object.entries(node).map(([key, inner]) => [key, walk(inner)] as const);
    return Object.fromEntries(entries.filter(([, inner]) => inner !== undefined)) as JsonObject;
  };
  return walk(value) as T;
}

function orTell(value: Json | undefined, name: string, { tell }: Filling): Json | undefined {
  if (value === undefined) tell(`dlt.config has no value for ${name}`);
  return value;
}
