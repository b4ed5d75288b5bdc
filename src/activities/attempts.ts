/**
 * Which attempts of a step count. Pure.
 *
 * `maximumAttempts`, which Temporal counts, is the number of errors allowed plus DEATHS: a worker that is killed, a
 * host that restarts or a server that was away end an attempt too, and say nothing of the step. A step that takes its
 * worker down again and again at one place is told from those by its place.
 */
import { TidemarkError } from "../pipeline/errors";
import type { ProgressEvent } from "../pipeline/infos";
import type { Step } from "../pipeline/names";

/** Deaths in a row without any progress between them that are taken for the step's own doing. */
const DEATHS_AT_ONE_PLACE = 8;
const LONGEST_DELAY_MS = 60_000;

export interface AttemptsSoFar {
  /** Attempts that ended with an error of their own. */
  errors: number;
  /** How the attempt ended, when it had the time to say so. */
  ended?: "error" | "stopped";
  /** Where workers died, and how often in a row there. */
  died?: { at: string; times: number };
}

export type HeartbeatDetails = ProgressEvent & { attempts?: AttemptsSoFar };

/**
 * @param attempt Temporal's number of this attempt
 * @param last heartbeat details of the attempts before; absent when none ever came through
 */
export function attemptsSoFar(
  attempt: number,
  last: HeartbeatDetails | undefined,
): AttemptsSoFar & { requireHope(step: Step): void } {
  const { errors = 0, ended, died } = last?.attempts ?? {};
  const so: AttemptsSoFar = { errors };
  // A host that restarts while a step only waits says nothing of the step.
  if (attempt > 1 && ended === undefined && !last?.phase?.startsWith("waiting")) {
    const at = placeOf(last);
    so.died = { at, times: died?.at === at ? died.times + 1 : 1 };
  }
  return { ...so, requireHope: step => requireHope(so, step) };
}

function placeOf(event: HeartbeatDetails | undefined): string {
  if (event === undefined) return "";
  const { step, subject = "", phase = "", rows = "", bytes = "" } = event;
  return [step, subject, phase, rows, bytes].join("|");
}

function requireHope({ died }: AttemptsSoFar, step: Step): void {
  if (died === undefined || died.times < DEATHS_AT_ONE_PLACE) return;
  throw new TidemarkError(
    "WORKER_DIES",
    `The worker process ended ${died.times} times in a row at the same place of this step, without an error of its own. ` +
      "It was killed from outside, or it ran out of memory there: look at the worker's and the system's log, give it " +
      "more memory, or make pages or files smaller; then run again.",
    { step },
  );
}

/** Waiting for a host or for a worker's end is no error of the step. */
export function isCounted(error: unknown): boolean {
  return !(
    error instanceof TidemarkError &&
    (error.code === "WORKER_STOPPING" || error.code === "DESTINATION_ELSEWHERE")
  );
}

/** Before the next attempt, in milliseconds: doubling with every error. */
export function delayAfter(errors: number): number {
  return Math.min(LONGEST_DELAY_MS, 1_000 * 2 ** Math.max(0, errors - 1));
}
