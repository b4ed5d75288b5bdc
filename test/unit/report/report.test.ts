/** The report's page: whole, closed to the outside, safe from foreign text; and its reading of schemas and graphs. */
import { axis, foldKeys } from "../../../src/report/charts";
import { changesByHash } from "../../../src/report/from-destination";
import { ago, duration } from "../../../src/report/html";
import { layers } from "../../../src/report/lineage";
import { renderPage } from "../../../src/report/page";
import type { ReportNode } from "../../../src/report/report-data";
import { HOSTILE, sampleReport } from "./sample-report";

describe("the page", () => {
  const page = renderPage(sampleReport());

  test("fetches nothing, runs nothing, and foreign text stays text", () => {
    expect(page).not.toMatch(/<script|javascript:|\bon\w+=|https?:|@import|url\(|<link|<img/i);
    expect(page).toContain("default-src 'none'");
    expect(page).not.toContain(HOSTILE);
    expect(page).toContain("&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;quoted&#39;");
    expect(page).toContain("prefers-color-scheme: dark");
    // Every element that is opened is closed: a browser would mend it silently.
    for (const tag of [
      "section",
      "div",
      "svg",
      "g",
      "table",
      "tr",
      "td",
      "th",
      "details",
      "ul",
      "li",
      "text",
    ]) {
      const opened = page.match(new RegExp(`<${tag}[ >]`, "g"))?.length ?? 0;
      expect([tag, page.match(new RegExp(`</${tag}>`, "g"))?.length ?? 0]).toEqual([tag, opened]);
    }
    expect(page).not.toMatch(/NaN|undefined|Infinity|\[object/);
  });

  test("says runs, loads, changes, decisions, nodes and cursors", () => {
    for (const text of [
      "Runs: seconds per step",
      "Loads: rows per table",
      "orders.coupon, orders__lines.tax",
      "largest_order is 120000 EUR; at most 100000 allowed",
      "HTTP_UNAUTHORIZED",
      "fct_orders",
      "2026-03-01T05:58:12Z",
      "1 of 6 failed",
    ])
      expect(page).toContain(text);
    expect(page.match(/class="d-(promote|review|block)"/g)).toHaveLength(19);
  });
});

test("changes of a schema are those against the version before", () => {
  const schema = (tables: { [table: string]: string[] }) =>
    JSON.stringify({
      tables: Object.fromEntries(
        Object.entries(tables).map(([name, columns]) => [
          name,
          { columns: Object.fromEntries(columns.map(column => [column, {}])) },
        ]),
      ),
    });
  const changes = changesByHash([
    ["h1", schema({ _dlt_loads: ["load_id"], a: ["x"] })],
    ["bad", "{"],
    ["h2", schema({ a: ["x", "y"], b: ["z"] })],
  ]);
  expect(Object.fromEntries(changes)).toEqual({ h1: ["a"], h2: ["a.y", "b"] });
});

test("axes end at round numbers; many keys fold into eight", () => {
  expect(axis(7).ticks).toEqual([0, 2, 4, 6, 8]);
  expect(axis(0.3)).toEqual({ top: 0.30000000000000004, ticks: [0, 0.1, 0.2, 0.30000000000000004] });
  const row = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`t${i}`, 12 - i]));
  const { keys, parts } = foldKeys([row], 8);
  expect(keys).toEqual(["t0", "t1", "t2", "t3", "t4", "t5", "t6", "5 others"]);
  expect(parts(row).at(-1)).toEqual({ key: "5 others", value: 15 });
  expect([duration(2.44), duration(200), duration(7_500)]).toEqual(["2.4 s", "3 min 20 s", "2 h 5 min"]);
  expect(ago("2026-01-01T00:00:00Z", "2026-01-01T05:00:00Z")).toBe("5 hours");
});

test("a node stands right of all that it reads, also in a graph with a ring", () => {
  const node = (id: string, ...reads: string[]): ReportNode => ({
    id,
    type: "model",
    name: id,
    status: "success",
    tests: 0,
    reads,
  });
  const columns = layers([node("d", "b", "c"), node("a"), node("b", "a"), node("c", "b"), node("x", "gone")]);
  expect(columns.map(column => column.map(one => one.id))).toEqual([["a", "x"], ["b"], ["c"], ["d"]]);
  expect(() => layers([node("a", "b"), node("b", "a")])).not.toThrow();
});
