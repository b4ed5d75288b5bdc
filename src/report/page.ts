/** The report as one HTML page: no script, nothing that is fetched. Pure. */
import { bars, foldKeys, rowsText, scores, secondsText } from "./charts";
import { ago, count, duration, moment, safe, table } from "./html";
import { lineage, statusClass } from "./lineage";
import type { Report, ReportLoad, ReportNode, ReportPipeline, ReportRun } from "./report-data";
import { STYLE } from "./style";

const MOST_KEYS = 8;
const MOST_CHANGES = 12;

export function renderPage({ made_at, pipelines }: Report): string {
  const titles = pipelines.map(({ pipeline }) => pipeline);
  const nav = titles.map((title, i) => `<a href="#p${i}">${safe(title)}</a>`).join("");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Tidemark: ${safe(titles.join(", "))}</title>
<style>${STYLE}</style>
</head>
<body><main>
<header><h1>Pipelines</h1><p class="soft">Made ${safe(moment(made_at))} UTC by Tidemark; all times are UTC.</p>${titles.length > 1 ? `<nav>${nav}</nav>` : ""}</header>
${pipelines.map((one, i) => pipelineSection(one, `p${i}`, made_at)).join("\n")}
<footer>Names, counts, times and decisions; no rows and no secrets. <code>tidemark report</code> makes it anew.</footer>
</main></body>
</html>
`;
}

function pipelineSection(one: ReportPipeline, id: string, now: string): string {
  const parts = [
    `<h2 id="${id}">${safe(one.pipeline)}</h2><p class="soft">${safe(one.dataset)} in ${safe(one.destination)}</p>`,
    ...one.notes.map(note => `<p class="t-warn">${safe(note)}</p>`),
    tiles(one, now),
    runsCard(one.runs),
    loadsCard(one.loads),
    gateCard(one.runs),
    dbtCard(one.nodes),
    cursorsCard(one),
  ];
  return parts.filter(part => part !== "").join("\n");
}

/** How fresh it is: the last run that went well, and the last load that brought something. */
function tiles({ runs, loads, nodes }: ReportPipeline, now: string): string {
  const good = runs.find(run => run.status === "completed");
  const last = runs[0];
  const judged = runs.find(run => run.gate !== undefined)?.gate;
  const newest = loads[0];
  const tile = (value: string, what: string, tone = "") =>
    `<div class="tile"><b class="${tone}">${safe(value)}</b><span>${safe(what)}</span></div>`;
  const rows = newest?.rows === undefined ? undefined : sum(newest.rows);
  return `<div class="tiles">${[
    last === undefined
      ? ""
      : tile(last.status, `last run, ${ago(last.started_at, now)} ago`, toneOf(last.status)),
    good === undefined
      ? ""
      : tile(`${ago(good.ended_at ?? good.started_at, now)} ago`, "last successful run"),
    newest === undefined
      ? ""
      : tile(`${ago(newest.at, now)} ago`, `newest load${rows === undefined ? "" : `, ${count(rows)} rows`}`),
    judged === undefined
      ? ""
      : tile(`${judged.decision}, ${judged.score}`, "gate: decision and score", toneOf(judged.decision)),
    nodes.length === 0 ? "" : tile(nodesText(nodes), "dbt nodes of the newest build", toneOf(worstOf(nodes))),
  ].join("")}</div>`;
}

function runsCard(runs: readonly ReportRun[]): string {
  if (runs.length === 0) return "";
  const shown = [...runs].reverse();
  const keys = [...new Set(shown.flatMap(run => run.steps.map(({ step }) => step)))];
  const folded = foldKeys(shown.map(stepsOf), MOST_KEYS);
  const ordered = [...folded.keys].sort((a, b) => place(keys, a) - place(keys, b));
  const chart = bars(
    shown.map(run => ({
      label: moment(run.started_at).slice(5),
      title: `${moment(run.started_at)} ${run.status}`,
      parts: inOrder(ordered, folded.parts(stepsOf(run))),
      ...(toneOf(run.status) === "t-bad" ? { flag: run.code ?? run.status } : {}),
    })),
    { keys: ordered, text: secondsText, describes: "Seconds per step, run by run" },
  );
  const rows = runs.map(run => [
    moment(run.started_at),
    badge(run.status),
    run.ended_at === undefined
      ? ""
      : duration((Date.parse(run.ended_at) - Date.parse(run.started_at)) / 1000),
    run.rows === undefined ? "" : count(sum(run.rows)),
    run.gate === undefined ? "" : badge(run.gate.decision),
    [run.code, run.message].filter(Boolean).join(": "),
    run.workflow_id,
  ]);
  return card(
    "Runs: seconds per step",
    `${chart}${details(`${runs.length} runs`, table(["started", "status", "took", "rows", "gate", "failure", "workflow"], rows, [2, 3]))}`,
  );
}

function loadsCard(loads: readonly ReportLoad[]): string {
  if (loads.length === 0) return "";
  const shown = [...loads].reverse().filter(load => load.rows !== undefined);
  const folded = foldKeys(
    shown.map(load => load.rows ?? {}),
    MOST_KEYS,
  );
  const chart =
    shown.length === 0
      ? ""
      : bars(
          shown.map(load => ({
            label: moment(load.at).slice(5),
            title: `load ${load.load_id}, ${moment(load.at)}`,
            parts: folded.parts(load.rows ?? {}),
          })),
          { keys: folded.keys, text: rowsText, describes: "Rows per table, load by load" },
        );
  const rows = loads.map(load => [
    load.load_id,
    moment(load.at),
    load.rows === undefined ? "" : count(sum(load.rows)),
    changesText(load.schema_changes),
  ]);
  const changed = loads.filter(load => load.schema_changes.length > 0);
  const changes = changed.slice(0, 5).map(load => [moment(load.at), changesText(load.schema_changes)]);
  return (
    card(
      "Loads: rows per table",
      `${chart}${details(`${loads.length} loads`, table(["load", "closed", "rows", "new tables and columns"], rows, [2]))}`,
    ) +
    (changes.length === 0
      ? ""
      : card("Schema changes", table(["with the load of", "new tables and columns"], changes)))
  );
}

function gateCard(runs: readonly ReportRun[]): string {
  const judged = runs.filter(run => run.gate !== undefined);
  if (judged.length === 0) return "";
  const chart = scores(
    [...judged].reverse().map(({ started_at, gate }) => ({
      at: started_at,
      decision: gate!.decision,
      score: gate!.score,
      title: `${moment(started_at)} ${gate!.decision}, ${gate!.score}: ${gate!.reasons.join("; ")}`,
    })),
  );
  const newest = judged[0]!.gate!;
  const checks = newest.checks.map(one => [
    one.name,
    one.value === undefined
      ? "missing"
      : `${Math.round(one.value * 10_000) / 10_000}${one.unit ? ` ${one.unit}` : ""}`,
    one.rule,
    badge(one.decision),
    one.points === 0 ? "0" : `-${one.points}`,
  ]);
  const reasons = judged.map(({ started_at, gate }) => [
    moment(started_at),
    badge(gate!.decision),
    gate!.score,
    gate!.reasons.join("; "),
  ]);
  return card(
    "Gate: score and decision",
    `${chart}<ul class="legend"><li class="t-good">● promote</li><li class="t-warn">▲ review</li><li class="t-bad">■ block</li></ul>` +
      `${checks.length === 0 ? "" : `<details open><summary>Checks of the newest decision</summary>${table(["check", "value", "rule", "decision", "points"], checks, [1, 4])}</details>`}` +
      details(
        `${judged.length} decisions with their reasons`,
        table(["run", "decision", "score", "reasons"], reasons, [2]),
      ),
  );
}

function dbtCard(nodes: readonly ReportNode[]): string {
  if (nodes.length === 0) return "";
  const built = nodes.filter(node => node.type !== "source");
  const rows = [...built]
    .sort((a, b) => (b.seconds ?? 0) - (a.seconds ?? 0))
    .map(node => [
      node.name,
      node.type,
      badge(node.status || "not run"),
      node.seconds === undefined ? "" : duration(node.seconds),
      node.tests,
    ]);
  return card(
    "dbt: lineage and nodes of the newest build",
    `${lineage(nodes)}${details(`${built.length} nodes, the slowest first`, table(["node", "type", "status", "took", "tests"], rows, [3, 4]))}`,
  );
}

function cursorsCard({ cursors }: ReportPipeline): string {
  if (cursors.length === 0) return "";
  const rows = cursors.map(one => [one.resource, one.cursor_path, one.value.text, one.value.type]);
  return card("Cursors", table(["resource", "cursor", "value", "type"], rows));
}

function card(title: string, content: string): string {
  return `<section class="card"><h3>${safe(title)}</h3>${content}</section>`;
}

function details(summary: string, content: string): string {
  return `<details><summary>${safe(summary)}</summary>${content}</details>`;
}

function badge(word: string): { html: string } {
  return { html: `<span class="badge ${toneOf(word)}">${safe(word)}</span>` };
}

function toneOf(word: string): string {
  if (["completed", "promote"].includes(word)) return "t-good";
  if (["failed", "timed_out", "terminated", "block"].includes(word)) return "t-bad";
  if (["review", "canceled", "cancelled"].includes(word)) return "t-warn";
  if (["running", "continued_as_new", "not run", "view"].includes(word)) return "t-none";
  return (
    { "s-bad": "t-bad", "s-warn": "t-warn", "s-good": "t-good", "s-none": "t-none" }[statusClass(word)] ?? ""
  );
}

function worstOf(nodes: readonly ReportNode[]): string {
  const classes = nodes.map(node => statusClass(node.status));
  return classes.includes("s-bad") ? "fail" : classes.includes("s-warn") ? "warn" : "success";
}

function nodesText(nodes: readonly ReportNode[]): string {
  const built = nodes.filter(node => node.type !== "source");
  const bad = built.filter(node => statusClass(node.status) === "s-bad").length;
  return bad === 0 ? `${built.length} built` : `${bad} of ${built.length} failed`;
}

function changesText(changes: readonly string[]): string {
  const more = changes.length - MOST_CHANGES;
  return `${changes.slice(0, MOST_CHANGES).join(", ")}${more > 0 ? `, ${more} more` : ""}`;
}

function stepsOf(run: ReportRun): { [step: string]: number } {
  const steps: { [step: string]: number } = {};
  for (const { step, seconds } of run.steps) steps[step] = (steps[step] ?? 0) + seconds;
  return steps;
}

const place = (keys: readonly string[], key: string) =>
  keys.includes(key) ? keys.indexOf(key) : keys.length;

function inOrder(keys: readonly string[], parts: readonly { key: string; value: number }[]) {
  return [...parts].sort((a, b) => keys.indexOf(a.key) - keys.indexOf(b.key));
}

function sum(rows: { [table: string]: number }): number {
  return Object.values(rows).reduce((total, n) => total + n, 0);
}
