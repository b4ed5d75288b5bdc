/** What a failed workflow says to a person: the innermost coded failure, its step and how often it was tried. */
import type { WorkflowFailedError } from "@temporalio/client";
import { ActivityFailure, ApplicationFailure, CancelledFailure, TimeoutFailure } from "@temporalio/common";

export interface FailureText {
  text: string;
  code?: string;
  step?: string;
  dlt_exception?: string;
  cancelled: boolean;
}

export function failureText(error: WorkflowFailedError): FailureText {
  let current: unknown = error.cause;
  let activity: string | undefined;
  for (;;) {
    if (current instanceof ActivityFailure) activity = current.activityType;
    if (!(current instanceof Error) || !(current.cause instanceof Error)) break;
    current = current.cause;
  }
  if (current instanceof CancelledFailure) return { text: "The run was cancelled.", cancelled: true };
  if (current instanceof ApplicationFailure) {
    const detail = current.details?.[0] as { step?: string; dlt_exception?: string } | undefined;
    return {
      text: `The run failed${detail?.step ? ` in step ${detail.step}` : ""}.\n${current.message}\n(${current.type})`,
      code: current.type ?? undefined,
      step: detail?.step,
      dlt_exception: detail?.dlt_exception,
      cancelled: false,
    };
  }
  if (current instanceof TimeoutFailure) {
    return {
      text: `The run failed: ${activity ?? "a step"} did not answer in time (${current.timeoutType}). Is its worker alive?`,
      code: "TIMEOUT",
      cancelled: false,
    };
  }
  return {
    text: `The run failed: ${current instanceof Error ? current.message : String(current)}`,
    cancelled: false,
  };
}
