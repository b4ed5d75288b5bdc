/**
 * Workflow `load`: one load of one pipeline into one dataset. Its workflow id is fixed per destination, dataset and
 * pipeline: Temporal refuses a second one while the first is open. That is a courtesy inside one namespace; what holds
 * everywhere is the destination's comparison of the package's base (design laws 6 and 11).
 */
import {
  ActivityFailure,
  ApplicationFailure,
  defineQuery,
  defineSignal,
  patched,
  setCurrentDetails,
  setWorkflowOptions,
  TimeoutFailure,
  upsertMemo,
} from "@temporalio/workflow";
import type { Activities } from "../activities";
import type {
  ExtractResourceInfo,
  HostQueues,
  LoadedTable,
  LoadInfo,
  LoadMemo,
  LoadRequest,
  NormalizeInfo,
  OpenedLoad,
} from "../pipeline/infos";
import { MEMO_LOAD, WORKFLOW_LOAD, WORKFLOW_MARK } from "../pipeline/names";
import { type ActivityName, HOSTS, type StepPlace } from "./activity-options";
import { callStep } from "./call-activity";
import { extractAll } from "./extract-all";
import { HostGone, whileHostLives } from "./host-lease";
import { LoadProgress, type LoadProgressView } from "./progress";
import { Pause, togetherOrNone } from "./together";
import { coded, PROGRAMMING_ERRORS, setHandler } from "./unexpected";

export const pauseSignal = defineSignal<[boolean]>("pauseLoad");
export const loadProgressQuery = defineQuery<LoadProgressView>("progress");

/** Patch of the loads that commit a package as a whole in one step. */
const ONE_COMMIT = "one-commit";

/** A load may begin anew this many times (a host gone, a package lost or overtaken) before it gives up. */
const STARTS = 20;

export type LoadArgs = LoadRequest & {
  commits: "package" | "chain";
  needs_staging?: boolean;
  /** Where to begin; absent: any host. */
  host?: HostQueues;
};

export async function load(request: LoadArgs): Promise<LoadInfo> {
  return await coded("load", () => wholeLoad(request));
}

setWorkflowOptions({ failureExceptionTypes: PROGRAMMING_ERRORS }, load);
Object.defineProperty(load, Symbol.for(WORKFLOW_MARK), { value: WORKFLOW_LOAD });

async function wholeLoad(request: LoadArgs): Promise<LoadInfo> {
  if (typeof request?.spec?.pipeline_name !== "string") {
    throw ApplicationFailure.nonRetryable(
      'Workflow "load" is started by workflow "pipeline", which gives it a resolved spec; start that one, for example with {"pipeline": "rest_api_demo"}.',
      "SPEC_INVALID",
    );
  }
  const progress = new LoadProgress(request.spec.pipeline_name, details => setCurrentDetails(details));
  const pause = new Pause();
  let told = false;
  setHandler(pauseSignal, value => {
    // Nobody can refuse a signal: a bad one is told once and ignored.
    if (typeof value !== "boolean") {
      if (!told) progress.note("a signal pauseLoad that was neither true nor false was ignored");
      told = true;
      return;
    }
    pause.set(value);
    progress.note(value ? "paused" : "resumed");
  });
  setHandler(loadProgressQuery, () => progress.view());

  const run = new LoadRun(request, progress, pause);
  for (let start = 1; ; start++) {
    try {
      return await run.once();
    } catch (error) {
      const reason = run.beginAnew(error);
      if (reason === undefined || start === STARTS) throw error instanceof HostGone ? hostGone(error) : error;
      run.note(reason);
    }
  }
}

/** One load, over all its starts. */
class LoadRun {
  readonly #seconds: LoadInfo["seconds"] = {};
  #notes: string[] = [];
  #host: HostQueues | undefined;
  #drop: string | undefined;
  #opened: OpenedLoad | undefined;
  #normalized: NormalizeInfo | undefined;

  constructor(
    private readonly request: LoadArgs,
    private readonly progress: LoadProgress,
    private readonly pause: Pause,
  ) {
    this.#host = request.host;
  }

