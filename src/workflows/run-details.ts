/** What people see of a whole run: the Temporal UI's current details, and the answer of query `progress`. */
import type { BackfillOutcome, GateInfo, NodesProgress } from "../pipeline/infos";
import type { BackfillRequest } from "../pipeline/spec";

export interface RunProgressView {
  pipeline_name: string;
  step: string;
  /** Workflow id of the load child: its own query `progress` has rows and cursors. */
  load_workflow_id?: string;
  steps: { step: string; status: string; seconds?: number }[];
  waiting_for?: string;
  backfills: BackfillOutcome[];
  queued_backfills?: BackfillRequest[];
  /** Of the dbt command that runs, or ran last. */
  nodes?: NodesProgress;
  gate?: GateInfo;
  notes: string[];
}

function nodesText({ done, total, failed, slowest }: NodesProgress): string {
  const slow = slowest.map(({ name, seconds }) => `${name} ${seconds.toFixed(1)} s`).join(", ");
  return `dbt: ${done} of ${total} nodes${failed.length > 0 ? `, failed: ${failed.join(", ")}` : ""}${slow ? `, slowest: ${slow}` : ""}`;
}

export function runDetails(view: RunProgressView): string {
  const lines = [`**${view.pipeline_name || "pipeline"}**: ${view.step}`];
  if (view.waiting_for) lines.push("", `Waiting for ${view.waiting_for}.`);
  if (view.steps.length > 0) {
    lines.push("", "| step | status | seconds |", "|---|---|---:|");
    for (const { step, status, seconds } of view.steps) {
      lines.push(`| ${step} | ${status} | ${seconds === undefined ? "" : seconds.toFixed(1)} |`);
    }
  }
  if (view.nodes !== undefined) lines.push("", nodesText(view.nodes));
  for (const b of view.backfills) {
    lines.push(
      "",
      `Backfill ${b.resource} [${b.from}, ${b.to ?? "…"}): ${b.status}${b.reason ? `, ${b.reason}` : ""}`,
    );
  }
  for (const q of view.queued_backfills ?? []) {
    lines.push("", `Backfill ${q.resource} [${q.from}, ${q.to ?? "…"}): queued`);
  }
  if (view.gate) lines.push("", `Gate: **${view.gate.decision}** (score ${view.gate.score})`);
  if (view.notes.length > 0) lines.push("", ...view.notes.map(note => `- ${note}`));
  return lines.join("\n");
}
