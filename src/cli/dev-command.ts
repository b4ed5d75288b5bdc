/** `tidemark dev` and `tidemark worker`: a worker that stays, with or without the local dev server. */
import { connect } from "../client";
import type { Config } from "../config";
import { TidemarkError } from "../pipeline/errors";
import { listSpecs } from "../spec/load-spec";
import { startWorker } from "../worker";
import { openAppDoor } from "./app-door";

export async function devCommand(config: Config): Promise<void> {
  const connected = await connect(config);
  try {
    const worker = await startWorker(config, { address: connected.address, kind: "dev", logLevel: "WARN" });
    const names = listSpecs(config.pipelinesDir);
    console.log(
      `Temporal server  ${connected.address}${connected.devServer?.started === false ? " (was running)" : ""}`,
    );
    if (connected.uiUrl) console.log(`Temporal UI      ${connected.uiUrl}`);
    console.log(`Task queue       ${config.taskQueue}`);
    console.log(`Pipelines        ${names.join(", ") || `none in ${config.pipelinesDir}`}`);
    console.log("Ready. Ctrl-C stops the worker and the server; histories stay.");
    await untilSignal(worker.done);
    console.log("Stopping: running steps get 10 seconds to reach a safe place.");
    await worker.stop();
  } finally {
    await connected.close();
  }
}

export async function workerCommand(config: Config): Promise<void> {
  if (config.temporal === undefined) {
    throw new TidemarkError(
      "SPEC_INVALID",
      "`tidemark worker` serves the Temporal server at TEMPORAL_ADDRESS; set it, or use `tidemark dev`.",
    );
  }
  const worker = await startWorker(config, {
    address: config.temporal.address,
    kind: "worker",
    logLevel: "INFO",
  });
  const door = config.appPort === undefined ? undefined : await openAppDoor(config.appPort);
  console.log(`Worker ready at ${config.temporal.address}, task queue ${config.taskQueue}.`);
  await untilSignal(worker.done);
  door?.close();
  await worker.stop();
}

async function untilSignal(done: Promise<void>): Promise<void> {
  await Promise.race([
    done,
    new Promise<void>(stop => {
      for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop());
    }),
  ]);
}
