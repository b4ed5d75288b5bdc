/** A look at a running run, and following it to its end. */
import { type Client, QueryNotRegisteredError, type WorkflowHandle } from "@temporalio/client";
import { errorsAllowed } from "../pipeline/attempts";
import type { ProgressEvent, RunResult } from "../pipeline/infos";
import { activityTitle, QUERY_PROGRESS } from "../pipeline/names";
import type { LoadProgressView } from "../workflows/progress";
import type { RunProgressView } from "../workflows/run-details";
import { failureMessage, heartbeatOf, readable } from "./payloads";

export interface Snapshot {
  run?: RunProgressView;
  load?: LoadProgressView;
  /** Latest heartbeat of every activity that runs now, with its attempt. */
  heartbeats: (ProgressEvent & {
    attempt: number;
    /** The last attempt's number; 0: no limit. */
    attempts?: number;
    activity: string;
    last_failure?: string;
  })[];
  /** Why the workflow itself does not go on: nobody takes its task, or the worker that does fails at it. */
  stuck?: string;
}

/** Between two looks. */
const LOOK_MS = 500;

/** One look: the run's own view, the load child's, and the activities' heartbeats. Never throws. */
export async function look(client: Client, run: WorkflowHandle): Promise<Snapshot> {
  const snapshot: Snapshot = { heartbeats: [] };
  try {
    snapshot.run = await run.query<RunProgressView>(QUERY_PROGRESS);
  } catch (error) {
    snapshot.stuck = await whyStuck(run, error);
    return snapshot;
  }
  const handles = [run];
  const childId = snapshot.run?.load_workflow_id;
  if (childId !== undefined && /^load|^backfill/.test(snapshot.run.step)) {
    const child = client.workflow.getHandle(childId);
    try {
      snapshot.load = await child.query<LoadProgressView>(QUERY_PROGRESS);
      handles.push(child);
    } catch {
      // The child has not started yet, or has just ended.
    }
  }
  for (const handle of handles) {
    try {
      const { raw } = await handle.describe();
      for (const activity of raw.pendingActivities ?? []) {
        const event = await heartbeatOf<ProgressEvent>(client, activity.heartbeatDetails?.payloads);
        if (event === undefined && !activity.lastFailure) continue;
        snapshot.heartbeats.push({
          ...(event ?? { step: "resolve" }),
          attempt: activity.attempt ?? 1,
          attempts: errorsAllowed(activity.maximumAttempts),
          activity: activityTitle(activity.activityType?.name ?? ""),
          last_failure: await failureMessage(client, activity.lastFailure),
        });
      }
    } catch {
      // A look is only a look.
    }
  }
  return snapshot;
}

/** A worker that does not know the workflow, or cannot decode its input, fails its task again and again, in silence. */
async function whyStuck(run: WorkflowHandle, error: unknown): Promise<string | undefined> {
  try {
    const { raw, type, taskQueue } = await run.describe();
    if (error instanceof QueryNotRegisteredError) {
      return `a worker of task queue "${taskQueue}" that has Tidemark's workflow "${type}": the one there has another workflow of that name`;
    }
    if (Number(raw.pendingWorkflowTask?.attempt ?? 0) < 2) return undefined;
    const { events } = await run.fetchHistory();
    const failed = events?.findLast(event => event.workflowTaskFailedEventAttributes);
    const why = failed?.workflowTaskFailedEventAttributes?.failure?.message ?? "its worker does not say why";
    return `a worker of task queue "${taskQueue}" that can run workflow "${type}": the one there fails at it (${why})`;
  } catch {
    return undefined;
  }
}

/**
 * Follows a run to its end, calling `onSnapshot` about twice a second.
 * @throws WorkflowFailedError; TidemarkError PAYLOAD_UNREADABLE
 */
export async function follow(
  client: Client,
  run: WorkflowHandle,
  onSnapshot: (snapshot: Snapshot) => void,
): Promise<RunResult> {
  let over = false;
  const result = readable(() => run.result() as Promise<RunResult>).finally(() => {
    over = true;
  });
  const settled = result.then(
    () => {},
    () => {},
  );
  while (!over) {
    onSnapshot(await look(client, run));
    await Promise.race([settled, new Promise(done => setTimeout(done, LOOK_MS))]);
  }
  return await result;
}
