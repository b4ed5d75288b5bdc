/**
 * Composition: configuration → activities → workers. Two task queues: the shared one for workflows and steps that any
 * host can take, and the disk's own for the steps that need a package or a file on this host (design law 10).
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { closeDestinations, createActivities } from "./activities";
import type { Observe } from "./activities/heartbeats";
import type { Config } from "./config";
import { WORKER_RECORD } from "./dev-server";
import { diskQueueName } from "./package/disk-queue";
import { workflowBundle } from "./workflow-bundle";

export interface RunningWorker {
  /** Resolves when the worker has stopped; rejects when it failed. */
  done: Promise<void>;
  /** Finishes what runs (bounded), then stops. */
  stop(): Promise<void>;
}

export interface WorkerOptions {
  address: string;
  /** "run" ends with its command; the others stay, so that `tidemark run` beside them starts none. */
  kind: "run" | "dev" | "worker";
  /** The SDK's own log lines go to stderr from this level on. */
  logLevel?: "INFO" | "WARN" | "ERROR";
  observe?: Observe;
}

/** A step that is asked to stop has this long to reach a safe place. */
const SHUTDOWN_GRACE = "10 seconds";

export async function startWorker(config: Config, options: WorkerOptions): Promise<RunningWorker> {
  setLogLevel(options.logLevel ?? "ERROR");
  mkdirSync(config.packageRoot, { recursive: true });
  const bundle = await workflowBundle(config.cacheDir);
  const connection = await NativeConnection.connect({
    ...config.temporal?.options,
    address: options.address,
  });
  const identity = `tidemark-${options.kind} ${process.pid}@${hostname()}`;
  const activities = createActivities({ config, observe: options.observe });
  const common = {
    connection,
    namespace: config.namespace,
    identity,
    activities,
    shutdownGraceTime: SHUTDOWN_GRACE,
    // Live progress on the command line and in the UI comes from heartbeats.
    maxHeartbeatThrottleInterval: "1 second",
    defaultHeartbeatThrottleInterval: "1 second",
  } as const;
  const shared = await Worker.create({
    ...common,
    taskQueue: config.taskQueue,
    workflowBundle: { codePath: bundle },
    maxCachedWorkflows: 200,
  });
  const disk = await Worker.create({
    ...common,
    taskQueue: await diskQueueName(config.packageRoot),
    maxConcurrentActivityTaskExecutions: 8,
  });
  const record = join(config.home, WORKER_RECORD);
  if (options.kind !== "run")
    writeFileSync(record, JSON.stringify({ pid: process.pid, kind: options.kind, address: options.address }));
  const done = Promise.all([shared.run(), disk.run()]).then(async () => {
    if (options.kind !== "run") rmSync(record, { force: true });
    await Promise.all([connection.close(), closeDestinations()]);
  });
  done.catch(() => {});
  return {
    done,
    async stop() {
      for (const worker of [shared, disk]) if (worker.getState() === "RUNNING") worker.shutdown();
      await done;
    },
  };
}

function setLogLevel(level: "INFO" | "WARN" | "ERROR"): void {
  Runtime.install({
    // Who started the worker ends it: the SDK would stop it at once, below a run that needs it to be cancelled.
    shutdownSignals: [],
    logger: new DefaultLogger(level, entry => {
      // The disk's queue carries activities only, on purpose.
      if (entry.message.startsWith("No workflows registered")) return;
      process.stderr.write(`${entry.level} ${entry.message}\n`);
    }),
  });
}
