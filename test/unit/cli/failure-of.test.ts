import { WorkflowFailedError } from "@temporalio/client";
import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  TerminatedFailure,
  TimeoutFailure,
} from "@temporalio/common";
import { CommanderError } from "commander";
import { Interrupted } from "../../../src/cli/end-signals";
import { failureOf } from "../../../src/cli/failure-of";
import { TidemarkError } from "../../../src/pipeline/errors";

/** As the server gives it: the load child's failure, the activity's in it, and the cause of that. */
function ofRun(cause: Error): WorkflowFailedError {
  const activity = new ActivityFailure(
    "Activity task failed",
    "loadChains",
    "1",
    "NON_RETRYABLE_FAILURE",
    "w",
    cause,
  );
  const child = new ChildWorkflowFailure(
    "default",
    { workflowId: "load/x", runId: "r" },
    "load",
    "NON_RETRYABLE_FAILURE",
    activity,
  );
  return new WorkflowFailedError("Workflow execution failed", child, "NON_RETRYABLE_FAILURE");
}

const coded = ApplicationFailure.create({
  type: "CONTRACT_VIOLATION",
  message: "orders.note: the contract freezes columns.",
  details: [{ step: "normalize", dlt_exception: "DataValidationError" }],
});

test.each([
  [
    "a bad spec",
    new TidemarkError("SPEC_INVALID", "shop.json has 1 problem", { step: "resolve" }),
    { exitCode: 2, code: "SPEC_INVALID", step: "resolve", message: "shop.json has 1 problem" },
  ],
  [
    "a server that does not answer",
    new TidemarkError("DESTINATION_UNAVAILABLE", "The Temporal server does not answer."),
    { exitCode: 1, code: "DESTINATION_UNAVAILABLE", message: "The Temporal server does not answer." },
  ],
  [
    "bad usage",
    new CommanderError(1, "commander.unknownOption", "error: unknown option '--jsn'"),
    { exitCode: 2, code: "USAGE", message: "unknown option '--jsn'" },
  ],
  [
    "a step that failed",
    ofRun(coded),
    {
      exitCode: 1,
      code: "CONTRACT_VIOLATION",
      step: "normalize",
      message: "orders.note: the contract freezes columns.",
      dlt_exception: "DataValidationError",
    },
  ],
  [
    "a spec that the worker refused",
    ofRun(
      ApplicationFailure.create({
        type: "SPEC_HOLDS_SECRET",
        message: "Rotate it.",
        details: [{ step: "resolve" }],
      }),
    ),
    { exitCode: 2, code: "SPEC_HOLDS_SECRET", step: "resolve" },
  ],
  [
    "a step that does not answer",
    ofRun(new TimeoutFailure("activity Heartbeat timeout", undefined, "HEARTBEAT")),
    {
      exitCode: 1,
      code: "TIMEOUT",
      message: expect.stringContaining("loadChains did not answer in time (HEARTBEAT)"),
    },
  ],
  [
    "a run that somebody cancelled",
    ofRun(new CancelledFailure("cancelled")),
    { exitCode: 130, code: "CANCELLED", message: "The run was cancelled." },
  ],
  [
    "a run that somebody terminated",
    new WorkflowFailedError(
      "Workflow execution terminated",
      new TerminatedFailure("by hand"),
      "NON_RETRYABLE_FAILURE",
    ),
    { exitCode: 1, code: "TERMINATED", message: "The run was terminated: by hand." },
  ],
  ["Ctrl-C", new Interrupted("SIGINT"), { exitCode: 130, code: "CANCELLED" }],
  ["SIGTERM", new Interrupted("SIGTERM"), { exitCode: 143, code: "CANCELLED" }],
  ["SIGHUP", new Interrupted("SIGHUP"), { exitCode: 129, code: "CANCELLED" }],
  [
    "a bug",
    new TypeError("x is not a function"),
    { exitCode: 1, code: "INTERNAL", message: "x is not a function" },
  ],
])("%s has a code and an exit code", (_, error, expected) => {
  expect(failureOf(error)).toMatchObject(expected);
});

test("the text for people ends with step and code", () => {
  expect(failureOf(ofRun(coded)).text).toBe(
    "The run failed in step normalize.\norders.note: the contract freezes columns.\n(CONTRACT_VIOLATION)",
  );
});
