/** The summary a person reads at the end of a run. */
import Table from "cli-table3";
import type { DbtInfo, RunResult } from "../pipeline/infos";
import { count } from "./live-progress";

export function runSummary(result: RunResult): string {
  const parts: string[] = [`\n${result.pipeline_name}`];
  for (const warning of result.warnings) parts.push(`  warning: ${warning}`);
  const load = result.load;
  if (load !== undefined) {
    if (load.tables.length > 0) parts.push(loadTable(load.tables));
    else parts.push("  nothing new: no rows were loaded");
    for (const note of load.notes) parts.push(`  note: ${note}`);
    const { schema_changes: changes = [] } = load;
    if (changes.length > 0 && !load.first_load) parts.push(`  new in the schema: ${changes.join(", ")}`);
  }
  for (const cursor of result.cursors)
    parts.push(`  cursor ${cursor.resource}.${cursor.cursor_path} = ${cursor.value.text}`);
  for (const b of result.backfills) {
    parts.push(
      `  backfill ${b.resource} [${b.from}, ${b.to ?? "…"}): ${b.status}${b.rows === undefined ? "" : `, ${count(b.rows)} rows`}${b.reason ? `, ${b.reason}` : ""}`,
    );
  }
  if (result.freshness) parts.push(`  dbt source freshness: ${statuses(result.freshness)}`);
  if (result.dbt) {
    parts.push(`  dbt build: ${statuses(result.dbt)}`);
    for (const finding of result.dbt.findings) {
      parts.push(
        `    ${finding.status} ${finding.unique_id}${finding.expected_warning ? ` (expected: ${finding.reason ?? "declared"})` : ""}${finding.message ? `: ${finding.message}` : ""}`,
      );
    }
    const slowest = (result.dbt.nodes ?? []).slice(0, 3).map(timeOf);
    if (slowest.length > 0) parts.push(`    slowest: ${slowest.join(", ")}`);
    if (result.dbt.docs_path) parts.push(`    docs: ${result.dbt.docs_path}`);
    for (const note of result.dbt.notes) parts.push(`    note: ${note}`);
  }
  if (result.gate) {
    parts.push(
      `  gate: ${result.gate.decision.toUpperCase()} (score ${result.gate.score})${result.gate.reasons.length ? `: ${result.gate.reasons.join("; ")}` : ""}`,
    );
    if (result.gate.packet_path) parts.push(`  packet: ${result.gate.packet_path}`);
  }
  for (const problem of result.undelivered ?? []) parts.push(`  ${problem}`);
  if (result.publish) parts.push(...published(result.publish));
  parts.push(stepTable(result.seconds));
  return `${parts.join("\n")}\n`;
}

function published({ generation, state, previous, notes }: NonNullable<RunResult["publish"]>): string[] {
  const what = {
    live: `live${previous === undefined ? "" : `, in place of ${previous}`}`,
    review: "waits for a person (tidemark publish)",
    blocked: "kept back; readers see what they saw before",
  };
  return [`  publish: generation ${generation} ${what[state]}`, ...notes.map(note => `    note: ${note}`)];
}

function timeOf({ unique_id, seconds, rows }: NonNullable<DbtInfo["nodes"]>[number]): string {
  const name = unique_id.split(".")[2] ?? unique_id;
  return `${name} ${seconds.toFixed(1)} s${rows === undefined ? "" : ` (${count(rows)} rows)`}`;
}

/** No colours; one line below the head and none between rows. */
export const PLAIN = { style: { head: [], border: [], compact: true } };

export function loadTable(tables: NonNullable<RunResult["load"]>["tables"]): string {
  const table = new Table({
    head: ["table", "rows", "new", "updated", "deleted"],
    colAligns: ["left", "right", "right", "right", "right"],
    ...PLAIN,
  });
  for (const t of tables.filter(one => !one.table.startsWith("_dlt_"))) {
    table.push([t.table, count(t.rows), count(t.inserted), count(t.updated), count(t.deleted)]);
  }
  return table.toString();
}

export function stepTable(seconds: RunResult["seconds"]): string {
  const table = new Table({ head: ["step", "seconds"], colAligns: ["left", "right"], ...PLAIN });
  for (const [step, value] of Object.entries(seconds)) table.push([step, value.toFixed(1)]);
  return table.toString();
}

export function statuses(info: DbtInfo): string {
  const counts = Object.entries(info.counts).map(([status, n]) => `${n} ${status}`);
  return `${counts.join(", ") || "nothing to do"} in ${info.seconds.toFixed(1)} s`;
}
