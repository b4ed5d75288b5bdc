/**
 * Workflow `load`: one load of one pipeline into one dataset. Its workflow id is fixed per destination, dataset and
 * pipeline, which is the lock of design law 6: Temporal refuses a second one while the first is open.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  condition,
  defineQuery,
  defineSignal,
  proxyActivities,
  setCurrentDetails,
  setWorkflowOptions,
  TimeoutFailure,
} from "@temporalio/workflow";
import type { Activities } from "../activities";
import type {
  ExtractResourceInfo,
  LoadedTable,
  LoadInfo,
  LoadRequest,
  NormalizeInfo,
  OpenedLoad,
} from "../pipeline/infos";
import { type ActivityName, optionsFor } from "./activity-options";
import { LoadProgress, type LoadProgressView } from "./progress";
import { coded, PROGRAMMING_ERRORS, setHandler } from "./unexpected";

export const pauseSignal = defineSignal<[boolean]>("pauseLoad");
export const loadProgressQuery = defineQuery<LoadProgressView>("progress");

const activities = proxyActivities<Activities>({ startToCloseTimeout: "1 minute" });
/** A host may be lost this many times before the load gives up. */
const HOSTS = 3;

export async function load(
  request: LoadRequest & { commits: "package" | "chain"; needs_staging?: boolean },
): Promise<LoadInfo> {
  return await coded("load", () => wholeLoad(request));
}

setWorkflowOptions({ failureExceptionTypes: PROGRAMMING_ERRORS }, load);

async function wholeLoad(request: Parameters<typeof load>[0]): Promise<LoadInfo> {
  if (typeof request?.spec?.pipeline_name !== "string") {
    throw ApplicationFailure.nonRetryable(
      'Workflow "load" is started by workflow "pipeline", which gives it a resolved spec; start that one, for example with {"pipeline": "rest_api_demo"}.',
      "SPEC_INVALID",
    );
  }
  const progress = new LoadProgress(request.spec.pipeline_name, details => setCurrentDetails(details));
  let paused = false;
  let told = false;
  setHandler(pauseSignal, value => {
    // Nobody can refuse a signal: a bad one is told once and ignored.
    if (typeof value !== "boolean") {
      if (!told) progress.note("a signal pauseLoad that was neither true nor false was ignored");
      told = true;
      return;
    }
    paused = value;
    progress.note(value ? "paused" : "resumed");
  });
  setHandler(loadProgressQuery, () => progress.view());

  for (let host = 1; ; host++) {
    try {
      return await loadOnOneHost(request, progress, () => condition(() => !paused));
    } catch (error) {
      if (!isHostGone(error) || host === HOSTS) throw error;
      progress.note("the host that held the package is gone: starting again on another");
    }
  }
}

