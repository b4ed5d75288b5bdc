/**
 * Workflow `pipeline`: one run. resolve → load (child, the lock) → queued backfills → dbt freshness → dbt build →
 * metrics → gate. The order lives here; what each step does and decides lives in activities.
 */

import { WorkflowExecutionAlreadyStartedError } from "@temporalio/common";
import {
  ApplicationFailure,
  allHandlersFinished,
  ChildWorkflowCancellationType,
  condition,
  isCancellation,
  ParentClosePolicy,
  patched,
  setCurrentDetails,
  setWorkflowOptions,
  sleep,
  startChild,
  workflowInfo,
} from "@temporalio/workflow";
import type { Activities } from "../activities";
import { backfillProblem } from "../pipeline/backfill-rules";
import type { CursorInfo } from "../pipeline/cursor";
import { cutText } from "../pipeline/cut-text";
import type { GateInfo, HistoryState, HostQueues, LoadInfo, ResolvedRun, RunResult } from "../pipeline/infos";
import {
  UPDATE_RESOLVE_REVIEW,
  UPDATE_RESUME,
  WORKFLOW_LOAD,
  WORKFLOW_MARK,
  WORKFLOW_PIPELINE,
} from "../pipeline/names";
import type { BackfillRequest, RunInput } from "../pipeline/spec";
import { type ActivityName, HOSTS, LONGEST_SUMMARY, type StepPlace } from "./activity-options";
import { type Judged, transformAndJudge } from "./after-load";
import { type BackfillQueue, innermostMessage, toldReason } from "./backfill-queue";
import { backfillRows, isBackfillOf } from "./backfill-rows";
import { callStep } from "./call-activity";
import { Findable } from "./findable";
import { type HostGone, onLivingHost } from "./host-lease";
import type { load } from "./load";
import { Notices } from "./notices";
import { leaveMemo } from "./own-memo";
import { type RunProgressView, runDetails } from "./run-details";
import { factsOf, failureOf } from "./run-end";
import { type PausableLoad, RunSteering } from "./run-steering";
import { coded, PROGRAMMING_ERRORS } from "./unexpected";

const DEFAULT_RETRY = { http_attempts: 5, activity_attempts: 5 };
const LONGEST_WAIT_FOR_LOCK = 15;
/** Runs that were open before do not look again where a failed load left its package. */
const PATCH_HOLDER_NOW = "holder-of-now";
/** Runs that were open before judge a backfill's range as they did then. */
const PATCH_BACKFILL_VALUES = "backfill-values-as-they-are";

export async function pipeline(input: RunInput): Promise<RunResult> {
  return await coded("pipeline", () => new PipelineRun(input).run());
}

setWorkflowOptions({ failureExceptionTypes: PROGRAMMING_ERRORS }, pipeline);
Object.defineProperty(pipeline, Symbol.for(WORKFLOW_MARK), { value: WORKFLOW_PIPELINE });