  async once(): Promise<LoadInfo> {
    const answer = await this.#timed("open", () => this.#open());
    // A worker of now may have answered a workflow of before, which goes on as it began.
    const opened = answer.host !== undefined && patched(HOSTS) ? answer : { ...answer, host: undefined };
    this.#opened = opened;
    this.progress.opened(opened);
    this.#notes.push(...opened.notes);
    const { host, ref } = opened;
    if (host === undefined) return await this.#steps(opened);
    const { place, spec } = this.request;
    upsertMemo({
      [MEMO_LOAD]: {
        load_id: ref.load_id,
        host,
        ...(place === undefined ? {} : { place }),
      } satisfies LoadMemo,
    });
    return await whileHostLives(host, spec.retry, () => this.#steps(opened), opened.reservation);
  }

  /** Why the load begins anew after this error, and where; undefined when it does not. */
  beginAnew(error: unknown): string | undefined {
    this.#drop = undefined;
    if (error instanceof HostGone) {
      this.#host = undefined;
      return `${error.message}: the load goes on elsewhere, from what is safe there`;
    }
    // Only for histories in which no host proves that it lives.
    if (isNotTaken(error)) {
      this.#host = undefined;
      return "the host that held the package is gone: starting again on another";
    }
    const opened = this.#opened;
    if (opened?.host === undefined || !(error instanceof ActivityFailure)) return undefined;
    const { cause } = error;
    if (!(cause instanceof ApplicationFailure)) return undefined;
    this.#host = opened.host;
    if (cause.type === "LOAD_SUPERSEDED") return cause.message;
    // Chains that are committed one by one may be in already: then it takes a person.
    const lost = cause.type === "PACKAGE_LOST" || cause.type === "PACKAGE_DAMAGED";
    if (!lost || this.request.commits !== "package") return undefined;
    this.#drop = opened.ref.load_id;
    return `${cause.message} The load begins anew`;
  }

  note(note: string): void {
    this.#notes.push(note);
    this.progress.note(note);
  }

  async #open(): Promise<OpenedLoad> {
    const { spec, history, backfill, place } = this.request;
    const args: Parameters<Activities["openLoad"]> = [
      {
        spec,
        history,
        backfill,
        ...(place === undefined ? {} : { place }),
        ...(this.#drop === undefined ? {} : { drop: this.#drop }),
      },
    ];
    const summary = `restore state of ${spec.pipeline_name}`;
    const host = this.#host;
    if (host !== undefined) {
      try {
        return await this.#run("openLoad", args, { summary, host, unlessGone: true });
      } catch (error) {
        if (!isNotTaken(error)) throw error;
        this.note(`host ${host.host} (task queue ${host.disk}) does not answer: another begins the load`);
      }
    }
    return await this.#run("openLoad", args, { summary });
  }

  async #steps(opened: OpenedLoad): Promise<LoadInfo> {
    const { progress, request } = this;
    const { ref } = opened;
    const run = <N extends ActivityName & keyof Activities>(
      name: N,
      summary: string,
      args: Parameters<Activities[N]>,
    ) =>
      this.#run(
        name,
        args,
        opened.host === undefined ? { summary, queue: opened.queue } : { summary, host: opened.host },
      );

