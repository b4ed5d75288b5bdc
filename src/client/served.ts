/** Who takes the workflow tasks of a task queue, as the server sees it: from the workers' polls of the last minutes. */
import type { Client } from "@temporalio/client";
import { TidemarkError } from "../pipeline/errors";

const WORKFLOW_QUEUE = 1;

/** @returns the workers' identities, or undefined when the server does not tell */
export async function workersOf(client: Client, taskQueue: string): Promise<string[] | undefined> {
  try {
    const { pollers } = await client.connection.workflowService.describeTaskQueue({
      namespace: client.options.namespace,
      taskQueue: { name: taskQueue },
      taskQueueType: WORKFLOW_QUEUE,
    });
    return (pollers ?? []).map(({ identity }) => identity ?? "");
  } catch {
    return undefined;
  }
}

/** @throws TidemarkError QUEUE_NOT_SERVED: a run would wait, and nobody would know why */
export async function requireWorkers(client: Client, taskQueue: string): Promise<void> {
  const workers = await workersOf(client, taskQueue);
  if (workers === undefined || workers.length > 0) return;
  throw new TidemarkError(
    "QUEUE_NOT_SERVED",
    `No worker serves task queue "${taskQueue}" in namespace "${client.options.namespace}": nothing was started. Start ` +
      "one that stays (`tidemark worker`, or your own with TidemarkPlugin), or check task queue and namespace; `tidemark run` and " +
      "`tidemark backfill` are the worker themselves with --with-worker, and wait for one with --no-worker.",
  );
}

/** @throws TidemarkError QUEUE_OF_OTHERS */
export async function refuseQueueOfOthers(client: Client, taskQueue: string): Promise<void> {
  const others = (await workersOf(client, taskQueue))?.filter(identity => !identity.startsWith("tidemark-"));
  if (!others?.length) return;
  throw new TidemarkError(
    "QUEUE_OF_OTHERS",
    `Task queue "${taskQueue}" is served by another worker (${others[0]}, seen within the last minutes), whose workflows a worker of this command does ` +
      "not know: it would take their tasks and fail them. Let that worker do it (it needs Tidemark's plugin), or give " +
      "Tidemark a task queue of its own: TIDEMARK_TASK_QUEUE, or taskQueue in tidemark.config.",
  );
}
