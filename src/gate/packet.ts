/** The packet: what a person, or a program asked for an opinion, needs to see of one decision. Markdown. Pure. */
import type { DbtInfo, GateInfo } from "../pipeline/infos";
import type { GateThresholds } from "../pipeline/spec";
import { shortName } from "./decide";

export interface PacketContext {
  /** Pipeline, or "sample". */
  title: string;
  thresholds: GateThresholds;
  dbt?: Pick<DbtInfo, "command" | "counts" | "findings" | "run_results_path">;
  freshness?: Pick<DbtInfo, "counts" | "findings">;
  /** ISO time of the decision. */
  decided_at: string;
}

export function renderPacket(gate: GateInfo, context: PacketContext): string {
  return [
    `# Quality gate: ${gate.decision}`,
    "",
    "## Summary",
    "",
    `- For: ${context.title}`,
    `- Decision: **${gate.decision}** (score ${gate.score} of 100)`,
    `- Decided at: ${context.decided_at}`,
    ...gate.reasons.map(reason => `- ${reason}`),
    "",
    "## Evidence",
    "",
    ...evidence(context),
    "",
    "## Actions",
    "",
    ...actions(gate, context).map(action => `- ${action}`),
    "",
    "## Metrics",
    "",
    ...metricsTable(gate, context.thresholds),
    "",
    "## Prompt",
    "",
    "For an optional reviewer, person or model. The answer is an opinion; it changes no decision.",
    "",
    "```text",
    renderPrompt(gate, context),
    "```",
    "",
  ].join("\n");
}

export function renderPrompt(gate: GateInfo, context: PacketContext): string {
  const open = (context.dbt?.findings ?? []).slice(0, 30).map(node => `- ${findingText(node)}`);
  return [
    "You review the quality gate of a data pipeline. The decision is made by fixed rules and is not yours to change.",
    `Pipeline: ${context.title}. Decision: ${gate.decision}, score ${gate.score} of 100.`,
    "Reasons:",
    ...gate.reasons.map(reason => `- ${reason}`),
    "Metrics:",
    ...metricRows(gate, context.thresholds).map(([name, value, limit]) => `- ${name}: ${value} (${limit})`),
    ...(open.length > 0 ? ["Findings of dbt:", ...open] : []),
    "Say in at most ten sentences: the likeliest cause of each reason, what to check first, and what would be harmed if this data were used as it is. Do not invent numbers.",
  ].join("\n");
}

function evidence(context: PacketContext): string[] {
  const lines: string[] = [];
  if (context.dbt) {
    lines.push(`\`${context.dbt.command}\`: ${countsText(context.dbt.counts)}`);
    if (context.dbt.run_results_path) lines.push("", `Results: \`${context.dbt.run_results_path}\``);
    lines.push("", ...table(["Node", "Status", "What"], context.dbt.findings.map(row)));
  } else {
    lines.push("No dbt results belong to this decision.");
  }
  if (context.freshness) {
    lines.push("", `Source freshness: ${countsText(context.freshness.counts)}`);
    lines.push("", ...table(["Source", "Status", "What"], context.freshness.findings.map(row)));
  }
  return lines;
}

function actions(gate: GateInfo, context: PacketContext): string[] {
  const findings = context.dbt?.findings ?? [];
  const open = findings.filter(node => node.status !== "skipped" && !node.expected_warning);
  const steps = open
    .slice(0, 10)
    .map(
      node =>
        `Look into \`${shortName(node.unique_id)}\` (${node.status}): \`dbt build --select ${shortName(node.unique_id)}\`.`,
    );
  if (gate.decision === "promote") return ["Nothing to do: the marts may be used.", ...steps];
  const freshness = gate.metrics.freshness_minutes;
  if (freshness === undefined || freshness > context.thresholds.max_freshness_minutes) {
    steps.push(
      "Run the pipeline. If it ran and its source had nothing new, raise `gate.thresholds.max_freshness_minutes`.",
    );
  }
  if ((gate.metrics.claim_service_lines ?? 0) < context.thresholds.min_claim_lines) {
    steps.push(
      "See whether `stg_claims` was built, and in the schema that the gate reads (`DATABRICKS_SCHEMA`).",
    );
  }
  return [
    gate.decision === "block"
      ? "Do not use these marts until the run is repeated and passes."
      : "A person decides whether these marts may be used.",
    ...steps,
  ];
}

function row(node: DbtInfo["findings"][number]): string[] {
  return [shortName(node.unique_id), statusText(node), node.reason || node.message || ""];
}

function findingText(node: DbtInfo["findings"][number]): string {
  const what = node.reason || node.message;
  return `${shortName(node.unique_id)}: ${statusText(node)}${what ? `; ${what}` : ""}`;
}

function statusText(node: DbtInfo["findings"][number]): string {
  const rows = typeof node.failures === "number" && node.failures > 0 ? `, ${node.failures} rows` : "";
  return `${node.status}${node.expected_warning && node.status === "warn" ? " (expected)" : ""}${rows}`;
}

function metricsTable(gate: GateInfo, thresholds: GateThresholds): string[] {
  return table(["Metric", "Value", "Threshold"], metricRows(gate, thresholds));
}

function metricRows(gate: GateInfo, thresholds: GateThresholds): string[][] {
  const value = (metric: number | undefined) =>
    metric === undefined ? "missing" : String(Math.round(metric * 100) / 100);
  return [
    [
      "claim_service_lines",
      value(gate.metrics.claim_service_lines),
      `at least ${thresholds.min_claim_lines}`,
    ],
    ["max_allowed_ratio", value(gate.metrics.max_allowed_ratio), `at most ${thresholds.max_allowed_ratio}`],
    [
      "freshness_minutes",
      value(gate.metrics.freshness_minutes),
      `at most ${thresholds.max_freshness_minutes}`,
    ],
  ];
}

function countsText(counts: { [status: string]: number }): string {
  const parts = Object.entries(counts).map(([status, n]) => `${n} ${status}`);
  return parts.length > 0 ? parts.join(", ") : "nothing ran";
}

function table(head: string[], rows: string[][]): string[] {
  if (rows.length === 0) return ["Nothing but successes."];
  const line = (cells: string[]) => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)];
}

/** Foreign text in a table cell: no line break, no bar, no code fence of its own. */
function cell(text: string): string {
  return text.replace(/\s+/g, " ").replaceAll("|", "\\|").replaceAll("`", "'");
}
