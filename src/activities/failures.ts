/**
 * The door through which errors leave the engine into Temporal history: TidemarkError → ApplicationFailure.
 * No secret and no row value passes: secrets are masked, errors nobody sorted show their class and place only
 * (a vendor's message may quote a row), and neither causes nor stack messages are recorded.
 */
import { CancelledFailure } from "@temporalio/activity";
import { ApplicationFailure } from "@temporalio/common";
import { diskTrouble, packageError } from "../package/disk-errors";
import { cutText } from "../pipeline/cut-text";
import { TidemarkError } from "../pipeline/errors";
import type { Step } from "../pipeline/names";
import { redact } from "../pipeline/redact";
import { delayAfter } from "./attempts";

/** Far below what Temporal takes; a message is for people. */
const LONGEST_MESSAGE = 20_000;

/** @param so how many attempts ended with an error, this one included, and whether no other follows */
export function toFailure(
  error: unknown,
  step: Step,
  secrets: readonly string[],
  so: { errors: number; last: boolean } = { errors: 1, last: false },
): Error {
  if (error instanceof CancelledFailure) return error;
  if (error instanceof ApplicationFailure) return error;
  const sorted = error instanceof TidemarkError ? error : sortSystemError(error);
  const failure = ApplicationFailure.create({
    type: sorted.code,
    message: cutText(redact(sorted.message, secrets), LONGEST_MESSAGE),
    nonRetryable: sorted.kind === "terminal" || so.last,
    details: [
      { step: sorted.step ?? step, ...(sorted.dltException ? { dlt_exception: sorted.dltException } : {}) },
    ],
    nextRetryDelay: sorted.retryAfterMs ?? delayAfter(so.errors),
  });
  failure.stack = `${failure.name}\n${framesOf(error)}`;
  return failure;
}

/** Errors of the operating system and of our own mistakes. */
function sortSystemError(error: unknown): TidemarkError {
  const code = (error as { code?: unknown } | null)?.code;
  const name = error instanceof Error ? error.constructor.name : typeof error;
  const path = (error as { path?: string } | null)?.path ?? "a file of the worker";
  if (diskTrouble(error) === "denied") {
    return new TidemarkError(
      "DESTINATION_DENIED",
      `The worker may not use ${path} (${code}). Correct the permission, or choose another folder.`,
    );
  }
  const sorted = packageError(error, `using ${path}`);
  if (sorted instanceof TidemarkError) return sorted;
  return new TidemarkError(
    "INTERNAL",
    `An error that Tidemark did not expect (${name}${typeof code === "string" ? `, ${code}` : ""}); the worker's log has the details. Please report it.`,
  );
}

/** Function names and files only: the first line of a stack repeats the message. */
export function framesOf(error: unknown): string {
  if (!(error instanceof Error) || error.stack === undefined) return "";
  return error.stack
    .split("\n")
    .filter(line => /^\s+at /.test(line))
    .slice(0, 12)
    .join("\n");
}
