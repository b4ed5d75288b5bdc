/** Starts, follows and steers runs over a Temporal client of the caller's: its connection, namespace and converter. */
import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  type WorkflowHandle,
  WorkflowUpdateFailedError,
} from "@temporalio/client";
import type { CursorInfo } from "../pipeline/cursor";
import { cutText } from "../pipeline/cut-text";
import { TidemarkError } from "../pipeline/errors";
import type { RunResult, StateRef } from "../pipeline/infos";
import {
  DEFAULT_TASK_QUEUE,
  QUERY_STATE,
  SIGNAL_BACKFILL,
  UPDATE_PAUSE,
  UPDATE_REQUEST_BACKFILL,
  UPDATE_RESOLVE_REVIEW,
  UPDATE_RESUME,
  WORKFLOW_PIPELINE,
} from "../pipeline/names";
import type { BackfillRequest, RunInput } from "../pipeline/spec";
import { nameOf, pipelineId, type RunTarget } from "./ids";
import { findRun, isOurRun, memoOf, requireOurRun } from "./ownership";
import { readable } from "./payloads";
import {
  pauseSchedule,
  putSchedule,
  removeSchedule,
  type ScheduleOutcome,
  type ScheduleTimes,
} from "./schedules";
import { requireWorkers } from "./served";
import { follow, look, type Snapshot } from "./snapshot";

export interface TidemarkClientOptions {
  /** Where Tidemark's worker listens. Default: `tidemark`. */
  taskQueue?: string;
  /** The name under which the worker has workflow `pipeline`. */
  workflowType?: string;
}

/** What a run does: a spec's name or path on the worker, or the workflow's whole input. */
export type PipelineOrInput = string | RunInput;

export interface StartOptions {
  /** The pipeline's own name, where its spec is run by a path. */
  name?: string;
  /** Default: `tidemark-<pipeline>`, so that a pipeline has one open run. */
  workflowId?: string;
  /** Starts also where no worker serves the task queue now; without, that is an error. */
  allowUnserved?: boolean;
}

export interface StartedRun {
  handle: WorkflowHandle;
  workflowId: string;
  runId: string;
  /** It ran already; nothing new was started. */
  attached: boolean;
}

export interface StartedBackfill extends Omit<StartedRun, "runId" | "attached"> {
  /** Queued at a run that is open; false: a run was started that does nothing else. */
  queued: boolean;
}

export interface RunState {
  cursors: CursorInfo[];
  state?: StateRef;
  load_id?: string;
}

/** A run that closes while it is attached to is started anew; more often than this somebody plays with us. */
const TRIES = 5;

export class TidemarkClient {
  readonly taskQueue: string;
  readonly workflowType: string;

  constructor(
    readonly client: Client,
    options: TidemarkClientOptions = {},
  ) {
    this.taskQueue = options.taskQueue ?? DEFAULT_TASK_QUEUE;
    this.workflowType = options.workflowType ?? WORKFLOW_PIPELINE;
  }

