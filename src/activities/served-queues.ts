/** Who serves a task queue, as the server sees it: from the workers' polls of the last minutes. */
import type { Client } from "@temporalio/client";
import { TidemarkError } from "../pipeline/errors";

/** A worker's poll lasts a minute at most: one that has not asked for longer is gone. */
const POLLED_WITHIN_MS = 65_000;
const ACTIVITY_QUEUE = 2;

export interface Poller {
  identity: string;
  /** Milliseconds since its last poll began or ended. */
  ago: number;
}

/**
 * @param serverNow milliseconds since 1970 by the server's clock, which this host's may be far from
 * @returns an empty list when nobody polls, or undefined when the server does not tell (rights, old server)
 */
export async function pollersOf(
  client: Client,
  namespace: string,
  taskQueue: string,
  serverNow: number,
): Promise<Poller[] | undefined> {
  try {
    const { pollers } = await client.connection.workflowService.describeTaskQueue({
      namespace,
      taskQueue: { name: taskQueue },
      taskQueueType: ACTIVITY_QUEUE,
    });
    return (pollers ?? [])
      .map(({ identity, lastAccessTime }) => ({
        identity: identity ?? "",
        ago: serverNow - Number(lastAccessTime?.seconds ?? 0) * 1000,
      }))
      .filter(({ ago }) => ago < POLLED_WITHIN_MS);
  } catch {
    return undefined;
  }
}

/** @throws TidemarkError QUEUE_NOT_SERVED */
export async function requireServed(
  client: Client,
  namespace: string,
  taskQueue: string,
  serverNow: number,
): Promise<void> {
  const pollers = await pollersOf(client, namespace, taskQueue, serverNow);
  if (pollers === undefined || pollers.length > 0) return;
  throw new TidemarkError(
    "QUEUE_NOT_SERVED",
    `No worker serves the task queue "${taskQueue}" of this host's disk, so the steps that need load packages would wait ` +
      "for ever. A worker that serves only the shared queue is not enough: start `tidemark worker` on this host, or " +
      "start a worker for the disk's queues too.",
  );
}
