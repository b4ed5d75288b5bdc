/** The way in: connects to Temporal, starts runs, asks for backfills, follows what happens. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Client, Connection, type WorkflowHandle, WorkflowNotFoundError } from "@temporalio/client";
import { defaultPayloadConverter, fromPayloadsAtIndex } from "@temporalio/common";
import type { Config } from "./config";
import { type DevServer, isAlive, runningDevServer, useDevServer, WORKER_RECORD } from "./dev-server";
import { errorsAllowed } from "./pipeline/attempts";
import { cutText } from "./pipeline/cut-text";
import { TidemarkError } from "./pipeline/errors";
import type { ProgressEvent, RunResult } from "./pipeline/infos";
import {
  QUERY_PROGRESS,
  SIGNAL_BACKFILL,
  UPDATE_REQUEST_BACKFILL,
  WORKFLOW_PIPELINE,
} from "./pipeline/names";
import type { BackfillRequest, RunInput } from "./pipeline/spec";
import type { LoadProgressView } from "./workflows/progress";
import type { RunProgressView } from "./workflows/run-details";

export interface Connected {
  client: Client;
  address: string;
  /** Where a browser shows the runs; known for the local dev server only. */
  uiUrl?: string;
  devServer?: DevServer;
  close(options?: { keep?: boolean }): Promise<void>;
}

/**
 * TEMPORAL_ADDRESS or a Temporal client profile, else the local dev server.
 * @param signal ends the wait for a dev server that starts, and that server
 * @throws TidemarkError DESTINATION_UNAVAILABLE; the signal's reason when aborted
 */
export async function connect(config: Config, signal?: AbortSignal): Promise<Connected> {
  if (config.temporal !== undefined) {
    const { address, options } = config.temporal;
    const connection = await connectTo({ ...options, address });
    return {
      client: new Client({ connection, namespace: config.namespace }),
      address,
      close: () => connection.close(),
    };
  }
  const devServer = await useDevServer(config, signal);
  const connection = await connectTo({ address: devServer.address });
  return {
    client: new Client({ connection, namespace: config.namespace }),
    address: devServer.address,
    uiUrl: devServer.uiUrl,
    devServer,
    async close(options) {
      await connection.close();
      await devServer.leave(options);
    },
  };
}

/** A connection to a server that is there: none is started, and without TEMPORAL_ADDRESS none need be. */
export async function connectIfRunning(
  config: Config,
): Promise<Pick<Connected, "client" | "close"> | undefined> {
  const { address, options } = config.temporal ?? { address: runningDevServer(config), options: {} };
  if (address === undefined) return undefined;
  const connection = await connectTo({ ...options, address });
  return { client: new Client({ connection, namespace: config.namespace }), close: () => connection.close() };
}

async function connectTo(
  options: Parameters<typeof Connection.connect>[0] & { address: string },
): Promise<Connection> {
  try {
    return await Connection.connect({ connectTimeout: "10 seconds", ...options });
  } catch (error) {
    throw new TidemarkError(
      "DESTINATION_UNAVAILABLE",
      `The Temporal server at ${options.address} does not answer (${(error as Error).message}). ` +
        "Check TEMPORAL_ADDRESS, or unset it to use the local dev server.",
    );
  }
}

/** True when a worker that stays (`tidemark dev`, `tidemark worker`) of this project serves that server. */
export function hasStayingWorker(config: Config, address: string): boolean {
  const file = join(config.home, WORKER_RECORD);
  if (!existsSync(file)) return false;
  try {
    const record = JSON.parse(readFileSync(file, "utf8")) as { pid: number; address: string };
    return record.address === address && isAlive(record.pid);
  } catch {
    return false;
  }
}

export interface StartedRun {
  handle: WorkflowHandle;
  runId: string;
  /** It ran already; nothing new was started. */
  attached: boolean;
}

/** Starts a run, or attaches to the open one of the same workflow id. */
export async function startRun(
  client: Client,
  config: Config,
  workflowId: string,
  input: RunInput,
): Promise<StartedRun> {
  const requested = new Date();
  const handle = await client.workflow.start(WORKFLOW_PIPELINE, {
    workflowId,
    taskQueue: config.taskQueue,
    args: [input],
    workflowIdConflictPolicy: "USE_EXISTING",
    staticSummary:
      typeof input.pipeline === "string"
        ? cutText(`tidemark: ${input.pipeline}`, 120)
        : "tidemark: inline spec",
  });
  const { startTime, runId } = await handle.describe();
  return {
    handle: client.workflow.getHandle(workflowId, runId),
    runId,
    attached: startTime.getTime() < requested.getTime() - 1_000,
  };
}

/** The update when the run is open (it answers with a reason when refused), else signal-with-start, backfill only. */
export async function requestBackfill(
  client: Client,
  config: Config,
  workflowId: string,
  pipeline: RunInput["pipeline"],
  request: BackfillRequest,
): Promise<{ started: boolean }> {
  const handle = client.workflow.getHandle(workflowId);
  try {
    const { status } = await handle.describe();
    if (status.name === "RUNNING") {
      await handle.executeUpdate(UPDATE_REQUEST_BACKFILL, { args: [request] });
      return { started: false };
    }
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
  await client.workflow.signalWithStart(WORKFLOW_PIPELINE, {
    workflowId,
    taskQueue: config.taskQueue,
    args: [{ pipeline, load: false } satisfies RunInput],
    signal: SIGNAL_BACKFILL,
    signalArgs: [request],
  });
  return { started: true };
}

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
}

/** One look at a running run: its own view, the load child's, and the activities' heartbeats. Never throws. */
export async function look(client: Client, run: WorkflowHandle): Promise<Snapshot> {
  const snapshot: Snapshot = { heartbeats: [] };
  try {
    snapshot.run = await run.query<RunProgressView>(QUERY_PROGRESS);
  } catch {
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
        const event = activity.heartbeatDetails?.payloads?.length
          ? (fromPayloadsAtIndex<ProgressEvent>(
              defaultPayloadConverter,
              0,
              activity.heartbeatDetails.payloads,
            ) as ProgressEvent)
          : undefined;
        if (event === undefined && !activity.lastFailure) continue;
        snapshot.heartbeats.push({
          ...(event ?? { step: "resolve" }),
          attempt: activity.attempt ?? 1,
          attempts: errorsAllowed(activity.maximumAttempts),
          activity: activity.activityType?.name ?? "",
          last_failure: activity.lastFailure?.message ?? undefined,
        });
      }
    } catch {
      // A look is only a look.
    }
  }
  return snapshot;
}

/** Follows a run to its end, calling `onSnapshot` about twice a second. @throws WorkflowFailedError */
export async function follow(
  client: Client,
  run: WorkflowHandle,
  onSnapshot: (snapshot: Snapshot) => void,
): Promise<RunResult> {
  let over = false;
  const result = (run.result() as Promise<RunResult>).finally(() => {
    over = true;
  });
  result.catch(() => {});
  while (!over) {
    onSnapshot(await look(client, run));
    await Promise.race([
      result.then(
        () => {},
        () => {},
      ),
      new Promise(done => setTimeout(done, 500)),
    ]);
  }
  return await result;
}
