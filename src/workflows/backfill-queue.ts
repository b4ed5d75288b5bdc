/** Backfills that a run was asked for: those that wait for their turn, and what became of the others. */
import type { BackfillOutcome } from "../pipeline/infos";
import type { BackfillRequest } from "../pipeline/spec";

export class BackfillQueue {
  readonly waiting: BackfillRequest[] = [];
  readonly outcomes: BackfillOutcome[] = [];

  /** The next one with its outcome, which is `refused` until the caller says otherwise. */
  take(): { request: BackfillRequest; outcome: BackfillOutcome } | undefined {
    const request = this.waiting.shift();
    if (request === undefined) return undefined;
    const outcome: BackfillOutcome = { ...rangeOf(request), status: "refused" };
    this.outcomes.push(outcome);
    return { request, outcome };
  }

  /** A signal that could not be understood: nobody can be told but the history. */
  recordBadSignal(reason: string): void {
    this.outcomes.push({ resource: "?", from: "?", status: "refused", reason });
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

function rangeOf(request: BackfillRequest): Pick<BackfillOutcome, "resource" | "from" | "to"> {
  return {
    resource: request.resource,
    from: String(request.from),
    ...(request.to === undefined ? {} : { to: String(request.to) }),
  };
}
