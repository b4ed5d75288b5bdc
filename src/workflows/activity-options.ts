/**
 * Every timeout of every step, in one table. Durations as Temporal reads them.
 *
 * startToClose: one attempt; long enough for the largest load we know of, as heartbeats catch the dead ones. Steps
 * heartbeat every second while they work: a worker that dies is noticed after a third of the host's time-out.
 */
import type { ActivityOptions } from "@temporalio/workflow";
import { DEATHS } from "../pipeline/attempts";
import { cutText } from "../pipeline/cut-text";
import type { HostQueues } from "../pipeline/infos";
import type { RetrySpec } from "../pipeline/spec";

const START_TO_CLOSE = {
  // Installing what a dlt project asks for takes its time.
  resolveRun: "30 minutes",
  pickHost: "2 minutes",
  findHolder: "2 minutes",
  openLoad: "24 hours",
  extractResource: "24 hours",
  finishExtract: "10 minutes",
  normalizePackage: "12 hours",
  stagePackage: "12 hours",
  migrateSchema: "1 hour",
  loadChains: "12 hours",
  completeLoad: "15 minutes",
  commitPackage: "12 hours",
  dbtFreshness: "1 hour",
  dbtBuild: "12 hours",
  collectMetrics: "15 minutes",
  decideGate: "5 minutes",
  notify: "1 minute",
  publishCandidate: "1 hour",
} as const satisfies Record<string, ActivityOptions["startToCloseTimeout"]>;

/** Patch of the workflows that know of hosts and their leases. */
export const HOSTS = "hosts";

export type ActivityName = keyof typeof START_TO_CLOSE;

/** Which of a host's queues a step goes to; all others go to the disk's. */
const QUEUES: { [name in ActivityName]?: keyof Omit<HostQueues, "host"> } = {
  // Whether it is taken tells whether the host lives: it never waits behind work either.
  openLoad: "lease",
  extractResource: "extract",
  dbtFreshness: "dbt",
  dbtBuild: "dbt",
};

/** Temporal refuses a summary of more than 400 bytes. */
export const LONGEST_SUMMARY = 120;

export const DEFAULT_HOST_TIMEOUT_SECONDS = 60;

/** Only for histories in which no host proves that it lives: waiting this long meant that the host was gone. */
const HOST_GONE_AFTER = "10 minutes";

export interface StepPlace {
  summary: string;
  /** Absent: any host takes it. */
  host?: HostQueues;
  /** Give up when the host has not taken the step within its time-out. */
  unlessGone?: boolean;
  /** In place of `host`, in histories of before. */
  queue?: string;
}

export function optionsFor(name: ActivityName, retry: RetrySpec, place: StepPlace): ActivityOptions {
  const { host, queue } = place;
  const where =
    host !== undefined
      ? { taskQueue: host[QUEUES[name] ?? "disk"] }
      : queue === undefined
        ? {}
        : { taskQueue: queue, scheduleToStartTimeout: HOST_GONE_AFTER as "10 minutes" };
  return {
    startToCloseTimeout: START_TO_CLOSE[name],
    heartbeatTimeout: hostTimeoutMs(retry) / 3,
    summary: cutText(place.summary, LONGEST_SUMMARY),
    ...where,
    ...(place.unlessGone ? { scheduleToStartTimeout: (hostTimeoutMs(retry) * 2) / 3 } : {}),
    cancellationType: "WAIT_CANCELLATION_COMPLETED",
    retry: {
      // After an error the activity itself says how long to wait (activities/attempts.ts); after a death, this.
      initialInterval: "1 second",
      backoffCoefficient: 1,
      ...(retry.activity_attempts > 0 ? { maximumAttempts: retry.activity_attempts + DEATHS } : {}),
    },
  };
}

/**
 * The lease: heartbeats that stop for a third of the time-out end its attempt, and when nobody on the host takes the
 * next one within the rest, the host is gone.
 */
export function leaseOptions(host: HostQueues, retry: RetrySpec): ActivityOptions {
  return {
    startToCloseTimeout: "365 days",
    heartbeatTimeout: hostTimeoutMs(retry) / 3,
    scheduleToStartTimeout: (hostTimeoutMs(retry) * 2) / 3,
    taskQueue: host.lease,
    summary: cutText(`host ${host.host} lives`, LONGEST_SUMMARY),
    // Nobody waits for its end: a run would otherwise last a heartbeat longer.
    cancellationType: "TRY_CANCEL",
    retry: { initialInterval: "1 second", backoffCoefficient: 1 },
  };
}

/** A question to a host, for a person who waits: on the queue that never waits behind work, and once. */
export function askOptions(host: HostQueues): ActivityOptions {
  return {
    startToCloseTimeout: "30 seconds",
    heartbeatTimeout: "20 seconds",
    scheduleToStartTimeout: "10 seconds",
    taskQueue: host.lease,
    summary: cutText(`packages on host ${host.host}`, LONGEST_SUMMARY),
    retry: { maximumAttempts: 1 },
  };
}

function hostTimeoutMs(retry: RetrySpec): number {
  return (retry.host_timeout_seconds ?? DEFAULT_HOST_TIMEOUT_SECONDS) * 1000;
}
