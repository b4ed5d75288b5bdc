/** The packet: what a person, or a program asked for an opinion, needs to see of one decision. Markdown. Pure. */
import type { DbtInfo, GateCheck, GateInfo, TableRows } from "../pipeline/infos";
import { numberText, shortName } from "./decide";

export interface PacketContext {
  /** Pipeline, or "sample". */
  title: string;
  dbt?: Pick<DbtInfo, "command" | "counts" | "findings" | "run_results_path">;
  freshness?: Pick<DbtInfo, "counts" | "findings">;
  /** Rows that the run loaded. */
  tables?: readonly TableRows[];
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
    "## Checks",
    "",
    ...table(["Check", "Value", "Rule", "Decision", "Points"], checkRows(gate)),
    "",
    ...tableRows(context.tables),
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
    "Checks:",
    ...(gate.checks ?? []).map(one => `- ${one.name}: ${valueText(one)} (${one.rule}): ${one.decision}`),
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
  const found = (gate.checks ?? []).filter(one => one.decision !== "promote");
  if (found.some(one => one.name === "load_age_minutes"))
    steps.push("Run the pipeline, or raise `gate.freshness.max_load_age_minutes`.");
  for (const one of found.filter(({ value, name }) => value === undefined && !name.startsWith("dbt_")))
    steps.push(
      `\`${one.name}\` has no value: see whether its table was built, and in the schema that the gate reads; \`on_missing\` says what that means.`,
    );
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

function checkRows(gate: GateInfo): string[][] {
  return (gate.checks ?? []).map(one => [
    one.name,
    valueText(one),
    one.rule,
    one.decision,
    one.points === 0 ? "0" : `-${one.points}`,
  ]);
}

function valueText({ value, unit }: GateCheck): string {
  if (value === undefined) return "missing";
  return `${numberText(value)}${unit === undefined ? "" : ` ${unit}`}`;
}

function tableRows(tables: readonly TableRows[] | undefined): string[] {
  if (tables === undefined || tables.length === 0) return [];
  const rows = tables.map(({ table: name, rows: count }) => [name, String(count)]);
  return ["## Loaded", "", ...table(["Table", "Rows"], rows), ""];
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
