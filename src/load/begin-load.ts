/** The start of a load: what the destination and history know, and what this run will ask its resources for. */

import { datasetNames } from "../destinations/dataset-names";
import type { DestinationSession, Restored } from "../destinations/destination";
import type { PackageRef } from "../package/layout";
import { type PackageRecord, writePackage } from "../package/package-record";
import {
  countedVersion,
  forgetFinished,
  type PackageScope,
  removeStalePackages,
  unreadableNotes,
} from "../package/packages";
import { backfillProblem } from "../pipeline/backfill-rules";
import { TidemarkError } from "../pipeline/errors";
import type { HistoryState, ResourcePlan, ResourceToExtract } from "../pipeline/infos";
import { unknownName } from "../pipeline/nearest-name";
import type { PackageBase, PackageOwner } from "../pipeline/package-base";
import type { BackfillRequest, ResolvedPipeline } from "../pipeline/spec";
import { beginSchema } from "../schema/hints";
import { adoptSchema, newSchema } from "../schema/stored-schema";
import type { StoredSchema } from "../schema/types";
import type { Resource, Source } from "../sources/source";
import { emptyState, getIncremental, type PipelineState, resetResource } from "../state/pipeline-state";
import { decodeStateBlob } from "../state/state-blob";
import { planBackfill } from "./backfill-range";
import { type Chosen, choosePackage, mayBeInUse } from "./choose-package";
import { decideCursor } from "./cursor-truth";
import { dispositionOf, extractedResources, incrementalOf, ownHints, runHints } from "./effective-hints";
import { drawLoadId, isoMicros, pipelineMark } from "./load-id";
import {
  type BegunState,
  findSpec,
  type ResourceStart,
  readBegun,
  type WholeStart,
  writeBegun,
  writeSchema,
  writeSpec,
} from "./plan-files";
import { applyRefresh, type RefreshPlan } from "./refresh";
import { takeBack } from "./take-back";
import { type DestinationUse, withSession } from "./with-session";

/** Small records of finished packages that stay, for repeated steps and for people who look. */
const KEPT_RECORDS = 20;
/** No attempt of the first step outlives its successor by this long. */
const STALE_AFTER_MS = 60 * 60 * 1000;

export interface BeginLoadArgs extends DestinationUse {
  spec: ResolvedPipeline;
  source: Source;
  /** Package root, absolute. */
  root: string;
  history?: HistoryState;
  backfill?: BackfillRequest;
  /** The run that begins it. */
  owner?: PackageOwner;
  /** The reservation on the destination is held: no other run loads this pipeline into this dataset. */
  alone?: boolean;
  /** Milliseconds since 1970, with fractions. */
  now: () => number;
}

export interface BegunLoad {
  ref: PackageRef;
  /** "pending": an earlier run left this package; load it first, extract nothing (design law 11). */
  outcome: "opened" | "pending";
  pending_state?: "extracted" | "normalized";
  /** To extract, parents first; `parent` only where it is extracted too. */
  resources: ResourceToExtract[];
  notes: string[];
}

/**
 * Restores state and schema, decides the cursor (law 4), draws the load id and writes the package; or goes on with what
 * an earlier run left, as far as it still fits the destination (law 11). May be repeated.
 * @throws TidemarkError BACKFILL_REFUSED, ENGINE_TOO_OLD, DESTINATION_*, DISK_FULL, PACKAGE_DENIED
 */
export async function beginLoad(args: BeginLoadArgs): Promise<BegunLoad> {
  const { spec, root, destination } = args;
  refuseBackfill(args);
  refuseUnknownHints(args);
  const scope: PackageScope = {
    root,
    pipeline_name: spec.pipeline_name,
    dataset: datasetNames(spec).dataset,
    fingerprint: destination.identity.fingerprint,
  };
  return await withSession(args, async session => {
    const restored = await ask(args, session, scope, args.source.name, args.history?.load_id === undefined);
    const isLoaded = (loadId: string) => session.isLoaded(scope.dataset, loadId);
    const takeBackOf = (record: PackageRecord) =>
      takeBack(session, { root, pipeline_name: record.pipeline_name, load_id: record.load_id }, spec, record);
    const chosen = await choosePackage({ ...args, scope, restored, isLoaded, takeBack: takeBackOf });
    if (chosen.record !== undefined) return await goOn(args, chosen, chosen.record);
    await removeStalePackages(scope, isoMicros(args.now() - STALE_AFTER_MS), one => mayBeInUse(one, args));
    await forgetFinished(root, spec.pipeline_name, KEPT_RECORDS);
    const begun = await begin(args, session, scope, restored);
    return await writeAll(args, scope, begun, chosen.notes);
  });
}

