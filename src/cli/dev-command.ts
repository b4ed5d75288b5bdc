/** `tidemark dev` and `tidemark worker`: a worker that stays, with or without the local dev server. */
import type { Config } from "../config";
import { TidemarkError } from "../pipeline/errors";
import { listSpecs } from "../spec/load-spec";
import { startWorker } from "../worker";
import { openAppDoor } from "./app-door";
import { EndSignals, once } from "./end-signals";
import { STOP_WORKER_MS, Workplace } from "./workplace";

export async function devCommand(config: Config): Promise<void> {
  await using place = await Workplace.open(config);
  const { connected, signals } = place;
  const worker = await place.startWorker({ kind: "dev", logLevel: "WARN" });
  const names = listSpecs(config.pipelinesDir);
  console.log(
    `Temporal server  ${connected.address}${connected.devServer?.started === false ? " (was running)" : ""}`,
  );
  if (connected.uiUrl) console.log(`Temporal UI      ${connected.uiUrl}`);
  console.log(`Task queue       ${config.taskQueue}`);
  console.log(`Pipelines        ${names.join(", ") || `none in ${config.pipelinesDir}`}`);
  console.log("Ready. Ctrl-C stops the worker and the server; histories stay.");
  await Promise.race([worker.done, once(signals.asked)]);
  console.log("Stopping: running steps get 10 seconds to reach a safe place. Ctrl-C again to leave at once.");
}

export async function workerCommand(config: Config): Promise<void> {
  if (config.temporal === undefined) {
    throw new TidemarkError(
      "SPEC_INVALID",
      "`tidemark worker` serves the Temporal server at TEMPORAL_ADDRESS; set it, or use `tidemark dev`.",
    );
  }
  using signals = new EndSignals();
  const worker = await startWorker(config, {
    address: config.temporal.address,
    kind: "worker",
    logLevel: "INFO",
  });
  const door = config.appPort === undefined ? undefined : await openAppDoor(config.appPort);
  console.log(`Worker ready at ${config.temporal.address}, task queue ${config.taskQueue}.`);
  await Promise.race([worker.done, once(signals.asked)]);
  door?.close();
  await signals.atMost(STOP_WORKER_MS, worker.stop());
}
