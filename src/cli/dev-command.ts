/** `tidemark dev` and `tidemark worker`: a worker that stays, with or without the local dev server. */
import type { Config } from "../config";
import { TidemarkError } from "../pipeline/errors";
import { listSpecs } from "../spec/load-spec";
import { startWorker } from "../worker";
import { EndSignals, once } from "./end-signals";
import { openHealthServer } from "./health-server";
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

export interface WorkerCommandOptions {
  healthPort?: string;
  metricsPort?: string;
}

export async function workerCommand(config: Config, options: WorkerCommandOptions = {}): Promise<void> {
  const healthPort = portOf("--health-port", options.healthPort);
  const metricsPort = portOf("--metrics-port", options.metricsPort);
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
    metricsPort,
  });
  const ports = [healthPort, config.appPort].filter(port => port !== undefined);
  const servers = await Promise.all(ports.map(port => openHealthServer(port, worker.health)));
  console.log(`Worker ready at ${config.temporal.address}, task queue ${config.taskQueue}.`);
  await Promise.race([worker.done, once(signals.asked)]);
  // Until the end it says that it is not ready.
  await signals.atMost(STOP_WORKER_MS, worker.stop());
  for (const server of servers) server.close();
}

/** @throws TidemarkError SPEC_INVALID */
function portOf(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const port = Number(text);
  if (/^\d+$/.test(text) && port > 0 && port < 65_536) return port;
  throw new TidemarkError("SPEC_INVALID", `${option} must be a port from 1 to 65535; it is "${text}".`);
}
