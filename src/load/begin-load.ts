/** The start of a load: what the destination and history know, and what this run will ask its resources for. */
import type { DestinationSession, Restored } from "../destinations/destination";
import type { PackageRef } from "../package/layout";
import { type PackageRecord, writePackage } from "../package/package-record";
import {
  abortPackages,
  countedVersion,
  forgetFinished,
  type PackageScope,
  pendingPackages,
  removeStalePackages,
} from "../package/packages";
import { backfillProblem } from "../pipeline/backfill-rules";
import { TidemarkError } from "../pipeline/errors";
import type { HistoryState, ResourcePlan } from "../pipeline/infos";
import { unknownName } from "../pipeline/nearest-name";
import type { BackfillRequest, ResolvedPipeline } from "../pipeline/spec";
import { beginSchema } from "../schema/hints";
import { adoptSchema, newSchema } from "../schema/stored-schema";
import type { StoredSchema } from "../schema/types";
import type { Resource, Source } from "../sources/source";
import { emptyState, getIncremental, type PipelineState, resetResource } from "../state/pipeline-state";
import { decodeStateBlob } from "../state/state-blob";
import { planBackfill } from "./backfill-range";
import { decideCursor } from "./cursor-truth";
import { datasetNames } from "./dataset-names";
import { dispositionOf, extractedResources, incrementalOf, ownHints, runHints } from "./effective-hints";
import { drawLoadId, isoMicros } from "./load-id";
import { type BegunState, type ResourceStart, writeBegun, writeSchema } from "./plan-files";
import { applyRefresh, type RefreshPlan } from "./refresh";
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
  /** Milliseconds since 1970, with fractions. */
  now: () => number;
}

export interface BegunLoad {
  ref: PackageRef;
  /** "pending": an earlier run left this package; load it first, extract nothing (design law 11). */
  outcome: "opened" | "pending";
  pending_state?: "extracted" | "normalized";
  /** To extract, parents first; `parent` only where it is extracted too. */
  resources: { name: string; parent?: string; parallelized?: boolean }[];
  notes: string[];
}

/**
 * Restores state and schema, decides the cursor (law 4), draws the load id and writes the package. May be repeated:
 * what a dead attempt left is removed.
 * @throws TidemarkError BACKFILL_REFUSED, ENGINE_TOO_OLD, DESTINATION_*, DISK_FULL, PACKAGE_DENIED
 */
export async function beginLoad(args: BeginLoadArgs): Promise<BegunLoad> {
  const { spec, root, destination } = args;
  refuseBackfill(args);
  refuseUnknownHints(args);
  const { dataset } = datasetNames(spec);
  const scope: PackageScope = {
    root,
    pipeline_name: spec.pipeline_name,
    dataset,
    fingerprint: destination.identity.fingerprint,
  };
  const pending = (await pendingPackages(scope))[0];
  let forgotten: string | undefined;
  if (pending !== undefined) {
    if (await datasetExists(args, dataset)) return pendingLoad(root, pending);
    // dlt: where a working folder has data and the dataset does not exist, the folder is wiped.
    const dropped = await abortPackages(scope);
    forgotten = `load package ${dropped.join(", ")} was left by an earlier run and is dropped, as dataset "${dataset}" does not exist: its rows are extracted again`;
  }
  await removeStalePackages(scope, isoMicros(args.now() - STALE_AFTER_MS));
  await forgetFinished(root, spec.pipeline_name, KEPT_RECORDS);
  const begun = await withSession(args, session => begin(args, session, scope));

  const ref: PackageRef = { root, pipeline_name: spec.pipeline_name, load_id: begun.load_id };
  await writeSchema(ref, begun.schema);
  await writeBegun(ref, begun.state);
  await writePackage(ref, {
    load_id: begun.load_id,
    pipeline_name: spec.pipeline_name,
    dataset,
    schema_name: begun.schema.name,
    fingerprint: scope.fingerprint,
    created_at: isoMicros(args.now()),
    state: "new",
    ...(args.backfill === undefined ? {} : { backfill: args.backfill }),
  });
  return {
    ref,
    outcome: "opened",
    resources: begun.state.resources.map(({ name, parent }) => ({
      name,
      ...(parent === undefined ? {} : { parent }),
      ...(args.source.resources.find(one => one.name === name)?.parallelized ? { parallelized: true } : {}),
    })),
    notes: forgotten === undefined ? begun.notes : [forgotten, ...begun.notes],
  };
}

async function datasetExists(args: BeginLoadArgs, dataset: string): Promise<boolean> {
  const { pipeline_name } = args.spec;
  const restored = await withSession(args, session =>
    session.restore({ dataset, pipeline_name, schema_names: [] }),
  );
  return restored.dataset_exists;
}

function pendingLoad(root: string, record: PackageRecord): BegunLoad {
  return {
    ref: { root, pipeline_name: record.pipeline_name, load_id: record.load_id },
    outcome: "pending",
    pending_state: record.state as "extracted" | "normalized",
    resources: [],
    notes: [
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
    return {
      name: resource.name,
      selected: true,
      cursor_path: incrementalOf(spec, resource)?.cursor_path,
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
  schema: StoredSchema;
  state: BegunState;
  notes: string[];
}

async function begin(args: BeginLoadArgs, session: DestinationSession, scope: PackageScope): Promise<Begun> {
  const { spec, source, backfill } = args;
  const { dataset } = scope;
  const name = source.name;
  const ask = (schema: string, first_run = false) =>
    session.restore({ dataset, pipeline_name: spec.pipeline_name, schema_names: [schema], first_run });
  const restored = await ask(name, args.history?.load_id === undefined);
  const { state, state_load_id, force, note } = await restoreState(args, session, restored, dataset);
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
  if (backfill === undefined) {
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
    resources: extracted.map(one => startOf(spec, one, name, state, backfill)),
  };
  if (state_load_id !== undefined) begun.state_load_id = state_load_id;
  if (known !== undefined) begun.stored_version_hash = known.version_hash;
  if (!restored.dataset_exists) begun.dataset_missing = true;
  if (refresh !== undefined) begun.refresh = refresh;
  if (defaultName !== name) {
    const found = (await ask(defaultName)).schemas[defaultName];
    begun.default_schema = found === undefined ? newSchema(defaultName) : adoptSchema(found);
  }
  // dlt: the schema of a dropped source begins anew, history and all.
  const kept = refresh !== undefined && spec.refresh === "drop_sources" ? undefined : stored;
  const schema = beginSchema(kept, name, spec.source, {
    run: runHints(spec),
    capabilities: args.destination.capabilities,
  });
  return {
    load_id: drawLoadId(args.now(), restored.max_load_id),
    schema,
    state: begun,
    notes: note === undefined ? [] : [note],
  };
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
