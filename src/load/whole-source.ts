/**
 * A source with an engine of its own (dlt in Python): what it is given of a load, and what becomes of its schema and
 * state. Both are dlt's own documents, handed in as stored and taken back as they are.
 */
import { type DoneRecord, readDone } from "../extract/checkpoint";
import { extractWhole, readWhole } from "../extract/extract-whole";
import { orjsonText } from "../json/print";
import type { Value } from "../json/values";
import { type PackageRef, resourceFolder } from "../package/layout";
import type { CursorInfo } from "../pipeline/cursor";
import { TidemarkError } from "../pipeline/errors";
import type { ExtractResourceInfo } from "../pipeline/infos";
import type { AppliedHints, JsonObject, ResolvedPipeline, WriteDisposition } from "../pipeline/spec";
import { adoptSchema, dataTables } from "../schema/stored-schema";
import type { StoredSchema } from "../schema/types";
import { fromStored, toCursorValue } from "../state/cursor-values";
import { copyState, type PipelineState, readState, type StoredIncremental } from "../state/pipeline-state";
import type { ExtractStepArgs } from "./extract-step";
import { type BegunState, type Extracted, readSchema, type WholeStart } from "./plan-files";
import { resourceOf } from "./refresh";

/** @throws TidemarkError of the source */
export async function wholeStep(
  args: ExtractStepArgs,
  begun: BegunState,
  whole: WholeStart,
): Promise<ExtractResourceInfo> {
  const { ref, spec, capabilities } = args;
  const schema = begun.schema_kept ? JSON.stringify(await readSchema(ref)) : undefined;
  return await extractWhole({
    ref,
    source: args.source,
    attempt: args.attempt,
    pipeline_name: spec.pipeline_name,
    dataset_name: spec.dataset_name,
    destination: {
      type: spec.destination.type,
      max_identifier_length: capabilities.max_identifier_length,
      max_column_identifier_length: capabilities.max_column_identifier_length,
    },
    state: workingState(begun, args.source.name, whole),
    ...(schema === undefined ? {} : { schema }),
    ...whole,
    run: runArguments(spec),
    resource_hints: Object.fromEntries(
      Object.entries(spec.resource_hints ?? {}).map(([name, hints]) => [name, hintArguments(hints)]),
    ),
    signal: args.signal,
    onProgress: args.onProgress,
  });
}

/** What dlt keeps in its working folder: the stored state, and what it knows of the folder. */
function workingState(begun: BegunState, source: string, { range }: WholeStart): string {
  const state = copyState(begun.state);
  if (range !== undefined && range.to === undefined) {
    // The cursor begins again at the range's start: what it held is forgotten.
    const resource = state.sources?.[source]?.resources?.[range.resource];
    if (resource !== undefined) delete resource.incremental;
  }
  return orjsonText({ ...state, _local: { first_run: false } } as unknown as Value);
}

/** dlt: the arguments of `pipeline.extract`. */
function runArguments(spec: ResolvedPipeline): JsonObject {
  const { write_disposition, loader_file_format, schema_contract, primary_key, columns, table_name } = spec;
  return given({
    write_disposition: write_disposition && dispositionArgument(write_disposition),
    loader_file_format,
    schema_contract,
    primary_key,
    columns,
    table_name,
  });
}

/** dlt: the arguments of `resource.apply_hints`. */
function hintArguments(hints: AppliedHints): JsonObject {
  const { write_disposition, nested_hints, extra, incremental, ...rest } = hints;
  return given({
    ...rest,
    write_disposition: write_disposition && dispositionArgument(write_disposition),
    additional_table_hints: extra,
    nested_hints:
      nested_hints &&
      Object.fromEntries(Object.entries(nested_hints).map(([path, one]) => [path, hintArguments(one)])),
    incremental: incremental && incrementalArgument(incremental),
  });
}

function incrementalArgument({
  primary_key_is_list: _,
  bounds_as_text: __,
  ...rest
}: NonNullable<AppliedHints["incremental"]>) {
  return rest;
}

