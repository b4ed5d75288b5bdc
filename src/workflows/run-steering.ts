/**
 * What people ask of an open run, by the messages of messages.ts: backfills, pause and resume, a decision about a review.
 * It keeps what was asked until the run comes to it; the order of the steps is pipeline.ts's.
 */
import { ApplicationFailure, condition } from "@temporalio/workflow";
import { backfillFormProblem, backfillProblem } from "../pipeline/backfill-rules";
import type { CursorInfo } from "../pipeline/cursor";
import type { HistoryState, ResourcePlan } from "../pipeline/infos";
import type { BackfillRequest } from "../pipeline/spec";
import { BackfillQueue } from "./backfill-queue";
import {
  backfillSignal,
  pauseUpdate,
  progressQuery,
  type ReviewDecision,
  requestBackfillUpdate,
  resolveReviewUpdate,
  resumeUpdate,
  reviewProblem,
  stateQuery,
} from "./messages";
import type { RunProgressView } from "./run-details";
import { setHandler } from "./unexpected";

/** The open load, as far as it is told to pause. */
export interface PausableLoad {
  signal(name: string, ...args: unknown[]): Promise<void>;
}

/** What the run tells those who ask. */
export interface SteeredRun {
  /** Without backfills: those are here. */
  view(): RunProgressView;
  cursors(): CursorInfo[];
  history(): HistoryState;
  /** Undefined until the spec is resolved. */
  resources(): ResourcePlan[] | undefined;
  /** What people see has changed. */
  show(): void;
}

export class RunSteering {
  readonly backfills = new BackfillQueue();
  #paused = false;
  #load: PausableLoad | undefined;
  #review: ReviewDecision | undefined;
  #awaitsReview = false;

  constructor(private readonly run: SteeredRun) {}

  /** Sets the handlers. Messages that came before are handled at once, so `run` must be able to answer. */
  listen(): void {
    // Nobody can refuse a signal: a bad one is recorded and ignored.
    setHandler(backfillSignal, request => {
      const problem = backfillFormProblem(request) ?? this.backfills.fullProblem();
      if (problem === undefined) this.#enqueue(request);
      else this.backfills.recordBadSignal(problem);
    });
    setHandler(
      requestBackfillUpdate,
      request => {
        this.#enqueue(request);
        return { queued: this.backfills.waiting.length };
      },
      { validator: request => this.#refuseBackfill(request) },
    );
    setHandler(pauseUpdate, () => this.#setPaused(true));
    setHandler(resumeUpdate, () => this.#setPaused(false));
    setHandler(
      resolveReviewUpdate,
      review => {
        this.#review = review;
        return { decision: review.decision };
      },
      { validator: review => this.#refuseReview(review) },
    );
    setHandler(progressQuery, () => this.view());
    setHandler(stateQuery, () => {
      const { state, load_id } = this.run.history();
      return { cursors: this.run.cursors(), state, load_id };
    });
  }

  get paused(): boolean {
    return this.#paused;
  }

  async resumed(): Promise<void> {
    await condition(() => !this.#paused);
  }

  /** A load has begun, or (undefined) none is open any more. */
  async loads(load: PausableLoad | undefined): Promise<void> {
    this.#load = load;
    if (load !== undefined && this.#paused) await this.#tellPause(load);
  }

  /** A person's decision; undefined when a backfill comes first. */
  async review(): Promise<ReviewDecision | undefined> {
    this.#awaitsReview = true;
    this.#review = undefined;
    this.run.show();
    await condition(() => this.#review !== undefined || this.backfills.waiting.length > 0);
    this.#awaitsReview = false;
    return this.#review;
  }

  view(): RunProgressView {
    return {
      ...this.run.view(),
      backfills: [...this.backfills.outcomes],
      queued_backfills: [...this.backfills.waiting],
    };
  }

  #refuseBackfill(request: BackfillRequest): void {
    const resources = this.run.resources();
    const problem =
      backfillFormProblem(request) ??
      this.backfills.fullProblem() ??
      (resources === undefined ? undefined : backfillProblem(request, resources));
    if (problem !== undefined)
      throw ApplicationFailure.nonRetryable(`Backfill refused: ${problem}.`, "BACKFILL_REFUSED");
  }

  #refuseReview(review: ReviewDecision): void {
    if (!this.#awaitsReview)
      throw ApplicationFailure.nonRetryable("No review is waiting for a decision.", "NO_REVIEW");
    const problem = reviewProblem(review);
    if (problem !== undefined) throw ApplicationFailure.nonRetryable(problem, "NO_REVIEW");
  }

  #enqueue(request: BackfillRequest): void {
    this.backfills.waiting.push(request);
    this.run.show();
  }

  async #setPaused(paused: boolean): Promise<{ paused: boolean }> {
    this.#paused = paused;
    if (this.#load !== undefined) await this.#tellPause(this.#load);
    return { paused };
  }

  /** A load that has just closed takes no signal, and needs none. */
  async #tellPause(load: PausableLoad): Promise<void> {
    await load.signal("pauseLoad", this.#paused).catch(() => undefined);
  }
}
