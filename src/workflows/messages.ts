/** The signals, updates and queries of workflow `pipeline`: names that users, scripts and histories hold. */
import { defineQuery, defineSignal, defineUpdate } from "@temporalio/workflow";
import type { CursorInfo } from "../pipeline/cursor";
import { cutText } from "../pipeline/cut-text";
import type { NodesProgress, StateRef } from "../pipeline/infos";
import {
  QUERY_PROGRESS,
  QUERY_STATE,
  SIGNAL_BACKFILL,
  SIGNAL_DBT_NODES,
  UPDATE_PAUSE,
  UPDATE_REQUEST_BACKFILL,
  UPDATE_RESOLVE_REVIEW,
  UPDATE_RESUME,
} from "../pipeline/names";
import type { BackfillRequest } from "../pipeline/spec";
import type { RunProgressView } from "./run-details";

export const backfillSignal = defineSignal<[BackfillRequest]>(SIGNAL_BACKFILL);
export const dbtNodesSignal = defineSignal<[NodesProgress]>(SIGNAL_DBT_NODES);
export const requestBackfillUpdate = defineUpdate<{ queued: number }, [BackfillRequest]>(
  UPDATE_REQUEST_BACKFILL,
);
export const pauseUpdate = defineUpdate<{ paused: boolean }>(UPDATE_PAUSE);
export const resumeUpdate = defineUpdate<{ paused: boolean }>(UPDATE_RESUME);
export const resolveReviewUpdate = defineUpdate<{ decision: string }, [ReviewDecision]>(
  UPDATE_RESOLVE_REVIEW,
);
export const progressQuery = defineQuery<RunProgressView>(QUERY_PROGRESS);
export const stateQuery = defineQuery<{ cursors: CursorInfo[]; state?: StateRef; load_id?: string }>(
  QUERY_STATE,
);

export interface ReviewDecision {
  decision: "promote" | "block";
  by?: string;
  reason?: string;
}

/** What the signal says, as far as it can be shown: anybody may send any JSON. */
export function nodesOf(payload: unknown): NodesProgress | undefined {
  const { done, total, failed, slowest } = (payload ?? {}) as { [key: string]: unknown };
  if (typeof done !== "number" || typeof total !== "number") return undefined;
  const few = (list: unknown): unknown[] => (Array.isArray(list) ? list.slice(0, 3) : []);
  return {
    done,
    total,
    failed: few(failed).map(name => cutText(String(name), 200)),
    slowest: few(slowest).flatMap(node => {
      const { name, seconds } = (node ?? {}) as { [key: string]: unknown };
      return typeof seconds === "number" ? [{ name: cutText(String(name), 200), seconds }] : [];
    }),
  };
}

/** Longest text of a person in an answer: it stays in history and in the result. */
const LONGEST_REASON = 1000;

/** What is wrong with the payload of `resolveReview`; anybody may send any JSON. */
export function reviewProblem(payload: unknown): string | undefined {
  const review = (payload ?? {}) as { [key: string]: unknown };
  if (review.decision !== "promote" && review.decision !== "block") {
    return '"decision" must be "promote" or "block".';
  }
  for (const key of ["by", "reason"]) {
    const value = review[key];
    if (value === undefined || (typeof value === "string" && value.length <= LONGEST_REASON)) continue;
    return `"${key}" must be a text of at most ${LONGEST_REASON} characters.`;
  }
  return undefined;
}
