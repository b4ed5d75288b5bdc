/**
 * Exit codes: 0 done (promote or review), 1 the run failed or the gate blocked, 2 bad usage or a bad spec, 130 the run
 * was cancelled or Ctrl-C ended the command, 128 + n another signal did (143: SIGTERM).
 */
import type { ErrorCode } from "../pipeline/errors";

export const EXIT = { done: 0, failed: 1, usage: 2, cancelled: 130, signal: 128 } as const;

/** What was asked for is wrong, not what happened: nothing was started. */
const USAGE_CODES: readonly string[] = [
  "SPEC_INVALID",
  "SPEC_NOT_FOUND",
  "SPEC_HOLDS_SECRET",
  "BACKFILL_REFUSED",
  "GATE_INPUT",
  "NOT_OURS",
  "PROJECT_FILE_INVALID",
  "PROJECT_UNUSABLE",
  "FOLDER_NOT_EMPTY",
  "TEMPLATE_UNKNOWN",
  "TYPESCRIPT_UNREADABLE",
  "QUEUE_OF_OTHERS",
] satisfies ErrorCode[];

export function exitCodeFor(code: string): number {
  return USAGE_CODES.includes(code) ? EXIT.usage : EXIT.failed;
}
