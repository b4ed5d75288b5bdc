/** What `npm run demo` says at its end. */
import Table from "cli-table3";
import { count } from "../src/cli/live-progress";
import { PLAIN, statuses } from "../src/cli/run-summary";
import type { RunResult } from "../src/pipeline/infos";

export function demoSummary(
  results: readonly RunResult[],
  place: { uiUrl?: string; keep: boolean; database: string },
): string {
  const rows = new Table({
    head: ["pipeline", "table", "rows", "new", "updated", "deleted"],
    colAligns: ["left", "left", "right", "right", "right", "right"],
    ...PLAIN,
  });
  for (const { pipeline_name, load } of results) {
    const tables = (load?.tables ?? []).filter(one => !one.table.startsWith("_dlt_"));
    if (tables.length === 0)
      rows.push([pipeline_name, "(skipped: nothing new at the source)", "0", "0", "0", "0"]);
    for (const t of tables) {
      rows.push([
        pipeline_name,
        t.table,
        count(t.rows),
        count(t.inserted),
        count(t.updated),
        count(t.deleted),
      ]);
    }
  }
  const steps = new Table({
    head: ["pipeline", "step", "seconds"],
    colAligns: ["left", "left", "right"],
    ...PLAIN,
  });
  for (const { pipeline_name, seconds, load } of results) {
    for (const [step, value] of Object.entries(seconds)) {
      steps.push([pipeline_name, step, value.toFixed(1)]);
      if (step === "load") {
        for (const [part, partly] of Object.entries(load?.seconds ?? {}))
          steps.push(["", `  ${part}`, partly.toFixed(1)]);
      }
    }
  }
  const parts = ["", rows.toString(), "", steps.toString(), ""];
  for (const { cursors, load, pipeline_name } of results) {
    for (const c of cursors)
      parts.push(`cursor    ${pipeline_name}: ${c.resource}.${c.cursor_path} = ${c.value.text}`);
    for (const note of load?.notes ?? []) parts.push(`note      ${pipeline_name}: ${note}`);
  }
  for (const { freshness, dbt, gate } of results) {
    if (freshness) parts.push(`freshness ${statuses(freshness)}`);
    if (dbt) {
      parts.push(`dbt build ${statuses(dbt)}`);
      for (const f of dbt.findings) {
        const why = f.expected_warning ? ` (expected: ${f.reason ?? "declared in the test"})` : "";
        parts.push(`          ${f.status} ${f.unique_id}${f.failures ? `, ${f.failures} rows` : ""}${why}`);
      }
    }
    if (gate) {
      parts.push(
        `gate      ${gate.decision.toUpperCase()}, score ${gate.score}${gate.reasons.length ? `: ${gate.reasons.join("; ")}` : ""}`,
      );
      if (gate.packet_path) parts.push(`packet    ${gate.packet_path}`);
    }
  }
  parts.push(`database  ${place.database}`);
  if (place.uiUrl) {
    parts.push(
      place.keep
        ? `UI        ${place.uiUrl} (left running; stop it with: bin/tidemark dev, then Ctrl-C)`
        : `UI        bin/tidemark dev shows these runs at ${place.uiUrl}; or start with: npm run demo -- --keep`,
    );
  }
  return `${parts.join("\n")}\n`;
}
