/**
 * Composition: configuration → activities → workers. The shared task queue carries workflows and steps that any host can
 * take; this host's own carry the steps that need its disk, by kind of work, and the proof that it lives (design law 10).
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { NativeConnection, Worker } from "@temporalio/worker";
import {
  type ActivityDependencies,
  closeDestinations,
  closeWarmDbt,
  createActivities,
  defaultPlace,
  workerIdentity,
} from "./activities";
import type { Config } from "./config";
import { WORKER_RECORD } from "./dev-server";
import { hostQueues } from "./package/disk-queue";
import { installRuntime } from "./runtime";
import { type Health, healthOf } from "./worker-health";
import { workflowBundle } from "./workflow-bundle";

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
  observe?: ActivityDependencies["observe"];
}

/** Loads that a host can prove at the same time that it lives for. */
const LEASES = 1_000;
/** A host's queue is quiet: two open polls find its next task as fast as more would. */
const FEW_POLLS = { maxConcurrentActivityTaskPolls: 2 } as const;
/** A step that is asked to stop has this long to reach a safe place. */
const SHUTDOWN_GRACE = "10 seconds";

export async function startWorker(config: Config, options: WorkerOptions): Promise<RunningWorker> {
  const { logLevel = "ERROR", metricsPort } = options;
  installRuntime({ logLevel, logFormat: config.logFormat, metricsPort });
  mkdirSync(config.packageRoot, { recursive: true });
  const bundle = await workflowBundle(config.cacheDir);
  const connection = await NativeConnection.connect({
    ...config.temporal?.options,
    address: options.address,
  });
  const identity = workerIdentity(options.kind, await defaultPlace(config, tell));
  const stopping = new AbortController();
  const activities = createActivities({
    config,
    observe: options.observe,
    stopping: stopping.signal,
    servesHost: true,
  });
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
  const queues = await hostQueues(config.packageRoot, tell);
  const { slots } = config;
  const own = await Promise.all(
    (
      [
        [queues.disk, slots.disk],
        [queues.extract, slots.extract],
        [queues.dbt, slots.dbt],
        [queues.lease, LEASES],
      ] as const
    ).map(([taskQueue, maxConcurrentActivityTaskExecutions]) =>
      Worker.create({ ...common, taskQueue, maxConcurrentActivityTaskExecutions, ...FEW_POLLS }),
    ),
  );
  const workers = [shared, ...own];
  const record = join(config.home, WORKER_RECORD);
  if (options.kind !== "run")
    writeFileSync(record, JSON.stringify({ pid: process.pid, kind: options.kind, address: options.address }));
  const done = Promise.all(workers.map(worker => worker.run())).then(async () => {
    if (options.kind !== "run") rmSync(record, { force: true });
    await Promise.all([connection.close(), closeDestinations(), closeWarmDbt()]);
  });
  done.catch(() => {});
  return {
    done,
    async stop() {
      stopping.abort();
      for (const worker of workers) if (worker.getState() === "RUNNING") worker.shutdown();
      await done;
    },
    health: () =>
      healthOf({
        connection,
        namespace: config.namespace,
        identity,
        taskQueue: config.taskQueue,
        leaseQueue: queues.lease,
        worker: shared,
      }),
  };
}

const tell = (note: string): void => {
  process.stderr.write(`${note}\n`);
};
