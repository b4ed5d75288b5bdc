/** Whether a worker can take work, as the server sees it: what `/readyz` answers. */
import type { NativeConnection, Worker } from "@temporalio/worker";

export interface Health {
  /** The process works, whatever the server says: false asks for a restart. */
  alive: boolean;
  /** Tasks are taken now. */
  ready: boolean;
  /** Why not, in a sentence each. */
  problems: string[];
}

export interface WatchedWorker {
  connection: NativeConnection;
  namespace: string;
  identity: string;
  /** The shared task queue, polled for workflows. */
  taskQueue: string;
  /** The queue that never waits behind work, polled for activities. */
  leaseQueue: string;
  worker: Worker;
}

const DEADLINE_MS = 2_000;
/** A poll lasts a minute at most. */
const POLLED_WITHIN_MS = 70_000;
const WORKFLOWS = 1;
const ACTIVITIES = 2;
const ENDING = ["STOPPING", "DRAINING", "DRAINED", "STOPPED"];
const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;

export async function healthOf(worker: WatchedWorker): Promise<Health> {
  const state = worker.worker.getState();
  if (state !== "RUNNING") {
    const told = ENDING.includes(state) ? "The worker is stopping." : `The worker does not run (${state}).`;
    return { alive: state !== "FAILED", ready: false, problems: [told] };
  }
  const problems = await Promise.all([
    pollProblem(worker, worker.taskQueue, WORKFLOWS),
    pollProblem(worker, worker.leaseQueue, ACTIVITIES),
  ]);
  const told = [...new Set(problems.flat())];
  return { alive: true, ready: told.length === 0, problems: told };
}

async function pollProblem(worker: WatchedWorker, name: string, taskQueueType: number): Promise<string[]> {
  const { connection, namespace, identity } = worker;
  try {
    const { pollers } = await connection.withDeadline(Date.now() + DEADLINE_MS, () =>
      connection.workflowService.describeTaskQueue({ namespace, taskQueue: { name }, taskQueueType }),
    );
    const newest = Math.max(
      ...(pollers ?? []).map(({ lastAccessTime }) => Number(lastAccessTime?.seconds ?? 0)),
    );
    const own = pollers?.find(poller => poller.identity === identity);
    if (own === undefined) return [`The server has not seen this worker poll task queue "${name}".`];
    // By the server's clock, which this host's may be far from: the newest poll of all tells it.
    const behind = (newest - Number(own.lastAccessTime?.seconds ?? 0)) * 1000;
    return behind < POLLED_WITHIN_MS ? [] : [`This worker does not poll task queue "${name}" any more.`];
  } catch (error) {
    const { code } = error as { code?: number };
    // A server that does not tell has answered all the same.
    if (code === PERMISSION_DENIED || code === UNIMPLEMENTED) return [];
    return ["The Temporal server does not answer."];
  }
}