    if (opened.outcome === "opened") {
      await this.#timed("extract", () => this.#extract(opened, run));
      const finished = await this.#timed("finish extract", () =>
        run("finishExtract", "collect cursors", [{ ref }]),
      );
      this.#notes.push(...finished.notes);
      progress.cursors(finished.cursors);
      if (!finished.has_work) {
        return this.#info(opened, {
          notes: [...this.#notes, "nothing new: nothing was written"],
          cursors: finished.cursors,
          state: finished.state,
          state_load_id: finished.state_load_id,
        });
      }
    }

    if (opened.pending_state !== "normalized") {
      const normalized: NormalizeInfo = await this.#timed("normalize", () =>
        run("normalizePackage", "normalize rows to tables", [{ ref }]),
      );
      progress.normalized(normalized);
      this.#normalized = normalized;
    }
    // Workers of before take the package in three steps.
    if (request.commits === "package" && patched(ONE_COMMIT)) return await this.#commit(opened, run);
    const migrated = await this.#timed("migrate", () =>
      run("migrateSchema", "create and alter tables", [{ ref }]),
    );
    if (request.needs_staging) {
      await this.#timed("stage", () => run("stagePackage", "stage files", [{ ref }]));
    }
    const loaded = await this.#timed("load", () => this.#loadChains(opened, migrated.roots, run));
    progress.loaded(loaded);
    const done = await this.#timed("complete", () =>
      run("completeLoad", `complete load ${ref.load_id}`, [{ ref }]),
    );
    return this.#loaded(opened, migrated, loaded, done);
  }

  /** What `commits: "package"` leaves to do after normalize, in one step. */
  async #commit(opened: OpenedLoad, run: RunStep): Promise<LoadInfo> {
    const { ref } = opened;
    await this.pause.over();
    this.progress.step("load");
    const { migrated, tables, completed, seconds } = await run("commitPackage", `load ${ref.load_id}`, [
      { ref },
    ]);
    for (const [step, took] of Object.entries(seconds)) this.#addSeconds(step, took);
    this.progress.loaded(tables);
    return this.#loaded(opened, migrated, tables, completed);
  }

  #loaded(
    opened: OpenedLoad,
    migrated: { created?: string[]; added?: string[] },
    tables: LoadedTable[],
    completed: CompletedLoad,
  ): LoadInfo {
    this.progress.step("done");
    return this.#info(opened, {
      ...completed,
      notes: [...this.#notes, ...(completed.notes ?? [])],
      load_id: opened.ref.load_id,
      tables,
      ...told(this.#normalized, migrated),
    });
  }

  async #extract(opened: OpenedLoad, run: RunStep): Promise<void> {
    const extract = (name: string, parent?: string): Promise<ExtractResourceInfo> =>
      run("extractResource", parent ? `extract ${name} (after ${parent})` : `extract ${name}`, [
        { ref: opened.ref, resource: name },
      ]);
    await extractAll(opened, this.progress, extract, {
      pause: this.pause,
      ...(this.request.spec.parallel === undefined ? {} : { parallel: this.request.spec.parallel }),
    });
  }

  async #loadChains({ ref, host }: OpenedLoad, roots: string[], run: RunStep): Promise<LoadedTable[]> {
    if (this.request.commits === "package") {
      return await run("loadChains", `load ${roots.join(", ")}`, [{ ref, roots }]);
    }
    const start = () => roots.map(root => run("loadChains", `load ${root}`, [{ ref, roots: [root] }]));
    return (host === undefined ? await Promise.all(start()) : await togetherOrNone(start)).flat();
  }

  async #run<N extends ActivityName & keyof Activities>(
    name: N,
    args: Parameters<Activities[N]>,
    place: StepPlace,
  ): Promise<Awaited<ReturnType<Activities[N]>>> {
    return await callStep(name, args, this.request.spec.retry, place);
  }

  async #timed<T>(step: string, work: () => Promise<T>): Promise<T> {
    await this.pause.over();
    this.progress.step(step);
    const start = Date.now();
    const result = await work();
    this.#addSeconds(step, (Date.now() - start) / 1000);
    return result;
  }

  #addSeconds(step: string, seconds: number): void {
    this.#seconds[step] = (this.#seconds[step] ?? 0) + seconds;
  }

  #info(opened: OpenedLoad, more: Partial<LoadInfo>): LoadInfo {
    const { spec, backfill } = this.request;
    const pending = opened.outcome === "pending";
    return {
      pipeline_name: spec.pipeline_name,
      dataset_name: spec.dataset_name,
      schema_name: spec.source.name,
      tables: [],
      cursors: [],
      seconds: this.#seconds,
      ...(opened.host === undefined ? {} : { host: opened.host }),
      ...(pending ? { pending: true } : {}),
      // What a pending package was made for says its own record.
      ...(backfill && !pending ? { backfill: describeBackfill(backfill) } : {}),
      ...more,
      notes: more.notes ?? this.#notes,
    };
  }
}

type CompletedLoad = Awaited<ReturnType<Activities["completeLoad"]>>;

type RunStep = <N extends ActivityName & keyof Activities>(
  name: N,
  summary: string,
  args: Parameters<Activities[N]>,
) => Promise<Awaited<ReturnType<Activities[N]>>>;

/** A package that was normalized by an earlier run does not say what changed; the destination does. */
function told(
  normalized: NormalizeInfo | undefined,
  { created = [], added = [] }: { created?: string[]; added?: string[] },
): Partial<LoadInfo> {
  const { rejected_rows, schema_changes: changes = [...created, ...added] } = normalized ?? {};
  const schema_changes = changes.filter(name => !name.startsWith("_dlt_"));
  return {
    ...(created.includes("_dlt_loads") ? { first_load: true as const } : {}),
    ...(rejected_rows === undefined ? {} : { rejected_rows }),
    ...(schema_changes.length === 0 ? {} : { schema_changes: schema_changes.slice(0, 100) }),
  };
}

/** The step was given up before anybody took it. */
function isNotTaken(error: unknown): boolean {
  return (
    error instanceof ActivityFailure &&
    error.cause instanceof TimeoutFailure &&
    error.cause.timeoutType === "SCHEDULE_TO_START"
  );
}

function hostGone(error: HostGone): ApplicationFailure {
  return ApplicationFailure.nonRetryable(
    `The load was begun ${STARTS} times and its host was gone every time, last: ${error.message}. Look why workers end.`,
    "HOST_GONE",
  );
}

function describeBackfill(request: NonNullable<LoadRequest["backfill"]>): LoadInfo["backfill"] {
  return {
    resource: request.resource,
    from: String(request.from),
    ...(request.to === undefined ? {} : { to: String(request.to) }),
  };
}