  /**
   * Starts a run, or attaches to the pipeline's open one.
   * @throws TidemarkError NOT_OURS, QUEUE_NOT_SERVED
   */
  async start(pipeline: PipelineOrInput, options: StartOptions = {}): Promise<StartedRun> {
    const input = toInput(pipeline);
    const name = options.name ?? nameOf(input.pipeline);
    if (!options.allowUnserved) await requireWorkers(this.client, this.taskQueue);
    const workflowId = options.workflowId ?? (await this.#defaultId(name));
    for (let tries = 1; ; tries++) {
      try {
        // Refused where one is open: only then it is known, without a clock, that nothing was started.
        const handle = await this.client.workflow.start(this.workflowType, {
          ...this.#startOptions(name),
          workflowId,
          args: [input],
          workflowIdConflictPolicy: "FAIL",
        });
        return this.#started(workflowId, handle.firstExecutionRunId, false);
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError) || tries === TRIES) throw error;
        const open = await findRun(this.client, workflowId);
        if (open?.status.name !== "RUNNING") continue;
        await requireOurRun(open, this.workflowType);
        return this.#started(workflowId, open.runId, true);
      }
    }
  }

  /**
   * Starts a run, or attaches to the open one, and waits for its result.
   * @throws WorkflowFailedError; TidemarkError NOT_OURS, QUEUE_NOT_SERVED, PAYLOAD_UNREADABLE
   */
  async run(pipeline: PipelineOrInput, options: StartOptions = {}): Promise<RunResult> {
    const { handle } = await this.start(pipeline, options);
    return await readable(() => handle.result() as Promise<RunResult>);
  }

  /**
   * Loads a range again: queued at the pipeline's open run (which answers with a reason when it refuses), else by a run
   * that does nothing else.
   * @throws TidemarkError BACKFILL_REFUSED, NOT_OURS, QUEUE_NOT_SERVED
   */
  async backfill(
    pipeline: PipelineOrInput,
    request: BackfillRequest,
    options: StartOptions = {},
  ): Promise<StartedBackfill> {
    const input = toInput(pipeline);
    const name = options.name ?? nameOf(input.pipeline);
    const workflowId = options.workflowId ?? (await this.#defaultId(name));
    const handle = this.client.workflow.getHandle(workflowId);
    const open = await findRun(this.client, workflowId);
    if (open?.status.name === "RUNNING") {
      await requireOurRun(open, this.workflowType);
      await handle.executeUpdate(UPDATE_REQUEST_BACKFILL, { args: [request] }).catch(refused);
      return { handle, workflowId, queued: true };
    }
    if (!options.allowUnserved) await requireWorkers(this.client, this.taskQueue);
    await this.client.workflow.signalWithStart(this.workflowType, {
      ...this.#startOptions(name),
      workflowId,
      args: [{ ...input, load: false } satisfies RunInput],
      signal: SIGNAL_BACKFILL,
      signalArgs: [request],
    });
    return { handle, workflowId, queued: false };
  }

  /**
   * Makes the pipeline's schedule, or changes it; one that is paused stays paused.
   * @param name the pipeline's own name, where its spec is run by a path
   * @throws TidemarkError NOT_OURS, SPEC_INVALID
   */
  async schedule(
    pipeline: PipelineOrInput,
    times: ScheduleTimes & { paused?: boolean },
    name?: string,
  ): Promise<ScheduleOutcome> {
    return await putSchedule(this.client, this, { input: toInput(pipeline), name, ...times });
  }

  /** @returns ids of what was removed. @throws TidemarkError NOT_OURS, RUN_NOT_FOUND */
  async unschedule(pipeline: PipelineOrInput, name?: string): Promise<string[]> {
    const input = toInput(pipeline);
    return await removeSchedule(this.client, this, input, name ?? nameOf(input.pipeline));
  }

  /** Its runs go on; no new one starts until `resumeSchedule`. @throws TidemarkError NOT_OURS, RUN_NOT_FOUND */
  async pauseSchedule(pipeline: PipelineOrInput, name?: string): Promise<string[]> {
    const input = toInput(pipeline);
    return await pauseSchedule(this.client, this, input, name ?? nameOf(input.pipeline), true);
  }

  /** @throws TidemarkError NOT_OURS, RUN_NOT_FOUND */
  async resumeSchedule(pipeline: PipelineOrInput, name?: string): Promise<string[]> {
    const input = toInput(pipeline);
    return await pauseSchedule(this.client, this, input, name ?? nameOf(input.pipeline), false);
  }

  /** Cursors and state as the run has them; of a closed run too, while a worker is up. */
  async state(target: RunTarget): Promise<RunState> {
    const handle = await this.#ours(target);
    return await readable(() => handle.query<RunState>(QUERY_STATE));
  }

  /** One look at a run: its steps, its load, the heartbeats of its activities. */
  async progress(target: RunTarget): Promise<Snapshot> {
    return await look(this.client, await this.#ours(target));
  }

  /** The run stops at its next safe place and waits there. @throws TidemarkError NOT_OURS, RUN_NOT_FOUND */
  async pause(target: RunTarget): Promise<void> {
    await (await this.#ours(target)).executeUpdate(UPDATE_PAUSE);
  }

  /** @throws TidemarkError NOT_OURS, RUN_NOT_FOUND */
  async resume(target: RunTarget): Promise<void> {
    await (await this.#ours(target)).executeUpdate(UPDATE_RESUME);
  }

  /**
   * Decides for a run whose gate said `review` and which waits for a person (`gate.on_review: wait`).
   * @throws TidemarkError REVIEW_REFUSED when none waits; NOT_OURS, RUN_NOT_FOUND
   */
  async resolveReview(
    target: RunTarget,
    review: { decision: "promote" | "block"; by?: string; reason?: string },
  ): Promise<void> {
    const handle = await this.#ours(target);
    try {
      await handle.executeUpdate(UPDATE_RESOLVE_REVIEW, { args: [review] });
    } catch (error) {
      if (!(error instanceof WorkflowUpdateFailedError)) throw error;
      throw new TidemarkError("REVIEW_REFUSED", error.cause?.message ?? error.message);
    }
  }

  /** Asks a run to stop at its next safe place. @throws TidemarkError NOT_OURS, RUN_NOT_FOUND */
  async cancel(target: RunTarget): Promise<void> {
    await (await this.#ours(target)).cancel();
  }

  /**
   * Follows a run to its end, calling `onSnapshot` about twice a second.
   * @throws WorkflowFailedError; TidemarkError NOT_OURS, RUN_NOT_FOUND, PAYLOAD_UNREADABLE
   */
  async follow(target: RunTarget | StartedRun, onSnapshot: (snapshot: Snapshot) => void): Promise<RunResult> {
    const known = typeof target === "object" && "handle" in target;
    return await follow(this.client, known ? target.handle : await this.#ours(target), onSnapshot);
  }

  /** Ours, or the pipeline's bare name, which was the id of before, while such a run of ours is open. */
  async #defaultId(name: string): Promise<string> {
    const older = await findRun(this.client, name);
    const open = older?.status.name === "RUNNING" && (await isOurRun(older, this.workflowType));
    return open ? name : pipelineId(name);
  }

  async #ours(target: RunTarget): Promise<WorkflowHandle> {
    const { workflowId, runId } =
      typeof target === "string"
        ? { workflowId: await this.#defaultId(target) }
        : { runId: undefined, ...target };
    const run = await findRun(this.client, workflowId, runId);
    if (run === undefined) {
      throw new TidemarkError(
        "RUN_NOT_FOUND",
        `There is no workflow "${workflowId}" in namespace "${this.client.options.namespace}".`,
      );
    }
    await requireOurRun(run, this.workflowType);
    return this.client.workflow.getHandle(workflowId, run.runId);
  }

  #startOptions(name: string) {
    return {
      taskQueue: this.taskQueue,
      memo: memoOf(name),
      staticSummary: cutText(`tidemark: ${name}`, 120),
    };
  }

  #started(workflowId: string, runId: string, attached: boolean): StartedRun {
    return { handle: this.client.workflow.getHandle(workflowId, runId), workflowId, runId, attached };
  }
}

function toInput(pipeline: PipelineOrInput): RunInput {
  return typeof pipeline === "string" ? { pipeline } : pipeline;
}

function refused(error: unknown): never {
  if (!(error instanceof WorkflowUpdateFailedError)) throw error;
  throw new TidemarkError("BACKFILL_REFUSED", error.cause?.message ?? error.message);
}
