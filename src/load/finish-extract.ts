/** The end of extract: hints into the schema, cursors into the state, and whether there is anything to load at all. */
import type { DestinationCapabilities, DestinationIdentity } from "../destinations/destination";
import { type DoneRecord, readDone } from "../extract/checkpoint";
import { type PackageRef, resourceFolder } from "../package/layout";
import { readPackage, updatePackage } from "../package/package-record";
import { reducePackage } from "../package/packages";
import type { CursorInfo } from "../pipeline/cursor";
import { TidemarkError } from "../pipeline/errors";
import type { FinishedExtract } from "../pipeline/infos";
import type { ResolvedPipeline } from "../pipeline/spec";
import { applyResourceHints } from "../schema/hints";
import { dataTables, declareStateTable } from "../schema/stored-schema";
import type { StoredSchema } from "../schema/types";
import { bumpVersion } from "../schema/version";
import type { Resource, Source } from "../sources/source";
import { fromStored, toCursorValue } from "../state/cursor-values";
import {
  copyState,
  finishState,
  getIncremental,
  type PipelineState,
  type StateProps,
  setIncremental,
} from "../state/pipeline-state";
import { stateRef } from "../state/state-blob";
import { dispositionOf, hintOptions, incrementalOf, ownHints } from "./effective-hints";
import { drawLoadId } from "./load-id";
import { type BegunState, type Extracted, readBegun, readSchema, settleExtracted } from "./plan-files";
import { readWholeSource, type WholeFound, wholeCursors } from "./whole-source";

export interface FinishExtractArgs {
  ref: PackageRef;
  spec: ResolvedPipeline;
  source: Source;
  capabilities: DestinationCapabilities;
  identity: DestinationIdentity;
  now: () => number;
}

/**
 * All resources are extracted. Makes the package pending, or drops it when nothing is new (dlt: an idle run writes
 * nothing; a first run writes its state even without rows). May be repeated.
 * @throws TidemarkError CONTRACT_VIOLATION, PACKAGE_LOST when a resource was not extracted
 */
export async function finishExtract(args: FinishExtractArgs): Promise<FinishedExtract> {
  const { ref } = args;
  const record = await readPackage(ref);
  if (record.finished !== undefined) return record.finished;
  const begun = await readBegun(ref);
  const whole = args.source.whole && (await readWholeSource(ref, begun, args.source.name));
  const done = whole === undefined ? await doneRecords(ref, begun) : new Map<string, DoneRecord>();
  const collected =
    whole === undefined
      ? collect(args, begun, await readSchema(ref), done)
      : collectWhole(args, begun, whole);
  const has_work = hasMainWork(begun, collected) || collected.state_package !== undefined;
  // Of two attempts the first counts: the state's own load id is drawn from the clock.
  const extracted = has_work ? await settleExtracted(ref, collected) : collected;
  const finished: FinishedExtract = {
    has_work,
    cursors: extracted.cursors,
    notes: whole?.notes ?? [...done.values()].flatMap(one => one.notes ?? []),
    ...(begun.state_load_id === undefined
      ? {}
      : { state: stateRef(extracted.state), state_load_id: begun.state_load_id }),
  };
  if (has_work) {
    await updatePackage(ref, { state: "extracted", finished });
  } else {
    await updatePackage(ref, { state: "aborted", finished });
    await reducePackage(ref);
  }
  return finished;
}

/**
 * What normalize will most likely work from, while the only resource with rows of its own is still extracted.
 * @param schema is changed
 * @returns undefined: too much is open yet
 */
export function expectedInput(
  args: Pick<FinishExtractArgs, "spec" | "source" | "capabilities" | "identity">,
  begun: BegunState,
  schema: StoredSchema,
  resource: string,
): { schema: StoredSchema; resource: string; table: string; with_state: boolean } | undefined {
  const [start, ...others] = begun.resources.filter(one => one.selected);
  if (args.source.whole !== undefined || start?.name !== resource || others.length > 0) return undefined;
  const done = new Map([[resource, { rows: 1, table_seen: true }]]);
  const hinted = applyHints(args, begun, schema, done);
  const [only] = hinted.tables;
  if (only === undefined || hinted.emptied.length > 0) return undefined;
  const moves = start.incremental !== undefined && !start.incremental.stateless;
  const { changed } = newState(args, begun, hinted.schema.name, new Map());
  const state_due = changed || moves || begun.force_state;
  return { schema: hinted.schema, ...only, with_state: state_due && begun.default_schema === undefined };
}

async function doneRecords(ref: PackageRef, begun: BegunState): Promise<Map<string, DoneRecord>> {
  const records = new Map<string, DoneRecord>();
  for (const { name } of begun.resources) {
    const done = await readDone(resourceFolder(ref, name));
    if (done === null) {
      throw new TidemarkError(
        "PACKAGE_LOST",
        `Resource "${name}" is not in load package ${ref.load_id}: its files are gone.`,
      );
    }
    records.set(name, done);
  }
  return records;
}

function collectWhole(args: FinishExtractArgs, begun: BegunState, whole: WholeFound): Extracted {
  const { sources, schema, tables, emptied } = whole;
  const state = { ...copyState(begun.state), ...(sources === undefined ? {} : { sources }) };
  const finished = finishState(state, propsOf(args, begun, schema.name));
  return withState(args, begun, {
    schema,
    tables,
    emptied,
    cursors: wholeCursors(finished.state, schema.name),
    state: finished.state,
    state_due: finished.changed || begun.force_state,
  });
}

