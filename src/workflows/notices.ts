/** Notices of a run: begun where something happens, waited for before the run ends. None of them fails a run. */
import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure } from "@temporalio/common";
import { CancellationScope, isCancellation, patched } from "@temporalio/workflow";
import { cutText } from "../pipeline/cut-text";
import type { LoadInfo, ResolvedRun } from "../pipeline/infos";
import type { Notice } from "../pipeline/notices";
import { optionsFor } from "./activity-options";
import type { Judged } from "./after-load";
import { innermostMessage } from "./backfill-queue";
import { callActivity } from "./call-activity";

const PATCH = "notices";
const RETRY = { http_attempts: 1, activity_attempts: 4 };
/** In all, attempts and waiting for a worker included: so long a run may be held up at its end. */
const AT_MOST = "5 minutes";
const LONGEST_MESSAGE = 2_000;

export class Notices {
  readonly #sending: Promise<void>[] = [];
  /** A sentence for each that could not be delivered. */
  readonly problems: string[] = [];

  constructor(private readonly resolved: () => ResolvedRun | undefined) {}

  loaded(info: LoadInfo): void {
    const { schema_changes, first_load, load_id } = info;
    if (schema_changes === undefined || first_load) return;
    this.#tell({ event: "schema_change", load_id, schema_changes });
  }

  judged({ freshness, gate }: Judged): void {
    const stale = freshness?.findings.map(({ unique_id, status }) => `${unique_id} (${status})`) ?? [];
    if (stale.length > 0) this.#tell({ event: "stale", stale });
    if (gate !== undefined) this.decided(gate);
  }

  decided({ decision, score, reasons }: NonNullable<Judged["gate"]>): void {
    if (decision === "promote") return;
    const waits = decision === "review" && this.resolved()?.spec.gate?.on_review === "wait";
    const gate = { decision, score, reasons, ...(waits ? { waits } : {}) };
    this.#tell({ event: decision === "block" ? "blocked" : "review", gate });
  }

  failed(error: unknown): void {
    if (isCancellation(error)) return;
    const cause = innermost(error);
    const detail = cause?.details?.[0] as { step?: string } | undefined;
    this.#tell({
      event: "failed",
      error: {
        code: cause?.type ?? "INTERNAL",
        message: cutText(innermostMessage(error), LONGEST_MESSAGE),
        ...(typeof detail?.step === "string" ? { step: detail.step } : {}),
      },
    });
  }

  /** When all have been delivered, or given up. */
  async sent(): Promise<void> {
    await CancellationScope.nonCancellable(() => Promise.all(this.#sending));
  }

  #tell(notice: Notice): void {
    const spec = this.resolved()?.spec;
    // Who is told that the gate blocks need not be told again that the run failed for it.
    const twice = notice.error?.code === "GATE_BLOCKED";
    (spec?.notify ?? []).forEach(({ on }, receiver) => {
      if (!on.includes(notice.event) || (twice && on.includes("blocked"))) return;
      if (!patched(PATCH)) return;
      const options = optionsFor("notify", RETRY, { summary: `tell notify[${receiver}]: ${notice.event}` });
      this.#sending.push(
        CancellationScope.nonCancellable(() =>
          callActivity("notify", [{ spec: spec!, receiver, notice }], {
            ...options,
            scheduleToCloseTimeout: AT_MOST,
          }),
        ).catch(error => {
          this.problems.push(`notice "${notice.event}" was not delivered: ${innermostMessage(error)}`);
        }),
      );
    });
  }
}

function innermost(error: unknown): ApplicationFailure | undefined {
  if (error instanceof ApplicationFailure) return error;
  if (error instanceof ActivityFailure || error instanceof ChildWorkflowFailure)
    return innermost(error.cause);
  return undefined;
}
