/** Turns a checked spec document into its resolved form: defaults filled in, paths absolute, secrets named. */
import { dirname, resolve } from "node:path";
import type { Config } from "../config";
import { storedNames } from "../destinations/dataset-names";
import { DESTINATION_TYPES, destinationType } from "../destinations/registry";
import { type DltSettings, isTable, readDltSettings } from "../dlt-project/settings-files";
import { TidemarkError } from "../pipeline/errors";
import type { NotifySpec } from "../pipeline/notices";
import type {
  ColumnHint,
  DestinationSpec,
  Json,
  JsonObject,
  ResolvedPipeline,
  RunInput,
  SourceSpec,
} from "../pipeline/spec";
import { snakeCase } from "../schema/naming";
import { sourceType } from "../sources/registry";
import { MAX_SCHEMA_NAME, SCHEMA_NAME, toAppliedHints, toDisposition } from "../sources/resource-hints";
import { assertSpec, type SpecDocument, specError } from "./check-spec";
import {
  datasetLayout,
  withDestinationSettings,
  withPipelineSettings,
  withSchemaSettings,
  withSourceSettings,
} from "./dlt-settings";
import { resolveGate } from "./gate-spec";
import { isBelow, type LoadedSpec } from "./load-spec";
import { assertSpecCrosses } from "./packed-spec";
import { literalSecrets, swapLiterals } from "./secrets";

/**
 * @param input the overrides of a run, checked (`checkRunInput`)
 * @throws TidemarkError SPEC_INVALID (all problems at once), SPEC_HOLDS_SECRET
 */
export function resolveSpec(
  loaded: LoadedSpec,
  input: Omit<RunInput, "pipeline">,
  config: Config,
): ResolvedPipeline {
  const where = loaded.file ?? "The inline spec";
  const settings = readDltSettings(config.dlt, config.env);
  const filled = withDltSettings(completed(loaded.document, config), settings, config);
  assertSpec(filled, where);
  const document = filled as unknown as SpecDocument;
  const base = loaded.file === undefined ? config.cwd : dirname(loaded.file);
  const named = {
    dataset_name: datasetLayout(document.pipeline_name, settings).replace(
      "%s",
      () => document.dataset_name ?? config.datasetName,
    ),
    destination: withLoadMode(resolveDestination(filled.destination, config, loaded.file), input.load_mode),
  };
  const resolved: ResolvedPipeline = {
    pipeline_name: document.pipeline_name,
    ...named,
    stored: storedNames(named),
    source: resolveSource(document.source as JsonObject, loaded, config, base),
    write_disposition: toDisposition(
      (input.write_disposition as SpecDocument["write_disposition"]) ?? document.write_disposition,
    ),
    schema_contract: document.schema_contract,
    primary_key: toNames(document.primary_key),
    merge_key: toNames(document.merge_key),
    columns: toColumns(document.columns),
    table_name: document.table_name,
    loader_file_format: document.loader_file_format,
    refresh: input.refresh ?? document.refresh,
    resource_hints: toResourceHints(document.resource_hints),
    resources: input.resources ?? document.resources,
    transform: input.transform === false ? undefined : resolveTransform(document.transform, input, config),
    gate: document.gate === undefined || input.gate === false ? undefined : resolveGate(document.gate),
    retry: {
      http_attempts: input.retry?.http_attempts ?? document.retry?.http_attempts ?? 5,
      activity_attempts: input.retry?.activity_attempts ?? document.retry?.activity_attempts ?? 5,
      host_timeout_seconds: input.retry?.host_timeout_seconds ?? document.retry?.host_timeout_seconds,
    },
    parallel: input.parallel ?? document.parallel,
    on_busy: input.on_busy ?? document.on_busy,
    notify: resolveNotify(document.notify as NotifySpec[] | undefined, loaded),
  };
  const { destination, transform } = resolved;
  if (transform?.dbt.publish === "candidate" && !destinationType(destination.type).publishes) {
    const message = `must be "live": ${destination.type} knows no candidates that could be published`;
    throw specError(where, [{ path: ["transform", "dbt", "publish"], message }]);
  }
  assertSpecCrosses(resolved);
  return resolved;
}

