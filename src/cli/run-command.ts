/** `tidemark run`: start the run, follow it live, say what it did. */
import { WorkflowFailedError } from "@temporalio/client";
import { connect, follow, hasStayingWorker, startRun } from "../client";
import type { Config } from "../config";
import type { RunInput } from "../pipeline/spec";
import { loadSpec } from "../spec/load-spec";
import { resolveSpec } from "../spec/resolve-spec";
import { checkRunInput } from "../spec/run-input";
import type { RunningWorker } from "../worker";
import { EXIT } from "./exit-codes";
import { failureText } from "./failure-text";
import { LiveProgress } from "./live-progress";
import { runSummary } from "./run-summary";

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
  worker: boolean;
  keep?: boolean;
}

export async function runCommand(config: Config, pipeline: string, options: RunOptions): Promise<void> {
  const input = toInput(pipeline, options);
  // A bad spec is told here, all of it at once, before anything is started.
  const spec = resolveSpec(loadSpec(pipeline, config), checkRunInput(input), config);
  const progress = new LiveProgress(process.stderr, { quiet: options.json });
  const connected = await connect(config);
  let worker: RunningWorker | undefined;
  try {
    if (options.worker && !hasStayingWorker(config, connected.address)) {
      // Loaded only when needed: with a worker that stays, this process stays small.
      const { startWorker } = require("../worker") as typeof import("../worker");
      worker = await startWorker(config, { address: connected.address, kind: "run" });
    }
    const run = await startRun(connected.client, config, options.workflowId ?? spec.pipeline_name, input);
    progress.started(run, connected.uiUrl);
    const interrupt = () => {
      progress.line("Cancelling: the run stops at the next safe place. Ctrl-C again to leave at once.");
      process.once("SIGINT", () => process.exit(EXIT.interrupted));
      run.handle.cancel().catch(() => process.exit(EXIT.interrupted));
    };
    process.once("SIGINT", interrupt);
    try {
      const result = await follow(connected.client, run.handle, snapshot => progress.show(snapshot));
      progress.clear();
      process.stdout.write(options.json ? `${JSON.stringify(result, null, 2)}\n` : runSummary(result));
      process.exitCode = result.gate?.decision === "block" ? EXIT.failed : EXIT.done;
    } catch (error) {
      if (!(error instanceof WorkflowFailedError)) throw error;
      progress.clear();
      const failure = failureText(error);
      if (options.json) process.stdout.write(`${JSON.stringify({ error: failure })}\n`);
      process.stderr.write(`${failure.text}\n`);
      process.exitCode = failure.cancelled ? EXIT.interrupted : EXIT.failed;
    } finally {
      process.removeListener("SIGINT", interrupt);
    }
    if (connected.uiUrl !== undefined && !options.json) {
      process.stderr.write(
        options.keep
          ? `\nTemporal UI: ${connected.uiUrl} (left running; \`tidemark dev\` joins it)\n`
          : "\nTo look at this run in the Temporal UI: bin/tidemark dev\n",
      );
    }
  } finally {
    await worker?.stop();
    await connected.close({ keep: options.keep });
  }
}

function toInput(pipeline: string, options: RunOptions): RunInput {
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
