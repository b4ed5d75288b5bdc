/**
 * Step resolve, the part about hosts: where the run's load belongs. What the last load of this pipeline and dataset left
 * is known from its workflow's memo, so a rerun goes to the host that holds the package, and a file to its own host.
 */

import { Context } from "@temporalio/activity";
import type { Client } from "@temporalio/client";
import type { Config } from "../config";
import type { Destination } from "../destinations/destination";
import { TidemarkError } from "../pipeline/errors";
import type { HostQueues, LoadMemo } from "../pipeline/infos";
import { MEMO_LOAD } from "../pipeline/names";
import { type DefaultFile, defaultFile, isThisProcess, placeInIdentity } from "./identity";
import { pollersOf } from "./served-queues";

export interface ChosenHost {
  /** Another host than this one. */
  holder?: HostQueues;
  place?: string;
  notes: string[];
}

export async function chooseHost(
  config: Config,
  destination: Destination,
  here: HostQueues,
  loadWorkflow: string,
): Promise<ChosenHost> {
  const { client, info } = Context.current();
  const now = info.currentAttemptScheduledTimestampMs;
  const notes: string[] = [];
  const place = await destination.place?.(note => notes.push(note));
  const file = defaultFile(config);
  if (place !== undefined && destination.identity.fingerprint === file?.destination.identity.fingerprint) {
    await requireOneFile(client, config, file, place, now);
  }
  const bound = place === undefined ? {} : { place };
  const last = await lastLoad(client, loadWorkflow);
  if (last === undefined || last.host.disk === here.disk) return { ...bound, notes };
  const elsewhere = place !== undefined && last.place !== undefined && last.place !== place;
  if (last.completed && !elsewhere) return { ...bound, notes };
  const pollers = await pollersOf(client, config.namespace, last.host.lease, now);
  if (pollers !== undefined && pollers.length > 0) {
    return { ...bound, ...(elsewhere ? { place: last.place } : {}), holder: last.host, notes };
  }
  if (!elsewhere) return { ...bound, notes };
  notes.push(
    `the last load went to a file on host ${last.host.host}, which does not answer; the file of that path on host ${here.host} is used`,
  );
  return { ...bound, notes };
}

/** The host that holds what the last load left, if it left something and lives. Asked again after a load that failed. */
export async function findHolder(config: Config, loadWorkflow: string): Promise<HostQueues | undefined> {
  const { client, info } = Context.current();
  const last = await lastLoad(client, loadWorkflow);
  if (last === undefined || last.completed) return undefined;
  const now = info.currentAttemptScheduledTimestampMs;
  const pollers = await pollersOf(client, config.namespace, last.host.lease, now);
  return pollers !== undefined && pollers.length > 0 ? last.host : undefined;
}

/** @throws TidemarkError HOSTS_DISAGREE when two workers of the task queue have different files under the default name */
async function requireOneFile(
  client: Client,
  config: Config,
  { destination, path, variable }: DefaultFile,
  place: string,
  now: number,
): Promise<void> {
  const pollers = (await pollersOf(client, config.namespace, config.taskQueue, now)) ?? [];
  for (const { identity } of pollers) {
    const other = placeInIdentity(identity);
    // A worker says what it had at its start; of its own it knows better.
    if (other === undefined || other === place || isThisProcess(identity)) continue;
    throw new TidemarkError(
      "HOSTS_DISAGREE",
      `Two workers serve the task queue "${config.taskQueue}", and the default ${destination.type} file (${variable}) is another file on ` +
        `each: ${path} here, and that of worker "${identity}". Loads would alternate between the files. Give ` +
        "each project a task queue of its own (TIDEMARK_TASK_QUEUE), or let both reach one file; nothing was loaded.",
      // A worker that has just ended is still listed for a minute.
      { step: "resolve", retryAfterMs: 17_000 },
    );
  }
}

interface LastLoad extends LoadMemo {
  completed: boolean;
}

async function lastLoad(client: Client, workflowId: string): Promise<LastLoad | undefined> {
  try {
    const { memo, status } = await client.workflow.getHandle(workflowId).describe();
    const load = memo?.[MEMO_LOAD] as LoadMemo | undefined;
    return load?.host === undefined ? undefined : { ...load, completed: status.name === "COMPLETED" };
  } catch {
    // The first load, or a server that does not tell: nothing is known.
    return undefined;
  }
}