async function loadOnOneHost(
  request: Parameters<typeof load>[0],
  progress: LoadProgress,
  whilePaused: () => Promise<unknown>,
): Promise<LoadInfo> {
  const { spec } = request;
  const run = <N extends ActivityName & keyof Activities>(
    name: N,
    summary: string,
    args: Parameters<Activities[N]>,
    queue?: string,
  ) => {
    const call = activities[name] as unknown as {
      executeWithOptions(
        o: ReturnType<typeof optionsFor>,
        a: unknown[],
      ): Promise<Awaited<ReturnType<Activities[N]>>>;
    };
    return call.executeWithOptions(optionsFor(name, spec.retry, { summary, queue }), args);
  };
  const seconds: LoadInfo["seconds"] = {};
  const timed = async <T>(step: string, work: () => Promise<T>): Promise<T> => {
    await whilePaused();
    progress.step(step);
    const start = Date.now();
    const result = await work();
    seconds[step] = (seconds[step] ?? 0) + (Date.now() - start) / 1000;
    return result;
  };
  const info = (opened: OpenedLoad, more: Partial<LoadInfo>): LoadInfo => ({
    pipeline_name: spec.pipeline_name,
    dataset_name: spec.dataset_name,
    schema_name: spec.source.name,
    tables: [],
    cursors: [],
    notes: opened.notes,
    seconds,
    ...(opened.outcome === "pending" ? { pending: true } : {}),
    ...(request.backfill ? { backfill: describeBackfill(request.backfill) } : {}),
    ...more,
  });

  const opened = await timed("open", () =>
    run("openLoad", `restore state of ${spec.pipeline_name}`, [
      { spec, history: request.history, backfill: request.backfill },
    ]),
  );
  const { ref, queue } = opened;
  progress.opened(opened);
  let notes = opened.notes;

  if (opened.outcome === "opened") {
    await timed("extract", () =>
      extractAll(opened, progress, (name, parent) =>
        run(
          "extractResource",
          parent ? `extract ${name} (after ${parent})` : `extract ${name}`,
          [{ ref, resource: name }],
          queue,
        ),
      ),
    );
    const finished = await timed("finish extract", () =>
      run("finishExtract", "collect cursors", [{ ref }], queue),
    );
    notes = [...notes, ...finished.notes];
    progress.cursors(finished.cursors);
    if (!finished.has_work) {
      return info(opened, {
        notes: [...notes, "nothing new: nothing was written"],
        cursors: finished.cursors,
        state: finished.state,
        state_load_id: finished.state_load_id,
      });
    }
  }

  if (opened.pending_state !== "normalized") {
    const normalized: NormalizeInfo = await timed("normalize", () =>
      run("normalizePackage", "normalize rows to tables", [{ ref }], queue),
    );
    progress.normalized(normalized);
  }
  const migrated = await timed("migrate", () =>
    run("migrateSchema", "create and alter tables", [{ ref }], queue),
  );

  if (request.needs_staging) {
    await timed("stage", () => run("stagePackage", "stage files", [{ ref }], queue));
  }

  const loaded = await timed("load", async () => {
    if (request.commits === "package") {
      return await run(
        "loadChains",
        `load ${migrated.roots.join(", ")}`,
        [{ ref, roots: migrated.roots }],
        queue,
      );
    }
    const chains = await Promise.all(
      migrated.roots.map(root => run("loadChains", `load ${root}`, [{ ref, roots: [root] }], queue)),
    );
    return chains.flat();
  });
  progress.loaded(loaded as LoadedTable[]);
  const done = await timed("complete", () =>
    run("completeLoad", `complete load ${ref.load_id}`, [{ ref }], queue),
  );
  progress.step("done");
  return info(opened, {
    ...done,
    notes: [...notes, ...(done.notes ?? [])],
    load_id: ref.load_id,
    tables: loaded,
  });
}

/** Independent resources at the same time; a child as soon as its parent is complete. */
async function extractAll(
  opened: OpenedLoad,
  progress: LoadProgress,
  extract: (name: string, parent?: string) => Promise<ExtractResourceInfo>,
): Promise<ExtractResourceInfo[]> {
  const running = new Map<string, Promise<ExtractResourceInfo>>();
  for (const { name, parent } of opened.resources) {
    const before = parent === undefined ? Promise.resolve(undefined) : running.get(parent);
    running.set(
      name,
      (async () => {
        await before;
        progress.extracting(name);
        const result = await extract(name, parent);
        progress.extracted(result);
        return result;
      })(),
    );
  }
  const settled = await Promise.allSettled(running.values());
  const failed = settled.find(result => result.status === "rejected");
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
  return settled.map(result => (result as PromiseFulfilledResult<ExtractResourceInfo>).value);
}

function isHostGone(error: unknown): boolean {
  return (
    error instanceof ActivityFailure &&
    error.cause instanceof TimeoutFailure &&
    error.cause.timeoutType === "SCHEDULE_TO_START"
  );
}

function describeBackfill(request: NonNullable<LoadRequest["backfill"]>): LoadInfo["backfill"] {
  return {
    resource: request.resource,
    from: String(request.from),
    ...(request.to === undefined ? {} : { to: String(request.to) }),
  };
}