/** package.json last: a folder without one is no package. */
async function writeAll(
  args: BeginLoadArgs,
  scope: PackageScope,
  begun: Begun,
  notes: string[],
): Promise<BegunLoad> {
  const { spec, root } = args;
  const ref: PackageRef = { root, pipeline_name: spec.pipeline_name, load_id: begun.load_id };
  await writeSpec(ref, spec);
  await writeSchema(ref, begun.schema);
  await writeBegun(ref, begun.state);
  await writePackage(ref, {
    load_id: begun.load_id,
    pipeline_name: spec.pipeline_name,
    dataset: scope.dataset,
    schema_name: begun.schema.name,
    fingerprint: scope.fingerprint,
    created_at: isoMicros(args.now()),
    state: "new",
    base: begun.base,
    ...(args.owner === undefined ? {} : { owner: args.owner }),
    ...(args.backfill === undefined ? {} : { backfill: args.backfill }),
  });
  return {
    ref,
    outcome: "opened",
    resources: toExtract(begun.state, args.source),
    notes: [...(await unreadableNotes(root, spec.pipeline_name)), ...notes, ...begun.notes],
  };
}

function toExtract({ resources }: BegunState, source: Source): ResourceToExtract[] {
  return resources.map(({ name, parent }) => {
    const parallelized = source.resources.find(one => one.name === name)?.parallelized;
    return {
      name,
      ...(parent === undefined ? {} : { parent }),
      ...(parallelized === undefined ? {} : { parallelized }),
    };
  });
}

async function goOn(
  { root, source, spec }: BeginLoadArgs,
  { what, notes }: Chosen,
  record: PackageRecord,
): Promise<BegunLoad> {
  const ref: PackageRef = { root, pipeline_name: record.pipeline_name, load_id: record.load_id };
  if (what === "taken over") {
    return { ref, outcome: "opened", resources: toExtract(await readBegun(ref), source), notes };
  }
  // dlt: what waits is loaded with the destination's configuration of now. It is the same place (the fingerprint says so),
  // but a password may lie elsewhere since, or the warehouse that refused have been replaced by another.
  const written = await findSpec(ref);
  if (written !== null) await writeSpec(ref, { ...written, destination: spec.destination });
  return {
    ref,
    outcome: "pending",
    pending_state: record.state as "extracted" | "normalized",
    resources: [],
    notes: [
      ...notes,
      `load package ${record.load_id} was left ${record.state} by an earlier run: it is loaded first, and nothing is extracted in this run`,
    ],
  };
}

function refuseUnknownHints({ spec, source }: BeginLoadArgs): void {
  const names = source.resources.map(resource => resource.name);
  for (const name of Object.keys(spec.resource_hints ?? {})) {
    if (names.includes(name)) continue;
    throw new TidemarkError(
      "SPEC_INVALID",
      `resource_hints: ${unknownName("resource", name, names)}. Nothing was extracted.`,
      { step: "resolve", dltException: "KeyError" },
    );
  }
}

function refuseBackfill({ spec, source, backfill }: BeginLoadArgs): void {
  if (backfill === undefined) return;
  const plans: ResourcePlan[] = source.resources.map(resource => {
    const disposition = dispositionOf(spec, resource);
    const merge_key = spec.merge_key ?? ownHints(spec, resource).merge_key ?? [];
    const incremental = incrementalOf(spec, resource);
    return {
      name: resource.name,
      selected: true,
      cursor_path: incremental?.cursor_path,
      ...(incremental?.last_value_func === "min" ? { last_value_func: "min" as const } : {}),
      disposition: disposition.disposition,
      strategy: disposition.strategy,
      has_merge_key: merge_key.length > 0,
      has_scope: disposition.destination_scope !== undefined,
    };
  });
  const reason = backfillProblem(backfill, plans);
  if (reason !== undefined) throw new TidemarkError("BACKFILL_REFUSED", `Backfill refused: ${reason}.`);
}

interface Begun {
  load_id: string;
  base: PackageBase;
  schema: StoredSchema;
  state: BegunState;
  notes: string[];
}

function ask(
  { source }: BeginLoadArgs,
  session: DestinationSession,
  { dataset, pipeline_name }: PackageScope,
  schema: string,
  firstRun = false,
): Promise<Restored> {
  return session.restore({
    dataset,
    pipeline_name,
    schema_names: [schema],
    of: { schema_name: source.name, mark: pipelineMark(pipeline_name) },
    first_run: firstRun,
  });
}

