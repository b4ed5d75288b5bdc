/** Backfills that a run was asked for: those that wait for their turn, and what became of the others. */
import { cutText } from "../pipeline/cut-text";
import type { BackfillOutcome } from "../pipeline/infos";
import type { BackfillRequest } from "../pipeline/spec";

/** What a run can carry in its result. More are asked for in another run, or as one wider range. */
const MOST = 300;
const LONGEST_REASON = 1000;

export class BackfillQueue {
  readonly waiting: BackfillRequest[] = [];
  readonly outcomes: BackfillOutcome[] = [];
  #further: { outcome: BackfillOutcome; count: number } | undefined;

  /** The next one with its outcome, which is `refused` until the caller says otherwise. */
  take(): { request: BackfillRequest; outcome: BackfillOutcome } | undefined {
    const request = this.waiting.shift();
    if (request === undefined) return undefined;
    const outcome: BackfillOutcome = { ...rangeOf(request), status: "refused" };
    this.outcomes.push(outcome);
    return { request, outcome };
  }

  /** Why no further backfill is taken, if so. */
  fullProblem(): string | undefined {
    if (this.waiting.length + this.outcomes.length < MOST) return undefined;
    return `this run was asked for ${MOST} backfills already; ask again when it is done, or for one wider range`;
  }

  /** A signal that cannot be taken: nobody can be told but the history. Those beyond the bound are counted. */
  recordBadSignal(reason: string): void {
    const full = this.fullProblem() !== undefined;
    if (full && this.#further !== undefined) {
      this.#further.count++;
      this.#further.outcome.reason = toldReason(`${this.#further.count} requests, the last: ${reason}`);
      return;
    }
    const outcome: BackfillOutcome = {
      resource: "?",
      from: "?",
      status: "refused",
      reason: toldReason(reason),
    };
    this.outcomes.push(outcome);
    if (full) this.#further = { outcome, count: 1 };
  }

  reportUndone(reason: string): void {
    for (const request of this.waiting.splice(0)) {
      this.outcomes.push({ ...rangeOf(request), status: "not_run", reason });
    }
  }

  notes(): string[] {
    return this.outcomes.map(o => `backfill ${o.resource}: ${o.status}${o.reason ? `, ${o.reason}` : ""}`);
  }
}

/** A reason of any length, as a result can carry it. */
export const toldReason = (reason: string): string => cutText(reason, LONGEST_REASON);

/** What failed, without the workflows and activities it came through. */
export function innermostMessage(error: unknown): string {
  let current: unknown = error;
  while (current instanceof Error && current.cause instanceof Error) current = current.cause;
  return current instanceof Error ? current.message : String(current);
}

function rangeOf(request: BackfillRequest): Pick<BackfillOutcome, "resource" | "from" | "to"> {
  return {
    resource: request.resource,
    from: String(request.from),
    ...(request.to === undefined ? {} : { to: String(request.to) }),
  };
}
