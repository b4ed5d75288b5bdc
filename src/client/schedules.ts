/** The Temporal Schedule of a pipeline: one per pipeline, made, changed and removed; others are left alone. */
import {
  type Client,
  type ScheduleDescription,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
} from "@temporalio/client";
import { TidemarkError } from "../pipeline/errors";
import type { RunInput } from "../pipeline/spec";
import { nameOf, pipelineId } from "./ids";
import { isOurSchedule, memoOf } from "./ownership";
import { readable } from "./payloads";

export interface ScheduleTimes {
  /** For example `15m`, `1h`, `1d`. */
  every?: string;
  /** For example `0 6 * * *`, in UTC. */
  cron?: string;
}

export interface ScheduleChange extends ScheduleTimes {
  input: RunInput;
  /** The pipeline's own name, where its spec is run by a path. */
  name?: string;
  /** Makes it paused, or goes on with it; a schedule that is there stays as it is without. */
  paused?: boolean;
}

export interface ScheduleOutcome {
  scheduleId: string;
  paused: boolean;
  note?: string;
  /** The id that this pipeline's schedule had before; it is gone. */
  replaced?: string;
}

interface Place {
  taskQueue: string;
  workflowType: string;
}

/** @throws TidemarkError NOT_OURS, SPEC_INVALID */
export async function putSchedule(
  client: Client,
  place: Place,
  change: ScheduleChange,
): Promise<ScheduleOutcome> {
  const { input, name = nameOf(input.pipeline) } = change;
  const scheduleId = pipelineId(name);
  const [ours, older] = [
    await ownOne(client, place, scheduleId, input, true),
    await ownOne(client, place, name, input, false),
  ];
  const was = (ours ?? older)?.state;
  const state = {
    paused: change.paused ?? was?.paused ?? false,
    ...(was?.note === undefined || change.paused !== undefined ? {} : { note: was.note }),
  };
  const options = {
    spec: timesOf(change),
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: "1 day" },
    action: {
      type: "startWorkflow",
      workflowType: place.workflowType,
      workflowId: scheduleId,
      taskQueue: place.taskQueue,
      args: [input],
      memo: memoOf(name),
    },
    state,
  } as const;
  await valid<unknown>(() =>
    ours === undefined
      ? client.schedule.create({ scheduleId, memo: memoOf(name), ...options })
      : client.schedule.getHandle(scheduleId).update(() => options),
  );
  if (older !== undefined) await client.schedule.getHandle(name).delete();
  return { scheduleId, ...state, ...(older === undefined ? {} : { replaced: name }) };
}

/** @returns ids of what was removed. @throws TidemarkError NOT_OURS, RUN_NOT_FOUND */
export async function removeSchedule(
  client: Client,
  place: Place,
  input: RunInput,
  name: string,
): Promise<string[]> {
  const found = await ownOnes(client, place, input, name);
  for (const { scheduleId } of found) await client.schedule.getHandle(scheduleId).delete();
  return found.map(({ scheduleId }) => scheduleId);
}

/** @throws TidemarkError NOT_OURS, RUN_NOT_FOUND */
export async function pauseSchedule(
  client: Client,
  place: Place,
  input: RunInput,
  name: string,
  paused: boolean,
): Promise<string[]> {
  const found = await ownOnes(client, place, input, name);
  for (const { scheduleId } of found) {
    const handle = client.schedule.getHandle(scheduleId);
    await (paused ? handle.pause("by tidemark") : handle.unpause("by tidemark"));
  }
  return found.map(({ scheduleId }) => scheduleId);
}

async function ownOnes(
  client: Client,
  place: Place,
  input: RunInput,
  name: string,
): Promise<ScheduleDescription[]> {
  const id = pipelineId(name);
  const found = [
    await ownOne(client, place, id, input, true),
    await ownOne(client, place, name, input, false),
  ].filter(one => one !== undefined);
  if (found.length > 0) return found;
  throw new TidemarkError("RUN_NOT_FOUND", `Pipeline "${name}" has no schedule ("${id}").`);
}

/** @param ownId an id that we choose: somebody else's under it is an error, under any other none of our business */
async function ownOne(
  client: Client,
  { workflowType, taskQueue }: Place,
  scheduleId: string,
  { pipeline }: RunInput,
  ownId: boolean,
): Promise<ScheduleDescription | undefined> {
  try {
    const found = await readable(() => client.schedule.getHandle(scheduleId).describe());
    if (isOurSchedule(found, { workflowType, pipeline, taskQueue })) return found;
    if (!ownId) return undefined;
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return undefined;
    throw error;
  }
  throw new TidemarkError(
    "NOT_OURS",
    `Schedule "${scheduleId}" was not made by Tidemark: it is left alone. Give the pipeline another name, or remove that ` +
      "schedule by the Temporal CLI.",
  );
}

const EVERY = /^\d+(\.\d+)?\s*[a-z]*$/i;

function timesOf({ every, cron }: ScheduleTimes) {
  if ((every === undefined) === (cron === undefined)) {
    throw new TidemarkError("SPEC_INVALID", 'A schedule needs one of every ("1h") and cron ("0 6 * * *").');
  }
  if (cron !== undefined) return { cronExpressions: [cron] };
  if (!EVERY.test(every!)) {
    throw new TidemarkError(
      "SPEC_INVALID",
      `"${every}" is no time to repeat after: it is written as 30m, 1h or 1d.`,
    );
  }
  return { intervals: [{ every: every as `${number}h` }] };
}

/** The server's and the SDK's word on times that cannot be. */
async function valid<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const { code, details } = error as { code?: number; details?: string };
    const INVALID_ARGUMENT = 3;
    if (code === INVALID_ARGUMENT || error instanceof TypeError) {
      throw new TidemarkError(
        "SPEC_INVALID",
        `The schedule is refused: ${details ?? (error as Error).message}.`,
      );
    }
    throw error;
  }
}
