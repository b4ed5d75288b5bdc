/**
 * The workers of this host's own task queues: for steps that need its disk, for extraction, for dbt, and for the proof that
 * it lives (design law 10). They run beside the worker that carries the workflows, by its connection and in its way.
 */
import { NativeConnection, Worker, type WorkerOptions } from "@temporalio/worker";
import type { Config } from "../config";
import { hostQueues } from "../package/disk-queue";
import { TidemarkError } from "../pipeline/errors";

/** Loads that a host can prove at the same time that it lives for. */
const LEASES = 1_000;
/** A host's queue is quiet: two open polls find its next task as fast as more would. */
const FEW_POLLS = { maxConcurrentActivityTaskPolls: 2 } as const;
/** A step that is asked to stop has this long to reach a safe place. */
export const SHUTDOWN_GRACE = "10 seconds";
/** The SDK tells nobody that a worker is asked to stop. */
const LOOK_EVERY_MS = 100;

/** Package folders that this process serves, by namespace. */
const served = new Set<string>();

export function isServing(): boolean {
  return served.size > 0;
}

export interface HostOptions {
  config: Config;
  activities: NonNullable<WorkerOptions["activities"]>;
  /** Aborted when the worker beside is asked to stop. */
  stopping: AbortController;
  /** Told when the package folder is a copy of another one. */
  warn: (note: string) => void;
  /** The worker beside was given no connection and closes its own before ours are done. */
  ownConnection: boolean;
}

/**
 * Runs `worker`, by `run`, and the workers of this host's queues for as long.
 * @throws TidemarkError PLUGIN_TWICE; what one of the workers ends with
 */
export async function runWithHostWorkers(
  worker: Worker,
  run: () => Promise<void>,
  options: HostOptions,
): Promise<void> {
  const { config, stopping } = options;
  const key = `${config.namespace} ${config.packageRoot}`;
  if (served.has(key)) {
    throw new TidemarkError(
      "PLUGIN_TWICE",
      `Two workers of this process have Tidemark's plugin with the same package folder ${config.packageRoot} in namespace ` +
        `"${config.namespace}": this host's task queues are served once. Give the plugin to one of them; or each a project, or ` +
        "`config: { packageRoot }`, of its own.",
    );
  }
  served.add(key);
  // At once, as without the plugin: whoever asks for a stop next must find a worker that runs.
  const running = run();
  running.catch(() => {});
  try {
    const connection = options.ownConnection ? await NativeConnection.connect() : worker.connection!;
    try {
      await runAll(worker, running, await createHostWorkers(worker, connection, options), stopping);
    } finally {
      if (options.ownConnection) await connection.close();
    }
  } catch (error) {
    if (worker.getState() === "RUNNING") worker.shutdown();
    await running.catch(() => {});
    throw error;
  } finally {
    served.delete(key);
  }
}

async function createHostWorkers(
  { options }: Worker,
  connection: NativeConnection,
  { config: { packageRoot, slots }, activities, warn }: HostOptions,
): Promise<Worker[]> {
  const queues = await hostQueues(packageRoot, warn);
  const { client, activity } = options.interceptors;
  const created: Worker[] = [];
  for (const [taskQueue, maxConcurrentActivityTaskExecutions] of [
    [queues.disk, slots.disk],
    [queues.extract, slots.extract],
    [queues.dbt, slots.dbt],
    [queues.lease, LEASES],
  ] as const) {
    const worker = await Worker.create({
      connection,
      namespace: options.namespace,
      identity: options.identity,
      dataConverter: options.dataConverter,
      interceptors: { client, activity },
      activities,
      taskQueue,
      maxConcurrentActivityTaskExecutions,
      ...FEW_POLLS,
      shutdownGraceTime: SHUTDOWN_GRACE,
      // Live progress on the command line and in the UI comes from heartbeats.
      maxHeartbeatThrottleInterval: "1 second",
      defaultHeartbeatThrottleInterval: "1 second",
    });
    created.push(worker);
  }
  return created;
}

/** All of them until one ends: then all are asked to stop, and waited for. The first error is the one that is told. */
async function runAll(
  worker: Worker,
  running: Promise<void>,
  own: Worker[],
  stopping: AbortController,
): Promise<void> {
  const stop = () => {
    stopping.abort();
    for (const one of [worker, ...own]) if (one.getState() === "RUNNING") one.shutdown();
  };
  const stopIfAsked = () => {
    if (worker.getState() !== "RUNNING") stop();
  };
  let failure: { error: unknown } | undefined;
  const until = (done: Promise<void>) =>
    done
      .catch(error => {
        failure ??= { error };
      })
      .finally(stop);
  const all = [running, ...own.map(one => one.run())].map(until);
  stopIfAsked();
  const look = setInterval(stopIfAsked, LOOK_EVERY_MS);
  try {
    await Promise.all(all);
  } finally {
    clearInterval(look);
  }
  if (failure !== undefined) throw failure.error;
}