/** Pure but for the clock of a second load id. */
function collect(
  args: FinishExtractArgs,
  begun: BegunState,
  begunSchema: StoredSchema,
  done: Map<string, DoneRecord>,
): Extracted {
  const hinted = applyHints(args, begun, begunSchema, done);
  const { state, changed } = newState(args, begun, hinted.schema.name, done);
  return withState(args, begun, {
    ...hinted,
    cursors: cursorsOf(args, state, hinted.schema.name),
    state,
    state_due: changed || begun.force_state,
  });
}

function withState(args: FinishExtractArgs, begun: BegunState, extracted: Extracted): Extracted {
  if (extracted.state_due && begun.default_schema !== undefined) {
    // dlt keeps the state with the pipeline's first schema, in a package of its own.
    const schema = begun.default_schema;
    declareStateTable(schema);
    bumpVersion(schema);
    extracted.state_package = {
      load_id: drawLoadId(args.now(), args.ref.load_id, args.spec.pipeline_name),
      schema,
    };
  }
  return extracted;
}

function applyHints(
  args: Pick<FinishExtractArgs, "spec" | "source" | "capabilities">,
  begun: BegunState,
  begunSchema: StoredSchema,
  done: Map<string, Pick<DoneRecord, "rows" | "table_seen">>,
): Pick<Extracted, "schema" | "tables" | "emptied"> {
  const { spec } = args;
  let schema = begunSchema;
  const tables: Extracted["tables"] = [];
  const filled = new Set<string>();
  const made = new Map<string, boolean>();
  const selected: Resource[] = [];
  for (const start of begun.resources) {
    const resource = args.source.resources.find(one => one.name === start.name);
    if (resource === undefined || !start.selected) continue;
    selected.push(resource);
    const { rows, table_seen: seen } = done.get(start.name)!;
    // dlt learns of a table when the first page arrives for it, be it empty.
    if (!seen) continue;
    const applied = applyResourceHints(schema, resource.name, ownHints(spec, resource), {
      ...hintOptions(args, resource),
      made,
    });
    schema = applied.schema;
    made.set(applied.table, applied.discarded);
    if (applied.discarded || rows === 0) continue;
    tables.push({ resource: resource.name, table: applied.table });
    filled.add(applied.table);
  }
  const emptied: string[] = [];
  for (const resource of selected) {
    if (dispositionOf(spec, resource).disposition !== "replace") continue;
    for (const table of dataTables(schema)) {
      const known = table["x-normalizer"]?.["seen-data"] === true && table.parent === undefined;
      if (!known || table.resource !== resource.name || filled.has(table.name)) continue;
      table.write_disposition = "replace";
      emptied.push(table.name);
    }
  }
  return { schema, tables, emptied };
}

function newState(
  { spec, identity }: Pick<FinishExtractArgs, "spec" | "identity">,
  begun: BegunState,
  schemaName: string,
  done: Map<string, DoneRecord>,
): { state: PipelineState; changed: boolean } {
  const state = copyState(begun.state);
  for (const start of begun.resources) {
    const incremental = done.get(start.name)?.incremental;
    if (incremental === undefined || start.incremental === undefined || start.incremental.stateless) continue;
    const { cursor_path } = start.incremental.config;
    setIncremental(state, { source: schemaName, resource: start.name, cursor_path }, incremental);
  }
  return finishState(state, propsOf({ spec, identity }, begun, schemaName));
}

function propsOf(
  { spec, identity }: Pick<FinishExtractArgs, "spec" | "identity">,
  begun: BegunState,
  schemaName: string,
): StateProps {
  return {
    pipeline_name: spec.pipeline_name,
    dataset_name: spec.dataset_name,
    default_schema_name: begun.default_schema_name,
    schema_names: [
      ...new Set([...(begun.state.schema_names ?? []), begun.default_schema_name, schemaName]),
    ].sort(),
    destination_type: identity.destination_type,
    destination_name: identity.destination_name,
  };
}

/** Every cursor of the source as the state has it now, moved or not. */
function cursorsOf(
  { spec, source: { resources } }: FinishExtractArgs,
  state: PipelineState,
  source: string,
): CursorInfo[] {
  const cursors: CursorInfo[] = [];
  for (const resource of resources) {
    const incremental = incrementalOf(spec, resource);
    if (incremental === undefined) continue;
    const stored = getIncremental(state, source, resource.name, incremental.cursor_path);
    if (stored === undefined) continue;
    cursors.push({
      resource: resource.name,
      cursor_path: incremental.cursor_path,
      value: toCursorValue(fromStored(stored.last_value)),
    });
  }
  return cursors;
}

/** Something to load under the source's own schema. */
export function hasMainWork(begun: Pick<BegunState, "refresh">, extracted: Extracted): boolean {
  const { refresh } = begun;
  return (
    extracted.tables.length > 0 ||
    extracted.emptied.length > 0 ||
    (refresh !== undefined && refresh.drop.length + refresh.truncate.length > 0) ||
    (extracted.state_due && extracted.state_package === undefined)
  );
}