function dispositionArgument({ keeps_cursors, ...rest }: WriteDisposition) {
  const isPlain = Object.keys(rest).length === 1 && !keeps_cursors;
  return isPlain ? rest.disposition : rest;
}

function given(values: { [key: string]: unknown }): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as JsonObject;
}

export interface WholeFound extends Pick<Extracted, "schema" | "tables" | "emptied"> {
  sources: PipelineState["sources"];
  notes: string[];
}

/** @throws TidemarkError PACKAGE_LOST, ENGINE_TOO_OLD, DESTINATION_UNSUPPORTED */
export async function readWholeSource(ref: PackageRef, begun: BegunState, name: string): Promise<WholeFound> {
  const done = await readDone(resourceFolder(ref, name));
  if (done === null) {
    throw new TidemarkError(
      "PACKAGE_LOST",
      `What source "${name}" extracted is not in load package ${ref.load_id}: its files are gone.`,
    );
  }
  const texts = await readWhole(ref, done);
  const schema = adoptSchema(JSON.parse(texts.schema) as StoredSchema);
  requireNaming(schema);
  // Its version goes up in normalize, once the state table is known too: dlt counts both as one change.
  const before = await readSchema(ref);
  schema.version = before.version;
  schema.version_hash = before.version_hash;
  schema.previous_hashes = before.previous_hashes;
  const after = readState(texts.state);
  return {
    schema,
    ...tablesOf(schema, done, name),
    sources: withKeptOrder(begun.state.sources, after.sources),
    notes: done.notes ?? [],
  };
}

function requireNaming(schema: StoredSchema): void {
  const { names } = schema.normalizers;
  if (names === "snake_case" || names.endsWith(".snake_case")) return;
  throw new TidemarkError(
    "DESTINATION_UNSUPPORTED",
    `Source "${schema.name}" uses the naming convention ${names}; names follow snake_case, dlt's default. Take the setting schema.naming away.`,
    { step: "extract" },
  );
}

/** dlt leaves a file without rows where a table is to be emptied. */
function tablesOf(
  schema: StoredSchema,
  { segments }: DoneRecord,
  folder: string,
): Pick<Extracted, "tables" | "emptied"> {
  const filled = new Set<string>();
  const empty = new Set<string>();
  for (const { table, rows } of segments) if (table !== undefined) (rows > 0 ? filled : empty).add(table);
  const tables = [...filled].map(table => {
    const known = schema.tables[table];
    return { resource: (known && resourceOf(schema, known)) ?? folder, table, folder };
  });
  const emptied = dataTables(schema)
    .filter(table => empty.has(table.name) && !filled.has(table.name))
    .filter(table => table.write_disposition === "replace" && table["x-normalizer"]?.["seen-data"] === true)
    .map(table => table.name);
  return { tables, emptied };
}

/**
 * dlt keeps hashes of the rows at a cursor's boundary in a set, whose order changes from process to process. The same
 * set in another order would be a new state, and a load that holds nothing else.
 */
function withKeptOrder(
  before: PipelineState["sources"],
  after: PipelineState["sources"],
): PipelineState["sources"] {
  for (const [source, state] of Object.entries(after ?? {})) {
    for (const [resource, own] of Object.entries(state.resources ?? {})) {
      for (const [path, cursor] of Object.entries(own.incremental ?? {})) {
        const old = before?.[source]?.resources?.[resource]?.incremental?.[path]?.unique_hashes;
        const now = cursor.unique_hashes;
        if (old === undefined || now === undefined || old.length !== now.length) continue;
        const known = new Set(old);
        if (now.every(hash => known.has(hash))) cursor.unique_hashes = old;
      }
    }
  }
  return after;
}

/** Every cursor of the source as its state has it. */
export function wholeCursors(state: PipelineState, source: string): CursorInfo[] {
  return Object.entries(state.sources?.[source]?.resources ?? {}).flatMap(([resource, own]) =>
    Object.entries(own.incremental ?? {}).map(([cursor_path, stored]: [string, StoredIncremental]) => ({
      resource,
      cursor_path,
      value: toCursorValue(fromStored(stored.last_value)),
    })),
  );
}
