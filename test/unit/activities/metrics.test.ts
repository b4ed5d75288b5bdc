/** The names of metrics are public: page and dashboard name those of the code, and no others. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { unixSeconds } from "../../../src/activities/measure";
import { METRICS } from "../../../src/pipeline/metrics";

const DOCS = join(__dirname, "../../../docs");
const NAMES = Object.keys(METRICS).sort();

test("docs/metrics.md lists every metric as it is in the code", () => {
  const page = readFileSync(join(DOCS, "metrics.md"), "utf8");
  const rows = [...page.matchAll(/^\| `(\w+)` \| (\w+) \| (\S+) \| (.+?) \| (.+) \|$/gm)];
  const told = Object.fromEntries(
    rows.map(([, name, kind, unit, labels, text]) => [
      name,
      { kind, unit, labels: labels!.split(", ").map(label => label.slice(1, -1)), text },
    ]),
  );
  expect(told).toEqual(METRICS);
});

interface Dashboard {
  panels: { title: string; targets: { expr: string; legendFormat: string }[] }[];
  templating: { list: { query: string | { query: string } }[] };
}

test("the dashboard asks for metrics and labels that there are, and for all metrics", () => {
  const dashboard = JSON.parse(readFileSync(join(DOCS, "grafana/tidemark.json"), "utf8")) as Dashboard;
  const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
  const variables = dashboard.templating.list.map(({ query }) =>
    typeof query === "string" ? query : query.query,
  );
  const asked = [...queries, ...variables].flatMap(query => query.match(/tidemark_\w+/g) ?? []);
  const metric = (series: string) =>
    NAMES.includes(series) ? series : series.replace(/_(bucket|sum|count)$/, "");
  expect([...new Set(asked.map(metric))].sort()).toEqual(NAMES);
  for (const { title, targets } of dashboard.panels) {
    for (const { expr, legendFormat } of targets) {
      const names = expr.match(/tidemark_\w+/g)!.map(metric) as (keyof typeof METRICS)[];
      const labels = new Set(names.flatMap(name => [...METRICS[name].labels] as string[]));
      const used = [
        ...[...expr.matchAll(/by \(([^)]+)\)/g)].flatMap(([, list]) => list!.split(", ")),
        ...[...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!),
        ...[...expr.matchAll(/[{,](\w+)=~?"/g)].map(([, label]) => label!),
      ].filter(label => label !== "le");
      expect([title, used.filter(label => !labels.has(label))]).toEqual([title, []]);
      expect(expr.split("(").length).toBe(expr.split(")").length);
    }
  }
});

test("a cursor's time as a Unix time: zones, dates, texts of ISO form, and nothing else", () => {
  expect(unixSeconds({ type: "timestamp", text: "1970-01-01T01:00:00+01:00" })).toBe(0);
  expect(unixSeconds({ type: "timestamp", text: "1970-01-01T00:00:01.500000Z" })).toBe(1.5);
  expect(unixSeconds({ type: "text", text: "1970-01-01 00:01:00" })).toBe(60);
  expect(unixSeconds({ type: "date", text: "1970-01-02" })).toBe(86_400);
  expect(unixSeconds({ type: "bigint", text: "1700000000" })).toBeUndefined();
  expect(unixSeconds({ type: "text", text: "v1970-01-01" })).toBeUndefined();
  expect(unixSeconds({ type: "date", text: "2026-99-99" })).toBeUndefined();
});
