/** The memo by which a run is known as ours: workflow ids say nothing, and a namespace is shared with others. */
import { patched, upsertMemo, workflowInfo } from "@temporalio/workflow";
import { cutText } from "../pipeline/cut-text";
import type { RunMemo } from "../pipeline/infos";
import { MEMO_RUN } from "../pipeline/names";
import type { RunInput } from "../pipeline/spec";

const PATCH_MEMO = "memo-says-whose-it-is";
const LONGEST_NAME = 200;

/** For a run that Temporal's own CLI, a schedule, a client of another kind or another workflow started. */
export function leaveMemo(input: RunInput): void {
  if (workflowInfo().memo?.[MEMO_RUN] !== undefined || !patched(PATCH_MEMO)) return;
  // Anybody may start a run with any input, or with none.
  const asked = input?.pipeline as unknown;
  const name =
    typeof asked === "string" ? asked : (asked as { pipeline_name?: unknown } | null)?.pipeline_name;
  const memo: RunMemo = { pipeline: cutText(String(name ?? ""), LONGEST_NAME) };
  upsertMemo({ [MEMO_RUN]: memo });
}
