/**
 * Wraps one activity: progress becomes heartbeats (at most one a second, and one every five seconds while the engine
 * is silent), cancellation becomes an AbortSignal, errors leave through failures.ts.
 */
import { CancelledFailure, Context } from "@temporalio/activity";
import type { OnProgress, ProgressEvent } from "../pipeline/infos";
import type { Step } from "../pipeline/names";
import { redact } from "../spec/secrets";
import { framesOf, toFailure } from "./failures";

export interface StepContext {
  signal: AbortSignal;
  onProgress: OnProgress;
  /** Temporal's number of this attempt, from 1. */
  attempt: number;
  lastAttempt: boolean;
  /** Secrets met while the step works; masked in everything that leaves. */
  secrets: string[];
}

export type Observe = (event: ProgressEvent) => void;

const SILENCE_MS = 5_000;
const EVERY_MS = 1_000;

export async function asStep<T>(
  step: Step,
  observe: Observe | undefined,
  work: (context: StepContext) => Promise<T>,
): Promise<T> {
  const activity = Context.current();
  let latest: ProgressEvent = { step };
  let sent = 0;
  const send = () => {
    sent = Date.now();
    activity.heartbeat(latest);
  };
  const timer = setInterval(() => {
    if (Date.now() - sent >= SILENCE_MS) send();
  }, EVERY_MS);
  const secrets: string[] = [];
  const onProgress: OnProgress = event => {
    latest = event;
    if (Date.now() - sent >= EVERY_MS) send();
    observe?.(event);
  };
  const { attempt, retryPolicy } = activity.info;
  try {
    send();
    return await work({
      signal: activity.cancellationSignal,
      onProgress,
      attempt,
      lastAttempt: (retryPolicy?.maximumAttempts ?? 0) > 0 && attempt >= (retryPolicy?.maximumAttempts ?? 0),
      secrets,
    });
  } catch (error) {
    if (activity.cancellationSignal.aborted) {
      const reason: unknown = activity.cancellationSignal.reason;
      throw reason instanceof CancelledFailure ? reason : new CancelledFailure("cancelled");
    }
    const failure = toFailure(error, step, secrets);
    // The log stays on this host: what a vendor or a user's code said may stand there, secrets may not.
    const said =
      error instanceof Error ? (error.cause instanceof Error ? error.cause : error).message : String(error);
    activity.log.warn(`${failure.message}\n${redact(said, secrets)}\n${framesOf(error)}`, { step });
    throw failure;
  } finally {
    clearInterval(timer);
  }
}