/** The state of one run between its steps. */
class PipelineRun {
  readonly #view: RunProgressView = {
    pipeline_name: "",
    step: "resolve",
    steps: [],
    backfills: [],
    notes: [],
  };
  readonly #seconds: RunResult["seconds"] = {};
  #resolved: ResolvedRun | undefined;
  #history: HistoryState;
  #cursors: CursorInfo[] = [];
  /** Holds what the last load left, as far as it is known. */
  #holder: HostQueues | undefined;
  #loadFailed = false;
  /** Where the steps after the load run; it may change when that host is gone. */
  #host: HostQueues | undefined;
  /** When a load of this run was done last. */
  #loadedAt: string | undefined;
  readonly #asked: RunSteering;
  readonly #findable = new Findable();
  readonly #notices = new Notices(() => this.#resolved);

  constructor(private readonly input: RunInput) {
    const last = workflowInfo().lastResult as RunResult | undefined;
    this.#history = { state: last?.state, load_id: last?.state_load_id };
    this.#cursors = Array.isArray(last?.cursors) ? last.cursors : [];
    this.#asked = new RunSteering({
      view: () => this.#view,
      cursors: () => this.#cursors,
      history: () => this.#history,
      resources: () => this.#resolved?.resources,
      show: () => this.#show(),
    });
    this.#asked.listen();
  }

  get #backfills(): BackfillQueue {
    return this.#asked.backfills;
  }

  /** The run with its notices: none is lost when the workflow closes. */
  async run(): Promise<RunResult> {
    try {
      const result = await this.#execute();
      await this.#notices.sent();
      const { problems } = this.#notices;
      return problems.length === 0 ? result : { ...result, undelivered: problems };
    } catch (error) {
      this.#notices.failed(error);
      await this.#notices.sent();
      throw error;
    } finally {
      if (this.#notices.problems.length > 0) {
        this.#view.notes.push(...this.#notices.problems);
        this.#show();
      }
    }
  }

  async #execute(): Promise<RunResult> {
    leaveMemo(this.input);
    const answer = await this.#step("resolve", () =>
      this.#activity("resolveRun", [this.input], { summary: "resolve and validate the spec" }),
    ).catch(error => {
      throw this.#findable.unresolved(this.input, error);
    });
    // A worker of now may have answered a workflow of before, which goes on as it began.
    const before = answer.host !== undefined && !patched(HOSTS);
    const resolved = before ? { ...answer, host: undefined, holder: undefined, place: undefined } : answer;
    this.#resolved = resolved;
    this.#findable.resolved(resolved);
    this.#holder = resolved.holder;
    this.#host = resolved.place === undefined ? resolved.host : (resolved.holder ?? resolved.host);
    this.#view.pipeline_name = resolved.spec.pipeline_name;
    this.#view.load_workflow_id = resolved.load_workflow_id;
    this.#view.notes.push(...resolved.warnings);

    let result: Partial<RunResult> = {};
    let failure: unknown;
    try {
      if (this.input?.load !== false) {
        const loaded = await this.#step("load", () => this.#load());
        result.load = loaded;
      }
    } catch (error) {
      failure = error;
    }
    // A queued backfill is run, or reported undone, before the workflow closes, also after a failed load.
    if (isCancellation(failure)) this.#reportUndone("the run was cancelled");
    else await this.#runBackfills();
    if (failure !== undefined) throw this.#withOutcomes(failure);

    for (;;) {
      result = { ...result, ...(await this.#transformAndGate(resolved, result.load)) };
      if (this.#backfills.waiting.length === 0) break;
      await this.#runBackfills();
    }
    await condition(allHandlersFinished);
    if (this.#backfills.waiting.length > 0) await this.#runBackfills();
    this.#view.step = "done";
    this.#show();
    const whole: RunResult = {
      pipeline_name: resolved.spec.pipeline_name,
      ...result,
      backfills: this.#backfills.outcomes,
      cursors: this.#cursors,
      state: this.#history.state,
      state_load_id: this.#history.load_id,
      warnings: resolved.warnings,
      seconds: this.#seconds,
    };
    const unwanted = failureOf(resolved, whole);
    if (unwanted !== undefined) throw unwanted;
    return whole;
  }

  async #load(backfill?: BackfillRequest): Promise<LoadInfo> {
    const resolved = this.#resolved!;
    await this.#lookForHolder(resolved);
    for (let wait = 1; ; wait = Math.min(wait * 2, LONGEST_WAIT_FOR_LOCK)) {
      try {
        const child = await startChild<typeof load>(resolved.load_workflow ?? WORKFLOW_LOAD, {
          workflowId: resolved.load_workflow_id,
          args: [
            {
              spec: resolved.spec,
              history: this.#history,
              backfill,
              commits: resolved.commits,
              needs_staging: resolved.needs_staging,
              ...this.#beginAt(resolved),
            },
          ],
          parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
          cancellationType: ChildWorkflowCancellationType.WAIT_CANCELLATION_COMPLETED,
          staticSummary: cutText(
            backfill
              ? `backfill ${backfill.resource} from ${backfill.from}${backfill.to === undefined ? "" : ` to ${backfill.to}`}`
              : `load ${resolved.spec.pipeline_name} into ${resolved.spec.dataset_name}`,
            LONGEST_SUMMARY,
          ),
        });
        await this.#asked.loads(child as unknown as PausableLoad);
        const info = await child.result();
        this.#keepLoaded(info);
        return info;
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) {
          this.#loadFailed = true;
          throw error;
        }
        if (resolved.spec.on_busy === "fail") {
          throw ApplicationFailure.nonRetryable(
            `Another run loads this pipeline into this dataset (workflow ${resolved.load_workflow_id}), and on_busy is "fail": nothing was begun.`,
            "LOAD_RUNNING",
          );
        }
        this.#view.waiting_for = `another load of this pipeline and dataset (${resolved.load_workflow_id})`;
        this.#show();
        await sleep(`${wait} seconds`);
      } finally {
        void this.#asked.loads(undefined);
        this.#view.waiting_for = undefined;
      }
    }
  }

  /** A host that holds what the last load left, else for a file the host that sees it; else any. */
  #beginAt({ place, host }: ResolvedRun): { place?: string; host?: HostQueues } {
    const at = this.#holder ?? (place === undefined ? undefined : (this.#host ?? host));
    return { ...(place === undefined ? {} : { place }), ...(at === undefined ? {} : { host: at }) };
  }

  /** A load of this run that failed may have left its package on another host than the one that was known. */
  async #lookForHolder({ host, load_workflow_id }: ResolvedRun): Promise<void> {
    if (!this.#loadFailed) return;
    this.#loadFailed = false;
    if (host === undefined || !patched(PATCH_HOLDER_NOW)) return;
    const args: Parameters<Activities["findHolder"]> = [{ load_workflow_id }];
    const summary = "look for what the failed load left";
    this.#holder = (await this.#activity("findHolder", args, { summary })).holder;
  }

  #keepLoaded(info: LoadInfo): void {
    this.#holder = undefined;
    this.#loadedAt = new Date().toISOString();
    if (info.host !== undefined && this.#resolved?.place !== undefined) this.#host = info.host;
    for (const cursor of info.cursors) {
      this.#cursors = [
        ...this.#cursors.filter(c => c.resource !== cursor.resource || c.cursor_path !== cursor.cursor_path),
        cursor,
      ];
    }
    if (info.state !== undefined) {
      this.#history = {
        state: info.state,
        load_id: info.state_load_id ?? info.load_id ?? this.#history.load_id,
      };
    }
    this.#view.notes.push(...info.notes);
    this.#findable.loaded(info);
    this.#notices.loaded(info);
  }

  async #runBackfills(): Promise<void> {
    for (let next = this.#backfills.take(); next !== undefined; next = this.#backfills.take()) {
      const { request, outcome } = next;
      const values = patched(PATCH_BACKFILL_VALUES) ? "as they are" : "by characters";
      const problem = backfillProblem(request, this.#resolved!.resources, values);
      if (problem !== undefined) {
        outcome.reason = toldReason(problem);
        continue;
      }
      try {
        const info = await this.#step(`backfill ${request.resource}`, () => this.#backfill(request));
        outcome.status = "done";
        outcome.load_id = info.load_id;
        outcome.rows = backfillRows(info);
      } catch (error) {
        outcome.status = "failed";
        outcome.reason = toldReason(innermostMessage(error));
        if (isCancellation(error)) {
          this.#reportUndone("the run was cancelled");
          throw error;
        }
      }
    }
  }

  /** A package that an earlier run left is loaded first; the backfill comes after it. */
  async #backfill(request: BackfillRequest): Promise<LoadInfo> {
    for (;;) {
      const info = await this.#load(request);
      const loadedOther = info.pending === true && !isBackfillOf(info, request);
      if (!loadedOther || info.host === undefined) return info;
      this.#view.notes.push(
        `backfill ${request.resource}: load package ${info.load_id} was pending and is loaded first; the backfill runs now`,
      );
      this.#show();
    }
  }

  #reportUndone(reason: string): void {
    this.#backfills.reportUndone(reason);
    this.#show();
  }

  async #transformAndGate(resolved: ResolvedRun, load: LoadInfo | undefined): Promise<Partial<RunResult>> {
    const judged: Judged = {};
    const { spec, queue } = resolved;
    // Rows of a backfill that came while dbt was at work are built anew, not taken for built.
    const rounds = this.#view.steps.filter(({ step }) => step === "dbt build").length;
    const runId = `${workflowInfo().runId}${rounds === 0 ? "" : `-${rounds + 1}`}`;
    const steps = (place: Omit<StepPlace, "summary">) =>
      transformAndJudge(
        resolved,
        runId,
        judged,
        factsOf(load, this.#loadedAt),
        place,
        (name, args, at) => this.#activity(name, args, at),
        (name, work) => this.#step(name, work),
        nodes => {
          this.#view.nodes = nodes;
          this.#show();
        },
      );
    const onHost = async () => {
      // Histories of before have no hosts.
      if (this.#host === undefined) await steps({ queue });
      else if (spec.transform !== undefined || spec.gate !== undefined) {
        await onLivingHost(
          this.#host,
          spec.retry,
          host => steps({ host }),
          gone => this.#anotherHost(resolved, gone),
        );
      }
    };
    await onHost();
    const { gate } = judged;
    this.#notices.judged(judged);
    if (gate !== undefined) this.#findable.decided(gate.decision);
    if (gate?.decision === "review" && resolved.spec.gate?.on_review === "wait") {
      judged.gate = await this.#waitForReview(gate);
      this.#findable.decided(judged.gate.decision);
      if (judged.gate.decision === "block") this.#notices.decided(judged.gate);
      if (judged.publish !== undefined && judged.gate.resolved_by !== undefined) await onHost();
    }
    if (judged.gate !== undefined) this.#view.gate = judged.gate;
    return judged;
  }

  /** The steps after the load go on elsewhere, where the destination can be reached from there. */
  async #anotherHost({ spec, place }: ResolvedRun, gone: HostGone): Promise<HostQueues> {
    this.#view.notes.push(`${gone.message}: the steps after the load go on elsewhere`);
    this.#view.waiting_for = "a host that reaches the destination";
    this.#show();
    const args: Parameters<Activities["pickHost"]> = [{ spec, ...(place === undefined ? {} : { place }) }];
    this.#host = await this.#activity("pickHost", args, { summary: "find another host" });
    this.#view.waiting_for = undefined;
    return this.#host;
  }

  async #waitForReview(gate: GateInfo): Promise<GateInfo> {
    this.#view.waiting_for = `a person: update ${UPDATE_RESOLVE_REVIEW} with {"decision": "promote" | "block"}`;
    this.#view.gate = gate;
    const review = await this.#asked.review();
    this.#view.waiting_for = undefined;
    if (review === undefined) return gate;
    return {
      ...gate,
      decision: review.decision,
      reasons: [...gate.reasons, `review: ${review.decision}${review.reason ? `, ${review.reason}` : ""}`],
      resolved_by: review.by ?? "resolveReview",
    };
  }

  async #activity<N extends ActivityName & keyof Activities>(
    name: N,
    args: Parameters<Activities[N]>,
    place: StepPlace,
  ): Promise<Awaited<ReturnType<Activities[N]>>> {
    return await callStep(name, args, this.#resolved?.spec.retry ?? DEFAULT_RETRY, place);
  }

  async #step<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#asked.paused) {
      this.#view.waiting_for = `update ${UPDATE_RESUME}`;
      this.#show();
      await this.#asked.resumed();
      this.#view.waiting_for = undefined;
    }
    const start = Date.now();
    const entry = { step: name, status: "running", seconds: undefined as number | undefined };
    this.#view.step = name;
    this.#view.steps.push(entry);
    this.#show();
    try {
      const result = await work();
      entry.status = "done";
      return result;
    } catch (error) {
      entry.status = isCancellation(error) ? "cancelled" : "failed";
      throw error;
    } finally {
      entry.seconds = (Date.now() - start) / 1000;
      this.#seconds[name] = (this.#seconds[name] ?? 0) + entry.seconds;
      this.#show();
    }
  }

  #withOutcomes(failure: unknown): unknown {
    if (this.#backfills.outcomes.length > 0) {
      this.#view.notes.push(...this.#backfills.notes());
      this.#show();
    }
    return failure;
  }

  #show(): void {
    setCurrentDetails(runDetails(this.#asked.view()));
  }
}
