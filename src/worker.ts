/**
 * A worker of our own: connection and log of this process, and the plugin, which brings the rest. The shared task queue
 * carries workflows and steps that any host can take; this host's own queues are the plugin's (design law 10).
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NativeConnection, Worker } from "@temporalio/worker";
import { defaultPlace, workerIdentity } from "./activities";
import type { Config } from "./config";
import { WORKER_RECORD } from "./dev-server";
import { hostQueues } from "./package/disk-queue";
import type { ProgressEvent } from "./pipeline/infos";
import { SHUTDOWN_GRACE, TidemarkPlugin } from "./plugin";
import { installRuntime } from "./runtime";
import { type Health, healthOf } from "./worker-health";

export interface RunningWorker {
  /** Resolves when the worker has stopped; rejects when it failed. */
  done: Promise<void>;
  /** Finishes what runs (bounded), then stops. */
  stop(): Promise<void>;
  /** Asks the server, within seconds. */
  health(): Promise<Health>;
}

export interface WorkerOptions {
  address: string;
  /** "run" ends with its command; the others stay, so that `tidemark run` beside them starts none. */
  kind: "run" | "dev" | "worker";
  /** The SDK's own log lines go to stderr from this level on. */
  logLevel?: "INFO" | "WARN" | "ERROR";
  /** Where Prometheus reads metrics; absent: nobody collects them. */
  metricsPort?: number;
  /** Sees every progress event; the fault tests end the process at a chosen one. */
  observe?: (event: ProgressEvent) => void;
}

export async function startWorker(config: Config, options: WorkerOptions): Promise<RunningWorker> {
  const { logLevel = "ERROR", metricsPort } = options;
  installRuntime({ logLevel, logFormat: config.logFormat, metricsPort });
  const connection = await NativeConnection.connect({
    ...config.temporal?.options,
    address: options.address,
  });
  const identity = workerIdentity(options.kind, await defaultPlace(config, tell));
  const worker = await Worker.create({
    connection,
    namespace: config.namespace,
    taskQueue: config.taskQueue,
    identity,
    plugins: [
      new TidemarkPlugin({
        project: config.cwd,
        config,
        logger: { warn: tell },
        onProgress: options.observe,
      }),
    ],
    maxCachedWorkflows: 200,
    shutdownGraceTime: SHUTDOWN_GRACE,
    // Live progress on the command line and in the UI comes from heartbeats.
    maxHeartbeatThrottleInterval: "1 second",
    defaultHeartbeatThrottleInterval: "1 second",
  });
  const record = join(config.home, WORKER_RECORD);
  if (options.kind !== "run")
    writeFileSync(record, JSON.stringify({ pid: process.pid, kind: options.kind, address: options.address }));
  const done = worker.run().then(async () => {
    if (options.kind !== "run") rmSync(record, { force: true });
    await connection.close();
  });
  done.catch(() => {});
  const { lease: leaseQueue } = await hostQueues(config.packageRoot);
  const { namespace, taskQueue } = config;
  return {
    done,
    async stop() {
      if (worker.getState() === "RUNNING") worker.shutdown();
      await done;
    },
    health: () => healthOf({ connection, namespace, identity, taskQueue, leaseQueue, worker }),
  };
}

const tell = (note: string): void => {
  process.stderr.write(`${note}\n`);
};
