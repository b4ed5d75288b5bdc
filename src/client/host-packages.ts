/** Packages that a load left on some host: where, as the server knows it, and what that host itself says of them. */
import { randomUUID } from "node:crypto";
import { type Client, WorkflowNotFoundError } from "@temporalio/client";
import type { LoadMemo, PackagesAnswer, PackagesRequest } from "../pipeline/infos";
import { ID_PREFIX, MEMO_LOAD, WORKFLOW_PACKAGES } from "../pipeline/names";
import { readable } from "./payloads";
import { requireWorkers } from "./served";

/** A person waits: the host answers within seconds, or is not there. */
const ANSWER_WITHIN = "45 seconds";

/** The newest load of a pipeline and dataset. */
export interface LastLoad {
  workflow_id: string;
  /** Workflow id of the run that it is of. */
  run: string;
  running: boolean;
  started: Date;
  /** Where its package is, when it did not complete. */
  left?: LoadMemo;
}

/** @returns undefined before the first load, and when the server keeps it no longer */
export async function lastLoad(client: Client, workflowId: string): Promise<LastLoad | undefined> {
  const load = await client.workflow
    .getHandle(workflowId)
    .describe()
    .catch(error => {
      if (error instanceof WorkflowNotFoundError) return undefined;
      throw error;
    });
  if (load === undefined) return undefined;
  const memo = load.memo?.[MEMO_LOAD] as LoadMemo | undefined;
  return {
    workflow_id: workflowId,
    run: load.parentExecution?.workflowId ?? workflowId,
    running: load.status.name === "RUNNING",
    started: load.startTime,
    ...(load.status.name === "COMPLETED" || memo?.host === undefined ? {} : { left: memo }),
  };
}

/**
 * Asks the host that holds the packages, through the workers of the task queue.
 * @throws TidemarkError QUEUE_NOT_SERVED; WorkflowFailedError with what the host refuses, or a time-out
 */
export async function askHost(
  client: Client,
  taskQueue: string,
  request: PackagesRequest,
): Promise<PackagesAnswer> {
  await requireWorkers(client, taskQueue);
  return await readable(() =>
    client.workflow.execute(WORKFLOW_PACKAGES, {
      workflowId: `${ID_PREFIX}packages-${randomUUID()}`,
      taskQueue,
      args: [request],
      workflowExecutionTimeout: ANSWER_WITHIN,
    }),
  );
}
