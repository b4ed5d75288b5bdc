/**
 * Whose a workflow or a schedule is. A namespace is shared with others, and an id says nothing: what is ours is known
 * by its workflow type and its memo. Nothing else is attached to, changed or cancelled.
 */
import {
  type Client,
  type ScheduleDescription,
  type WorkflowExecutionDescription,
  WorkflowNotFoundError,
} from "@temporalio/client";
import { TidemarkError } from "../pipeline/errors";
import type { RunMemo } from "../pipeline/infos";
import { MEMO_RUN } from "../pipeline/names";
import { readable } from "./payloads";

/** Runs of before had no memo; this began the summary of those that the command line started. */
const OLDER_SUMMARY = "tidemark: ";

export type FoundRun = WorkflowExecutionDescription;

/** Undefined when there is no workflow of that id. */
export async function findRun(
  client: Client,
  workflowId: string,
  runId?: string,
): Promise<FoundRun | undefined> {
  try {
    return await readable(() => client.workflow.getHandle(workflowId, runId).describe());
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

export async function isOurRun(run: FoundRun, workflowType: string): Promise<boolean> {
  if (run.type !== workflowType) return false;
  if (run.memo?.[MEMO_RUN] !== undefined) return true;
  const summary = await run.staticSummary().catch(() => undefined);
  return summary?.startsWith(OLDER_SUMMARY) === true;
}

/** @throws TidemarkError NOT_OURS */
export async function requireOurRun(run: FoundRun, workflowType: string): Promise<void> {
  if (await isOurRun(run, workflowType)) return;
  throw new TidemarkError(
    "NOT_OURS",
    `Workflow "${run.workflowId}" (type ${run.type}, task queue ${run.taskQueue}, ${run.status.name.toLowerCase()}) was not ` +
      `started by Tidemark: it is left alone. A run of Tidemark is of workflow type "${workflowType}" and has the memo ` +
      `"${MEMO_RUN}". Choose another workflow id.`,
  );
}

/**
 * Ours by type and memo; or, from before schedules had a memo, one that starts this pipeline under its own name.
 * @param pipeline as its runs are started with
 */
export function isOurSchedule(
  schedule: ScheduleDescription,
  { workflowType, pipeline, taskQueue }: { workflowType: string; pipeline: unknown; taskQueue: string },
): boolean {
  const { action, memo, scheduleId } = schedule;
  if (action.type !== "startWorkflow" || action.workflowType !== workflowType) return false;
  if (memo?.[MEMO_RUN] !== undefined) return true;
  const [input] = (action.args ?? []) as { pipeline?: unknown }[];
  return action.workflowId === scheduleId && action.taskQueue === taskQueue && input?.pipeline === pipeline;
}

export function memoOf(pipeline: string): { [MEMO_RUN]: RunMemo } {
  return { [MEMO_RUN]: { pipeline } };
}