async function begin(
  args: BeginLoadArgs,
  session: DestinationSession,
  scope: PackageScope,
  restored: Restored,
): Promise<Begun> {
  const { spec, source, backfill } = args;
  const { name } = source;
  const { state, state_load_id, force, note } = await restoreState(args, session, restored, scope.dataset);
  // dlt: a pipeline knows the schemas that its own state names; another pipeline's of the same name is not its own.
  const known = state.schema_names?.includes(name) ? restored.schemas[name] : undefined;
  const stored = known === undefined ? undefined : adoptSchema(known);
  if (stored !== undefined) {
    stored.version = Math.max(stored.version, (await countedVersion(scope, stored)) ?? 0);
  }

  const extracted = extractedResources(spec, source.resources, backfill?.resource);
  let refresh: RefreshPlan | undefined;
  // dlt: on a source that is not known yet a refresh has no effect.
  if (spec.refresh !== undefined && backfill === undefined && stored !== undefined) {
    refresh = applyRefresh(
      spec.refresh,
      stored,
      state,
      extracted.map(({ resource }) => resource.name),
    );
  }
  // An engine of the source's own resets what it replaces itself.
  if (backfill === undefined && source.whole === undefined) {
    for (const { resource } of extracted) {
      const { disposition, keeps_cursors } = dispositionOf(spec, resource);
      if (disposition === "replace" && !keeps_cursors) resetResource(state, name, resource.name);
    }
  }
  const defaultName = state.default_schema_name ?? name;
  const begun: BegunState = {
    state,
    force_state: force || (refresh?.drop.length ?? 0) > 0,
    default_schema_name: defaultName,
    resources:
      source.whole === undefined
        ? extracted.map(one => startOf(spec, one, name, state, backfill))
        : [wholeStart(spec, source, backfill)],
  };
  if (state_load_id !== undefined) begun.state_load_id = state_load_id;
  if (known !== undefined) begun.stored_version_hash = known.version_hash;
  if (!restored.dataset_exists) begun.dataset_missing = true;
  if (refresh !== undefined) begun.refresh = refresh;
  if (defaultName !== name) {
    const found = (await ask(args, session, scope, defaultName)).schemas[defaultName];
    begun.default_schema = found === undefined ? newSchema(defaultName) : adoptSchema(found);
  }
  // dlt: the schema of a dropped source begins anew, history and all.
  const kept = refresh !== undefined && spec.refresh === "drop_sources" ? undefined : stored;
  const schema =
    source.whole === undefined
      ? beginSchema(kept, name, spec.source, {
          run: runHints(spec),
          capabilities: args.destination.capabilities,
        })
      : (kept ?? newSchema(name));
  if (source.whole !== undefined && kept !== undefined) begun.schema_kept = true;
  return {
    load_id: drawLoadId(args.now(), restored.max_load_id, spec.pipeline_name),
    base: {
      pipeline_name: spec.pipeline_name,
      schema_name: name,
      mark: pipelineMark(spec.pipeline_name),
      load_id: restored.newest_load_id,
      state_load_id: restored.state?.load_id ?? null,
    },
    schema,
    state: begun,
    notes: note === undefined ? [] : [note],
  };
}

function wholeStart(
  spec: ResolvedPipeline,
  source: Source,
  backfill: BackfillRequest | undefined,
): ResourceStart {
  const whole: WholeStart = {};
  if (spec.resources !== undefined) whole.resources = spec.resources;
  if (backfill !== undefined) {
    const { resource, from, to } = backfill;
    whole.range = { resource, from, ...(to === undefined ? {} : { to }) };
  }
  return { name: source.name, selected: true, whole };
}

async function restoreState(
  { spec, history }: BeginLoadArgs,
  session: DestinationSession,
  restored: Restored,
  dataset: string,
): Promise<{ state: PipelineState; state_load_id?: string; force: boolean; note?: string }> {
  const truth = decideCursor({
    pipeline_name: spec.pipeline_name,
    dataset,
    dataset_exists: restored.dataset_exists,
    stored: restored.state,
    history,
    history_load_committed:
      restored.dataset_exists &&
      history?.load_id !== undefined &&
      (await session.isLoaded(dataset, history.load_id)),
  });
  const { note } = truth;
  if (truth.from === "nothing") {
    return { state: emptyState(spec.pipeline_name, spec.dataset_name), force: false, note };
  }
  const fromHistory = truth.from === "history";
  return {
    state: decodeStateBlob(fromHistory ? history!.state!.blob! : restored.state!.blob),
    state_load_id: fromHistory ? history!.load_id : restored.state!.load_id,
    force: fromHistory,
    note,
  };
}

function startOf(
  spec: ResolvedPipeline,
  { resource, selected }: { resource: Resource; selected: boolean },
  source: string,
  state: PipelineState,
  backfill: BackfillRequest | undefined,
): ResourceStart {
  const start: ResourceStart = { name: resource.name, selected };
  if (resource.parent !== undefined) start.parent = resource.parent;
  const config = incrementalOf(spec, resource);
  if (config === undefined) return start;
  const stored = getIncremental(state, source, resource.name, config.cursor_path);
  if (backfill === undefined) {
    start.incremental = { config, stored, stateless: false };
  } else if (resource.name === backfill.resource) {
    start.incremental = { ...planBackfill(backfill, config, stored), stateless: backfill.to !== undefined };
  } else {
    // A parent only drives requests here: all its rows, and its own cursor stays where it is.
    start.incremental = { config, stateless: true };
  }
  return start;
}
