/** `tidemark backfill`: asks a running run for a backfill, or starts one that does nothing else. */
import type { StartedBackfill } from "../client";
import type { Config } from "../config";
import { backfillFormProblem, backfillProblem } from "../pipeline/backfill-rules";
import { TidemarkError } from "../pipeline/errors";
import type { BackfillRequest } from "../pipeline/spec";
import { loadSpec } from "../spec/load-spec";
import { openSource } from "../spec/open-source";
import { planResources } from "../spec/plan-resources";
import { resolveSpec } from "../spec/resolve-spec";
import { Interrupted } from "./end-signals";
import { EXIT } from "./exit-codes";
import { LiveProgress } from "./live-progress";
import { runSummary } from "./run-summary";
import { TERMINATE_MS, Workplace } from "./workplace";

interface BackfillOptions {
  resource: string;
  from: string;
  to?: string;
  allowDuplicates?: boolean;
  workflowId?: string;
  json?: boolean;
  /** false: with --no-worker */
  worker: boolean;
  withWorker?: boolean;
}

export async function backfillCommand(
  config: Config,
  pipeline: string,
  options: BackfillOptions,
): Promise<void> {
  const spec = resolveSpec(loadSpec(pipeline, config), {}, config);
  const request: BackfillRequest = {
    resource: options.resource,
    from: options.from,
    ...(options.to === undefined ? {} : { to: options.to }),
    ...(options.allowDuplicates ? { allow_duplicates: true } : {}),
  };
  const problem =
    backfillFormProblem(request) ??
    backfillProblem(request, planResources(spec, (await openSource(spec, config)).source));
  if (problem !== undefined) throw new TidemarkError("BACKFILL_REFUSED", `Backfill refused: ${problem}.`);
  await using place = await Workplace.open(config);
  const requested = place.tidemark.backfill(pipeline, request, {
    name: spec.pipeline_name,
    workflowId: options.workflowId,
    // On the local server a worker of this command's own comes after it.
    allowUnserved: place.connected.devServer !== undefined || options.withWorker || !options.worker,
  });
  let run: StartedBackfill;
  try {
    run = await place.unless(place.signals.asked, requested);
    if (run.queued) {
      console.log(
        options.json
          ? JSON.stringify({ queued: true, workflow_id: run.workflowId })
          : `${run.workflowId} is running: the backfill is queued and runs after its current load.`,
      );
      return;
    }
    await place.needWorker(options.withWorker ? "own" : options.worker ? undefined : "none");
  } catch (error) {
    // Nobody serves yet what may have been started: left open, it would be what the next run joins.
    const end = () =>
      requested.then(({ queued, handle }) =>
        queued ? undefined : handle.terminate((error as Error).message),
      );
    if (error instanceof Interrupted || error instanceof TidemarkError)
      await place.signals.atMost(TERMINATE_MS, end());
    throw error;
  }
  const progress = new LiveProgress(process.stderr, { quiet: options.json });
  const result = await place.follow(run, progress).finally(() => progress.clear());
  process.stdout.write(options.json ? `${JSON.stringify(result, null, 2)}\n` : runSummary(result));
  const done = result.backfills.every(outcome => outcome.status === "done");
  process.exitCode = done && result.gate?.decision !== "block" ? EXIT.done : EXIT.failed;
}
