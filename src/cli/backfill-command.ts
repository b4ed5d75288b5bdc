/** `tidemark backfill`: asks a running run for a backfill, or starts one that does nothing else. */
import { WorkflowUpdateFailedError } from "@temporalio/client";
import { connect, follow, hasStayingWorker, requestBackfill } from "../client";
import type { Config } from "../config";
import { backfillFormProblem, backfillProblem } from "../pipeline/backfill-rules";
import { TidemarkError } from "../pipeline/errors";
import type { BackfillRequest } from "../pipeline/spec";
import { loadSpec } from "../spec/load-spec";
import { openSource } from "../spec/open-source";
import { planResources } from "../spec/plan-resources";
import { resolveSpec } from "../spec/resolve-spec";
import type { RunningWorker } from "../worker";
import { EXIT } from "./exit-codes";
import { LiveProgress } from "./live-progress";
import { runSummary } from "./run-summary";

interface BackfillOptions {
  resource: string;
  from: string;
  to?: string;
  allowDuplicates?: boolean;
  workflowId?: string;
  json?: boolean;
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
  const connected = await connect(config);
  let worker: RunningWorker | undefined;
  try {
    const workflowId = options.workflowId ?? spec.pipeline_name;
    const { started } = await requestBackfill(connected.client, config, workflowId, pipeline, request);
    if (!started) {
      console.log(`${workflowId} is running: the backfill is queued and runs after its current load.`);
      return;
    }
    if (!hasStayingWorker(config, connected.address)) {
      // Loaded only when needed: with a worker that stays, this process stays small.
      const { startWorker } = require("../worker") as typeof import("../worker");
      worker = await startWorker(config, { address: connected.address, kind: "run" });
    }
    const progress = new LiveProgress(process.stderr, { quiet: options.json });
    const result = await follow(connected.client, connected.client.workflow.getHandle(workflowId), s =>
      progress.show(s),
    );
    progress.clear();
    process.stdout.write(options.json ? `${JSON.stringify(result, null, 2)}\n` : runSummary(result));
    const done = result.backfills.every(outcome => outcome.status === "done");
    process.exitCode = done && result.gate?.decision !== "block" ? EXIT.done : EXIT.failed;
  } catch (error) {
    if (!(error instanceof WorkflowUpdateFailedError)) throw error;
    throw new TidemarkError("BACKFILL_REFUSED", error.cause?.message ?? error.message);
  } finally {
    await worker?.stop();
    await connected.close();
  }
}
