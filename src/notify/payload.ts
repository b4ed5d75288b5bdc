/** The JSON that receivers get. Public: docs/operations.md has it field by field. Pure. */
import { cutText } from "../pipeline/cut-text";
import type { Notice } from "../pipeline/notices";

export interface NoticeRun {
  pipeline: string;
  dataset: string;
  workflow_id: string;
  run_id: string;
  namespace: string;
  /** ISO, UTC. */
  time: string;
}

/** `text` is what Slack and those who follow it show. */
export type NoticePayload = { text: string } & NoticeRun & Notice;

const LONGEST_TEXT = 3_000;

export function noticePayload(notice: Notice, run: NoticeRun): NoticePayload {
  return { text: slackText(sentence(notice, run)), ...notice, ...run };
}

function sentence(notice: Notice, { pipeline, dataset }: NoticeRun): string {
  const { event, error, gate, schema_changes = [], stale = [] } = notice;
  const score = gate === undefined ? "" : ` (score ${gate.score}): ${gate.reasons.join("; ")}`;
  switch (event) {
    case "failed":
      return `Pipeline ${pipeline} failed${error?.step ? ` in step ${error.step}` : ""}: ${error?.message ?? "no message"} (${error?.code ?? "INTERNAL"})`;
    case "blocked":
      return `Pipeline ${pipeline}: the gate blocks${score}`;
    case "review":
      return `Pipeline ${pipeline}: the gate asks for a review${score}${gate?.waits ? ". The run waits for update resolveReview." : ""}`;
    case "schema_change":
      return `Pipeline ${pipeline} changed the schema of ${dataset}: ${schema_changes.join(", ")}`;
    case "stale":
      return `Pipeline ${pipeline}: sources are stale: ${stale.join(", ")}`;
  }
}

/** Slack reads three characters as its own. */
function slackText(text: string): string {
  return cutText(text, LONGEST_TEXT).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
