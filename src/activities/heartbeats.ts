/**
 * Wraps one activity: progress becomes heartbeats (at most one a second, and while the engine is silent one every five
 * seconds, or three within the time-out), cancellation becomes an AbortSignal, errors leave through failures.ts.
 *
 * Temporal counts a worker that died as an attempt like any other. What was meant for errors must not be used up by
 * deaths, so heartbeat details, which outlive an attempt, carry how many attempts ended with an error of their own.
 */
import { CancelledFailure, Context } from "@temporalio/activity";
import { ApplicationFailure } from "@temporalio/common";
import { errorsAllowed } from "../pipeline/attempts";
import type { OnProgress, ProgressEvent } from "../pipeline/infos";
import type { Step } from "../pipeline/names";
import { redact } from "../pipeline/redact";
import { type AttemptsSoFar, attemptsSoFar, type HeartbeatDetails, isCounted } from "./attempts";
import { framesOf, toFailure } from "./failures";
import { measure } from "./measure";

export interface StepContext {
  signal: AbortSignal;
  /** Aborted when the worker is asked to stop: what can be handed back at a safe place is handed back there. */
  stopping: AbortSignal;
  onProgress: OnProgress;
  /** Temporal's number of this attempt, from 1. */
  attempt: number;
  /** An error now ends the step. */
  lastAttempt: boolean;
  /** Secrets met while the step works; masked in everything that leaves. */
  secrets: string[];
}

export interface StepOptions {
  /** Sees every progress event; the fault tests end the process at a chosen one. */
  observe?: (event: ProgressEvent) => void;
  stopping?: AbortSignal;
}

/** What a step is of: in the worker's log and in metrics. */
export interface StepOf {
  step: Step;
  pipeline?: string;
  load_id?: string;
  resource?: string;
}

const SILENCE_MS = 5_000;
const EVERY_MS = 1_000;
const NEVER = new AbortController().signal;

export async function asStep<T>(
  of: StepOf,
  { observe, stopping = NEVER }: StepOptions,
  work: (context: StepContext) => Promise<T>,
): Promise<T> {
  const { step } = of;
  const activity = Context.current();
  const started = performance.now();
  const { attempt, retryPolicy, heartbeatDetails, heartbeatTimeoutMs } = activity.info;
  const before = attemptsSoFar(attempt, heartbeatDetails as HeartbeatDetails | undefined);
  const allowed = errorsAllowed(retryPolicy?.maximumAttempts);
  let latest: ProgressEvent = { step };
  let sent = 0;
  const send = (ended: Partial<AttemptsSoFar> = {}) => {
    sent = performance.now();
    activity.heartbeat({ ...latest, attempts: { ...before, ...ended } } satisfies HeartbeatDetails);
  };
  // Three signs of life within the time-out, however short a spec makes it.
  const silence = Math.min(SILENCE_MS, (heartbeatTimeoutMs ?? SILENCE_MS * 3) / 3);
  const timer = setInterval(
    () => {
      if (performance.now() - sent >= silence) send();
    },
    Math.min(EVERY_MS, silence),
  );
  const secrets: string[] = [];
  const labels = { pipeline: of.pipeline ?? "", step, resource: of.resource ?? "" };
  const ended = (outcome: "done" | "failed" | "stopped"): number => {
    const seconds = (performance.now() - started) / 1000;
    measure("tidemark_step_seconds", seconds, { pipeline: labels.pipeline, step, outcome });
    return seconds;
  };
  const onProgress: OnProgress = event => {
    latest = event;
    if (performance.now() - sent >= EVERY_MS) send();
    observe?.(event);
  };
  try {
    send();
    before.requireHope(step);
    const result = await work({
      signal: activity.cancellationSignal,
      stopping,
      onProgress,
      attempt,
      lastAttempt: allowed > 0 && before.errors + 1 >= allowed,
      secrets,
    });
    activity.log.info("step done", { ...of, seconds: ended("done") });
    return result;
  } catch (error) {
    if (activity.cancellationSignal.aborted) {
      const reason: unknown = activity.cancellationSignal.reason;
      send({ ended: "stopped" });
      ended("stopped");
      throw reason instanceof CancelledFailure ? reason : new CancelledFailure("cancelled");
    }
    const counted = isCounted(error);
    const errors = before.errors + (counted ? 1 : 0);
    const failure = toFailure(error, step, secrets, {
      errors,
      last: counted && allowed > 0 && errors >= allowed,
    });
    // The log stays on this host: what a vendor or a user's code said may stand there, secrets may not.
    const said =
      error instanceof Error ? (error.cause instanceof Error ? error.cause : error).message : String(error);
    const code = failure instanceof ApplicationFailure ? (failure.type ?? "") : "";
    const stopped = code === "WORKER_STOPPING";
    activity.log.warn(`${failure.message}\n${redact(said, secrets)}\n${framesOf(error)}`, {
      ...of,
      code,
      seconds: ended(stopped ? "stopped" : "failed"),
    });
    const again = failure instanceof ApplicationFailure && !failure.nonRetryable;
    if (!stopped) measure(again ? "tidemark_step_retries" : "tidemark_step_failures", 1, { ...labels, code });
    send({ errors, ended: stopped ? "stopped" : "error" });
    throw failure;
  } finally {
    clearInterval(timer);
  }
}
