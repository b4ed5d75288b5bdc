/**
 * Where a command does its work: a server, a worker where none stays, and the end of both. Whatever happens, and
 * whatever signal comes, what the command started is gone when it ends.
 */
import type { WorkflowHandle } from "@temporalio/client";
import { TidemarkClient } from "../client";
import { refuseQueueOfOthers, requireWorkers } from "../client/served";
import { follow } from "../client/snapshot";
import type { Config } from "../config";
import { type Connected, connect, hasStayingWorker } from "../connect";
import type { RunResult } from "../pipeline/infos";
import type { RunningWorker } from "../worker";
import { EndSignals, Interrupted, once } from "./end-signals";
import { failureOf } from "./failure-of";
import type { LiveProgress } from "./live-progress";

/** A cancelled run has this long to reach a safe place; most need a second or two. */
const CANCEL_MS = 10_000;
/** A worker gives its steps 10 seconds (src/worker.ts), and needs a moment itself. */
export const STOP_WORKER_MS = 12_000;
export const TERMINATE_MS = 3_000;

export class Workplace implements AsyncDisposable {
  #worker: RunningWorker | undefined;
  #abandoned = false;
  readonly tidemark: TidemarkClient;
  /** Leaves the dev server running. */
  keep = false;

  private constructor(
    readonly config: Config,
    readonly connected: Connected,
    readonly signals: EndSignals,
  ) {
    this.tidemark = new TidemarkClient(connected.client, { taskQueue: config.taskQueue });
  }

  /** @throws Interrupted; TidemarkError DESTINATION_UNAVAILABLE */
  static async open(config: Config): Promise<Workplace> {
    const signals = new EndSignals();
    try {
      return new Workplace(config, await connect(config, signals.asked), signals);
    } catch (error) {
      signals[Symbol.dispose]();
      throw error;
    }
  }

  /**
   * A worker for what is about to start. On the local server this command starts one, unless one stays there; a server
   * of the user's is shared with others, so there only when told to.
   * @param wish undefined: as fits the server; "none": the run may wait for a worker that nobody has seen yet
   * @throws TidemarkError QUEUE_NOT_SERVED, QUEUE_OF_OTHERS
   */
  async needWorker(wish?: "own" | "none"): Promise<void> {
    if (wish === "none") return;
    const { client, devServer, address } = this.connected;
    if (devServer === undefined && wish !== "own") {
      return await requireWorkers(client, this.config.taskQueue);
    }
    if (!hasStayingWorker(this.config, address)) await this.startWorker({ kind: "run" });
  }

  /** @throws Interrupted when a signal came meanwhile */
  async startWorker(
    options: Omit<Parameters<typeof import("../worker")["startWorker"]>[1], "address">,
  ): Promise<RunningWorker> {
    this.signals.asked.throwIfAborted();
    const { client, devServer } = this.connected;
    if (devServer === undefined) await refuseQueueOfOthers(client, this.config.taskQueue);
    // Loaded only when needed: with a worker that stays, this process stays small.
    const { startWorker } = require("../worker") as typeof import("../worker");
    this.#worker = await startWorker(this.config, { address: this.connected.address, ...options });
    this.signals.asked.throwIfAborted();
    return this.#worker;
  }

  /** @throws Interrupted when the signal, the first one or the second, comes before the work is done */
  async unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
    const ended = once(signal).then((): never => {
      throw signal.reason;
    });
    ended.catch(() => undefined);
    return await Promise.race([work, ended]);
  }

  /**
   * Follows a run to its end. The first signal cancels it and waits for that; what does not stop in time, or after a
   * second signal, is terminated on the local server, where its worker is this process, about to be gone. A run of a
   * shared server that somebody else started is only left.
   * @throws WorkflowFailedError, Interrupted; what broke the worker
   */
  async follow(
    { handle: run, attached = false }: { handle: WorkflowHandle; attached?: boolean },
    progress: Pick<LiveProgress, "line" | "show">,
  ): Promise<RunResult> {
    let loadId: string | undefined;
    const following = follow(this.connected.client, run, snapshot => {
      loadId = snapshot.run?.load_workflow_id ?? loadId;
      if (!this.signals.asked.aborted) progress.show(snapshot);
    });
    const { asked } = this.signals;
    following.catch(() => undefined);
    // A worker of ours that breaks would leave the run to nobody.
    const broken = this.#worker?.done ?? new Promise<never>(() => undefined);
    await Promise.race([following.catch(() => undefined), once(asked), broken]);
    if (!asked.aborted) return await following;
    if (attached && this.connected.devServer === undefined && this.#worker === undefined) {
      throw new Interrupted(
        this.signals.signal!,
        `${run.workflowId} goes on: it ran already when this command joined it (\`temporal workflow cancel -w ${run.workflowId}\` ends it).`,
      );
    }
    progress.line("Cancelling: the run stops at the next safe place. Once more to leave at once.");
    const over = following.then(
      () => true,
      () => true,
    );
    await this.signals.atMost(CANCEL_MS, Promise.all([run.cancel().catch(() => undefined), over]));
    if (await Promise.race([over, notYet()])) {
      return await following.catch(error => {
        throw failureOf(error).code === "CANCELLED"
          ? new Interrupted(this.signals.signal!, "The run was cancelled.")
          : error;
      });
    }
    throw await this.#abandon(run, loadId);
  }

  async #abandon(run: WorkflowHandle, loadId: string | undefined): Promise<Interrupted> {
    const signal = this.signals.signal!;
    this.#abandoned = true;
    if (this.#worker === undefined || this.connected.devServer === undefined) {
      return new Interrupted(
        signal,
        `${run.workflowId} is asked to cancel and has not stopped yet: workers go on with it.`,
      );
    }
    const reason = `${signal}: a step did not stop in time, and its worker is gone`;
    const { workflow } = this.connected.client;
    const ends = [run, ...(loadId === undefined ? [] : [workflow.getHandle(loadId)])].map(handle =>
      handle.terminate(reason).catch(() => undefined),
    );
    await Promise.race([Promise.all(ends), new Promise(done => setTimeout(done, TERMINATE_MS))]);
    return new Interrupted(
      signal,
      "A step did not stop in time: the run was terminated. The dataset is as its last load left it.",
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#worker !== undefined)
        await this.signals.atMost(this.#abandoned ? 0 : STOP_WORKER_MS, this.#worker.stop());
      passOverLateCalls();
      await this.connected.close({ keep: this.keep });
    } finally {
      this.signals[Symbol.dispose]();
    }
  }
}

/**
 * A call that the SDK is about to repeat finds the channel closed and throws from a timer of its own, where nobody can
 * catch it: it would end the process with another exit code than what happened.
 */
function passOverLateCalls(): void {
  process.on("uncaughtException", error => {
    if (error.message === "Channel has been shut down") return;
    console.error(error);
    process.exit(1);
  });
}

/** A promise that has settled comes before this one. */
function notYet(): Promise<false> {
  return new Promise(done => setImmediate(() => done(false)));
}