/**
 * The document with everything that dlt's configuration has for what it leaves out. It is not checked yet:
 * what cannot be read stays as it is.
 */
function withDltSettings(given: JsonObject, settings: DltSettings, config: Config): JsonObject {
  const document = withPipelineSettings(given, settings);
  const pipeline = String(document.pipeline_name);
  const destination = document.destination ?? config.destination;
  if (typeof destination === "string") {
    document.destination = withDestinationSettings({ type: destination }, pipeline, settings);
  } else if (isTable(destination)) {
    document.destination = withDestinationSettings(destination, pipeline, settings);
  }
  const { source } = document;
  const type = isTable(source) ? sourceType(String(source.type)) : undefined;
  if (isTable(source) && type !== undefined) {
    // One that has to be asked for its name looks up its own settings too.
    if (type.describe !== undefined) return document;
    const named = { ...source, name: source.name ?? (type.standalone ? schemaNameOf(pipeline) : type.type) };
    document.source = withSourceSettings(
      withSchemaSettings(named, pipeline, settings),
      type,
      pipeline,
      settings,
    );
  }
  return document;
}

/** A source's type may know more of it than the spec says. What cannot be read stays as it is. */
function completed(document: JsonObject, config: Config): JsonObject {
  const { source } = document;
  const type = isTable(source) ? sourceType(String(source.type)) : undefined;
  if (type?.complete === undefined) return document;
  const whole = type.complete(source as unknown as SourceSpec, config.sources) as unknown as JsonObject;
  return { ...document, source: whole };
}

/** dlt: `normalize_schema_name`; a name that can be a schema's stays as it is. */
function schemaNameOf(pipeline: string): string {
  const isName = SCHEMA_NAME.test(pipeline) && pipeline.length <= MAX_SCHEMA_NAME;
  return isName || pipeline.trim() === ""
    ? pipeline
    : snakeCase({ maxLength: MAX_SCHEMA_NAME }).ident(pipeline);
}

function withLoadMode(destination: DestinationSpec, loadMode: RunInput["load_mode"]): DestinationSpec {
  if (loadMode === undefined) return destination;
  if (destinationType(destination.type).loadModes?.includes(loadMode)) {
    return Object.assign({ ...destination }, { load_mode: loadMode });
  }
  const types = DESTINATION_TYPES.filter(({ loadModes }) => loadModes?.includes(loadMode));
  throw new TidemarkError(
    "SPEC_INVALID",
    `load_mode (--load-mode) is for the destination ${types.map(({ type }) => type).join(", ")}; this run loads into ${destination.type}. Leave it out.`,
  );
}

/** @param given of the filled document: with its type at least */
function resolveDestination(
  given: Json | undefined,
  config: Config,
  file: string | undefined,
): DestinationSpec {
  const options = given as JsonObject;
  return destinationType(String(options.type)).resolve(options, config, file);
}

function resolveSource(document: JsonObject, loaded: LoadedSpec, config: Config, base: string): SourceSpec {
  const type = sourceType(String(document.type))!;
  let source: JsonObject = { ...document };
  const pointers = type.secretPointers(source as SourceSpec);
  const literals = literalSecrets(source, pointers);
  if (literals.length > 0) {
    if (loaded.file === undefined) {
      throw holdsSecret(literals.map(pointer => `source${pointer}`));
    }
    source = swapLiterals(source, pointers, loaded.file);
  }
  if (type.describe !== undefined) {
    source.project_dir = projectFolder(source.project_dir, loaded, config);
    // Filled in by resolveRun; the core knows sources by a name.
    source.name ??= "";
  } else if (typeof source.module === "string") {
    source.module = modulePath(source.module, loaded, config, base);
  }
  return source as SourceSpec;
}

/**
 * A dlt project's folder. A spec that came with a workflow's input, or from a folder that is not the worker's, may only
 * name code below the worker's own folder.
 */
function projectFolder(given: Json | undefined, { file }: LoadedSpec, { cwd, pipelinesDir }: Config): string {
  const folder = resolve(cwd, typeof given === "string" ? given : ".");
  const trusted = file !== undefined && (isBelow(file, cwd) || isBelow(file, pipelinesDir));
  if (trusted || folder === cwd || isBelow(folder, cwd)) return folder;
  throw new TidemarkError(
    "SPEC_INVALID",
    `source.project_dir: ${folder} lies outside ${cwd}; only a spec of the worker's own folder may name a project elsewhere, so that a workflow's input cannot run other code.`,
  );
}

