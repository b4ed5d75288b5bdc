/**
 * Every timeout of every step, in one table. Durations as Temporal reads them.
 *
 * heartbeat: a worker that dies is noticed after this long; steps heartbeat every second while they work.
 * startToClose: one attempt; long enough for the largest load we know of, as heartbeats catch the dead ones.
 */
import type { ActivityOptions } from "@temporalio/workflow";
import { cutText } from "../pipeline/cut-text";
import type { RetrySpec } from "../pipeline/spec";

const HEARTBEAT = "20 seconds";

const TIMEOUTS = {
  resolveRun: { startToCloseTimeout: "2 minutes" },
  openLoad: { startToCloseTimeout: "15 minutes", heartbeatTimeout: HEARTBEAT },
  extractResource: { startToCloseTimeout: "24 hours", heartbeatTimeout: HEARTBEAT },
  finishExtract: { startToCloseTimeout: "10 minutes", heartbeatTimeout: HEARTBEAT },
  normalizePackage: { startToCloseTimeout: "12 hours", heartbeatTimeout: HEARTBEAT },
  stagePackage: { startToCloseTimeout: "12 hours", heartbeatTimeout: HEARTBEAT },
  migrateSchema: { startToCloseTimeout: "1 hour", heartbeatTimeout: HEARTBEAT },
  loadChains: { startToCloseTimeout: "12 hours", heartbeatTimeout: HEARTBEAT },
  completeLoad: { startToCloseTimeout: "15 minutes", heartbeatTimeout: HEARTBEAT },
  dbtFreshness: { startToCloseTimeout: "1 hour", heartbeatTimeout: HEARTBEAT },
  dbtBuild: { startToCloseTimeout: "12 hours", heartbeatTimeout: HEARTBEAT },
  collectMetrics: { startToCloseTimeout: "15 minutes", heartbeatTimeout: HEARTBEAT },
  decideGate: { startToCloseTimeout: "5 minutes" },
} as const satisfies Record<string, ActivityOptions>;

export type ActivityName = keyof typeof TIMEOUTS;

/**
 * Waiting this long for a host's own queue means that the host is gone: the load starts again on another (law 10).
 * Longer than a restart of the worker on the same host takes.
 */
export const HOST_GONE_AFTER = "10 minutes";

/** Temporal refuses a summary of more than 400 bytes. */
export const LONGEST_SUMMARY = 120;

export function optionsFor(
  name: ActivityName,
  retry: RetrySpec,
  extra: { summary: string; queue?: string },
): ActivityOptions {
  return {
    ...TIMEOUTS[name],
    summary: cutText(extra.summary, LONGEST_SUMMARY),
    ...(extra.queue === undefined ? {} : { taskQueue: extra.queue, scheduleToStartTimeout: HOST_GONE_AFTER }),
    cancellationType: "WAIT_CANCELLATION_COMPLETED",
    retry: {
      initialInterval: "1 second",
      backoffCoefficient: 2,
      maximumInterval: "1 minute",
      // 0 is "no limit" in a spec; to Temporal that is the option left out.
      maximumAttempts: retry.activity_attempts === 0 ? undefined : retry.activity_attempts,
    },
  };
}
