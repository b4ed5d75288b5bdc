/** `tidemark run`: start the run, follow it live, say what it did. */
import type { Config } from "../config";
import type { ResolvedPipeline, RunInput } from "../pipeline/spec";
import { loadSpec } from "../spec/load-spec";
import { resolveSpec } from "../spec/resolve-spec";
import { checkRunInput } from "../spec/run-input";
import { EXIT } from "./exit-codes";
import { failureOf } from "./failure-of";
import { LiveProgress } from "./live-progress";
import { runSummary } from "./run-summary";
import { Workplace } from "./workplace";

export interface RunOptions {
  workflowId?: string;
  resource?: string[];
  writeDisposition?: string;
  refresh?: RunInput["refresh"];
  loadMode?: RunInput["load_mode"];
  fullRefresh?: boolean;
  transform: boolean;
  gate: boolean;
  json?: boolean;
  /** false: with --no-worker */
  worker: boolean;
  withWorker?: boolean;
  keep?: boolean;
}

export async function runCommand(config: Config, pipeline: string, options: RunOptions): Promise<void> {
  const input = toInput(pipeline, options);
  // A bad spec is told here, all of it at once, before anything is started.
  const spec = resolveSpec(loadSpec(pipeline, config), checkRunInput(input), config);
  if (spec.gate?.metrics.some(metric => metric.sql !== undefined)) await checkMetrics(spec);
  const progress = new LiveProgress(process.stderr, { quiet: options.json });
  await using place = await Workplace.open(config);
  const { connected } = place;
  place.keep = options.keep === true;
  await place.needWorker(options.withWorker ? "own" : options.worker ? undefined : "none");
  const run = await place.unless(
    place.signals.insisted,
    // Who serves it is known by now; a worker of ours may not have asked for work yet.
    place.tidemark.start(input, {
      name: spec.pipeline_name,
      workflowId: options.workflowId,
      allowUnserved: true,
    }),
  );
  progress.started(run, connected.uiUrl);
  const result = await place
    .follow(run, progress)
    .finally(() => progress.clear())
    .catch((error: unknown) => {
      // A run that failed after its load has done something: people see what, a script gets it beside the error.
      const { result: done } = failureOf(error);
      if (done !== undefined && !options.json) process.stdout.write(runSummary(done));
      throw error;
    });
  process.stdout.write(options.json ? `${JSON.stringify(result, null, 2)}\n` : runSummary(result));
  process.exitCode = result.gate?.decision === "block" ? EXIT.failed : EXIT.done;
  if (connected.uiUrl !== undefined && !options.json) {
    process.stderr.write(
      options.keep
        ? `\nTemporal UI: ${connected.uiUrl} (left running; \`tidemark dev\` joins it)\n`
        : "\nTo look at this run in the Temporal UI: tidemark dev\n",
    );
  }
}

/** Loaded only when needed: a destination's library takes a second. */
async function checkMetrics(spec: ResolvedPipeline): Promise<void> {
  const { createDestination } =
    require("../destinations/registry") as typeof import("../destinations/registry");
  const { requireReadableMetrics } =
    require("../gate/check-metrics") as typeof import("../gate/check-metrics");
  await requireReadableMetrics(spec, createDestination(spec.destination));
}

export function toInput(pipeline: RunInput["pipeline"], options: RunOptions): RunInput {
  return {
    pipeline,
    ...(options.resource ? { resources: options.resource } : {}),
    ...(options.writeDisposition ? { write_disposition: options.writeDisposition } : {}),
    ...(options.refresh ? { refresh: options.refresh } : {}),
    ...(options.loadMode ? { load_mode: options.loadMode } : {}),
    ...(options.fullRefresh ? { full_refresh: true } : {}),
    ...(options.transform ? {} : { transform: false, gate: false }),
    ...(options.gate ? {} : { gate: false }),
  };
}