function holdsSecret(places: string[]): TidemarkError {
  return new TidemarkError(
    "SPEC_HOLDS_SECRET",
    `The workflow's input holds a literal secret at ${places.join(", ")}. ` +
      "It now stands in the server's history: rotate that secret, then name an environment variable of the worker " +
      'instead, for example {"env": "API_TOKEN"}.',
  );
}

/** A code source's module: relative to its spec, and below the spec's folder or the pipelines folder. */
function modulePath(module_: string, loaded: LoadedSpec, config: Config, base: string): string {
  const folder = loaded.file === undefined ? config.pipelinesDir : base;
  const path = resolve(folder, module_);
  if (!isBelow(path, folder) && !isBelow(path, config.pipelinesDir)) {
    throw new TidemarkError(
      "SPEC_INVALID",
      `source.module: ${path} lies outside ${folder}; a spec names modules below its own folder or the pipelines folder, so that a workflow's input cannot run other code.`,
    );
  }
  return path;
}

/** @throws TidemarkError SPEC_HOLDS_SECRET, SPEC_INVALID */
function resolveNotify(notify: NotifySpec[] | undefined, { file }: LoadedSpec): NotifySpec[] | undefined {
  if (notify === undefined) return undefined;
  if (file === undefined && notify.some(({ command }) => command !== undefined)) {
    throw new TidemarkError(
      "SPEC_INVALID",
      "notify: a command is run only for a spec that is a file of the worker, so that a workflow's input cannot run programs there. Put the spec into pipelines/, or name a webhook.",
    );
  }
  const pointers = notify.flatMap(({ headers = {} }, i) => [
    `/${i}/webhook`,
    ...Object.keys(headers).map(name => `/${i}/headers/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`),
  ]);
  const receivers = notify as unknown as JsonObject;
  const literals = literalSecrets(receivers, pointers);
  if (literals.length === 0) return notify;
  if (file === undefined) throw holdsSecret(literals.map(pointer => `notify${pointer}`));
  return swapLiterals(receivers, pointers, file, "/notify") as unknown as NotifySpec[];
}

function resolveTransform(
  transform: SpecDocument["transform"],
  input: Omit<RunInput, "pipeline">,
  config: Config,
): ResolvedPipeline["transform"] {
  if (transform === undefined) return undefined;
  const { dbt } = transform;
  const projectDir = dbt.project_dir === undefined ? config.dbtDir : resolve(config.cwd, dbt.project_dir);
  return {
    dbt: {
      project_dir: projectDir,
      profiles_dir: dbt.profiles_dir === undefined ? projectDir : resolve(config.cwd, dbt.profiles_dir),
      target: dbt.target ?? "",
      select: dbt.select,
      exclude: dbt.exclude,
      selector: dbt.selector,
      threads: dbt.threads,
      state: dbt.state === undefined ? undefined : resolve(config.cwd, dbt.state),
      defer: dbt.defer,
      docs: dbt.docs,
      publish: dbt.publish,
      generations: dbt.generations,
      vars: dbt.vars as JsonObject | undefined,
      freshness: dbt.freshness ?? true,
      full_refresh: input.full_refresh ?? dbt.full_refresh ?? false,
    },
  };
}

function toResourceHints(given: SpecDocument["resource_hints"]): ResolvedPipeline["resource_hints"] {
  if (given === undefined) return undefined;
  return Object.fromEntries(Object.entries(given).map(([name, hints]) => [name, toAppliedHints(hints)]));
}

function toNames(given: string | string[] | undefined): string[] | undefined {
  return typeof given === "string" ? [given] : given;
}

function toColumns(given: SpecDocument["columns"]): ColumnHint[] | undefined {
  if (given === undefined) return undefined;
  if (Array.isArray(given)) return given as unknown as ColumnHint[];
  return Object.entries(given).map(([name, hint]) => ({ ...(hint as object), name }) as ColumnHint);
}
