/**
 * What a command that failed says: to a person, to a script (`--json` prints `{"error": {code, step, message}}`), and
 * as its exit code. Loaded by every command, so the SDK is loaded only for a failure that comes from it.
 */
import type { WorkflowFailedError } from "@temporalio/client";
import { CommanderError } from "commander";
import { TidemarkError } from "../pipeline/errors";
import type { GateInfo, RunResult } from "../pipeline/infos";
import { activityTitle } from "../pipeline/names";
import { exitCodeOf, Interrupted } from "./end-signals";
import { EXIT, exitCodeFor } from "./exit-codes";

export interface Failure {
  /**
   * A code of src/pipeline/errors.ts, or of the command line: USAGE, CANCELLED, TERMINATED, TIMEOUT (a step did not
   * answer in time), INTERNAL.
   */
  code: string;
  step?: string;
  message: string;
  dlt_exception?: string;
  /** What a gate that blocks decided. */
  gate?: Pick<GateInfo, "decision" | "score" | "reasons" | "packet_path">;
  /** What the run did all the same: a blocked one has loaded and built. */
  result?: RunResult;
  /** For people: message, step and code. */
  text: string;
  exitCode: number;
}

export function failureOf(error: unknown): Failure {
  if (error instanceof TidemarkError) {
    return {
      code: error.code,
      ...(error.step === undefined ? {} : { step: error.step }),
      message: error.message,
      ...(error.dltException === undefined ? {} : { dlt_exception: error.dltException }),
      text: `${error.message}\n(${error.code})`,
      exitCode: exitCodeFor(error.code),
    };
  }
  if (error instanceof CommanderError) {
    const message = error.message.replace(/^error: /, "");
    return { code: "USAGE", message, text: message, exitCode: EXIT.usage };
  }
  if (error instanceof Interrupted) {
    const { message } = error;
    return { code: "CANCELLED", message, text: message, exitCode: exitCodeOf(error.signal) };
  }
  if (error instanceof Error && error.name === "WorkflowFailedError") {
    return failureOfRun(error as WorkflowFailedError);
  }
  const message = error instanceof Error ? error.message : String(error);
  const text = error instanceof Error ? (error.stack ?? message) : message;
  return { code: "INTERNAL", message, text, exitCode: EXIT.failed };
}

/** The first detail of our failures (activities/failures.ts, workflows/run-end.ts); the second is a run's result. */
type Told = { step?: string; dlt_exception?: string } & Partial<NonNullable<Failure["gate"]>>;

/** The innermost coded failure of a workflow, and its step. */
export function failureOfRun(error: WorkflowFailedError): Failure {
  const { ActivityFailure, ApplicationFailure, CancelledFailure, TerminatedFailure, TimeoutFailure } =
    require("@temporalio/common") as typeof import("@temporalio/common");
  let current: unknown = error.cause;
  let activity: string | undefined;
  for (;;) {
    if (current instanceof ActivityFailure) activity = activityTitle(current.activityType);
    if (!(current instanceof Error) || !(current.cause instanceof Error)) break;
    current = current.cause;
  }
  const failed = (code: string, message: string, text = message): Failure => ({
    code,
    message,
    text,
    exitCode: EXIT.failed,
  });
  if (current instanceof CancelledFailure) {
    return { ...failed("CANCELLED", "The run was cancelled."), exitCode: EXIT.cancelled };
  }
  if (current instanceof ApplicationFailure) {
    const [told, result] = (current.details ?? []) as [Told?, RunResult?];
    const { step, dlt_exception, decision, score, reasons, packet_path } = told ?? {};
    const code = current.type ?? "INTERNAL";
    return {
      ...failed(
        code,
        current.message,
        `The run failed${step ? ` in step ${step}` : ""}.\n${current.message}\n(${code})`,
      ),
      ...(step === undefined ? {} : { step }),
      ...(dlt_exception === undefined ? {} : { dlt_exception }),
      ...(decision === undefined
        ? {}
        : { gate: { decision, score, reasons, packet_path } as Failure["gate"] }),
      ...(result === undefined ? {} : { result }),
      exitCode: exitCodeFor(code),
    };
  }
  if (current instanceof TerminatedFailure) {
    return failed("TERMINATED", `The run was terminated${current.message ? `: ${current.message}` : ""}.`);
  }
  if (current instanceof TimeoutFailure) {
    return failed(
      "TIMEOUT",
      `The run failed: ${activity ?? "a step"} did not answer in time (${current.timeoutType}). Is its worker alive?`,
    );
  }
  return failed(
    "INTERNAL",
    `The run failed: ${current instanceof Error ? current.message : String(current)}`,
  );
}
