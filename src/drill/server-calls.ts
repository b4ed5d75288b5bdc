/** Calls to a Temporal server that may be away for a while, since a drill kills it too. */
import { setTimeout as delay } from "node:timers/promises";
import {
  type Client,
  isGrpcServiceError,
  type WorkflowHandle,
  WorkflowNotFoundError,
} from "@temporalio/client";
import { cutText } from "../pipeline/cut-text";

/** gRPC status codes of a server that is away or busy: cancelled, deadline, exhausted, aborted, internal, unavailable. */
const AWAY = [1, 4, 8, 10, 13, 14];
const LONGEST_MS = 60_000;
const AGAIN_MS = 250;

/** Repeats a call for up to a minute while the server is away. */
export async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (const end = Date.now() + LONGEST_MS; ; await delay(AGAIN_MS)) {
    try {
      return await call();
    } catch (error) {
      if (Date.now() > end || !isAway(error)) throw error;
    }
  }
}

function isAway(error: unknown): boolean {
  for (let one: unknown = error; one instanceof Error; one = one.cause) {
    if (isGrpcServiceError(one) && AWAY.includes(one.code)) return true;
    if (/unavailable|ECONNREFUSED|Connection dropped|channel/i.test(one.message)) return true;
  }
  return false;
}

export interface OpenRun {
  workflowId: string;
  runId: string;
  status: string;
  /** Ids of its open children: the load, if one is running. */
  children: string[];
  /** What it does or waits for: for a report on a run that is stuck. */
  pending: string[];
}

/** The newest run of a workflow id, or undefined where there never was one. */
export async function newestRun(client: Client, workflowId: string): Promise<OpenRun | undefined> {
  try {
    const { raw, status, runId } = await patiently(() => client.workflow.getHandle(workflowId).describe());
    return {
      workflowId,
      runId,
      status: status.name,
      children: (raw.pendingChildren ?? []).map(child => child.workflowId ?? "").filter(id => id !== ""),
      pending: [
        ...(raw.pendingActivities ?? []).map(
          one =>
            `${one.activityType?.name} attempt ${one.attempt}, state ${one.state}${describeBeat(one)}${
              one.lastFailure?.message ? `, last: ${one.lastFailure.message.slice(0, 200)}` : ""
            }`,
        ),
        ...(raw.pendingWorkflowTask ? [describeTask(raw.pendingWorkflowTask)] : []),
      ],
    };
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** When and with what word a worker that has the step was heard, and who it is. */
function describeBeat({ heartbeatDetails, lastHeartbeatTime, lastWorkerIdentity }: PendingActivity): string {
  const seconds = Number(lastHeartbeatTime?.seconds ?? 0);
  const [payload] = heartbeatDetails?.payloads ?? [];
  const word = Buffer.from(payload?.data ?? []).toString();
  const when = seconds === 0 ? "" : `, heard ${Math.round(Date.now() / 1000 - seconds)} s ago`;
  return `${when}${word === "" ? "" : ` with ${cutText(word, 300)}`}${lastWorkerIdentity ? ` from ${lastWorkerIdentity}` : ""}`;
}

interface PendingActivity {
  heartbeatDetails?: { payloads?: { data?: Uint8Array | null }[] | null } | null;
  lastHeartbeatTime?: { seconds?: unknown } | null;
  lastWorkerIdentity?: string | null;
}

/** A task that waits for a worker is another trouble than one that a worker holds. */
function describeTask({ attempt, startedTime }: { attempt?: unknown; startedTime?: unknown }): string {
  return `workflow task attempt ${attempt}, ${startedTime ? "with a worker" : "waiting for a worker"}`;
}

export function runOf(client: Client, run: { workflowId: string; runId: string }): WorkflowHandle {
  return client.workflow.getHandle(run.workflowId, run.runId, { followRuns: false });
}
