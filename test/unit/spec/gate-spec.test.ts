/** `gate` of a spec: what is refused, with its place, and what it becomes. */
import { checkSpec, formatPath } from "../../../src/spec/check-spec";
import { gateShape, resolveGate } from "../../../src/spec/gate-spec";

const problems = (gate: unknown) =>
  checkSpec({
    pipeline_name: "p",
    source: { type: "rest_api", client: { base_url: "http://h/" }, resources: ["a"] },
    gate: gate as never,
  }).map(({ path, message }) => `${formatPath(path)}: ${message}`);
const one = (metric: object) => problems({ metrics: [{ name: "m", ...metric }] });
const resolved = (gate: object) => resolveGate(gateShape.parse(gate));

test.each([
  [{ sql: "SELECT 1; SELECT 2" }, /^gate\.metrics\[0\]\.sql: line 1:9: must be one statement/],
  [{ sql: "DELETE FROM {{ raw }}.t" }, /sql: line 1:1: must be a SELECT/],
  [{ sql: "SELECT 1 FROM {{ rwa }}.t" }, /sql: line 1:15: \{\{ rwa \}\} is not known; valid: \{\{ raw \}\}/],
  [{ sql: "SELECT 1", min: 2, max: 1 }, /min: min 2 is above max 1: no value could pass/],
  [{}, /metrics\[0\]: needs sql or builtin, and not both/],
  [{ sql: "SELECT 1", builtin: "load_age" }, /needs sql or builtin, and not both/],
  [{ builtin: "duplicate" }, /builtin: unknown built-in metric "duplicate"; did you mean "duplicates"/],
  [{ builtin: "null_share", table: "t" }, /column: null_share needs it/],
  [{ builtin: "rows_loaded", key: "id" }, /key: rows_loaded does not take it/],
  [{ sql: "SELECT 1", table: "t" }, /table: belongs to a built-in metric/],
  [{ builtin: "row_age" }, /max: row_age needs a bound/],
  [{ sql: "SELECT 1", severity: "fail" }, /severity: /],
  [{ sql: "SELECT 1", mn: 1 }, /mn: unknown key "mn"; did you mean "min"/],
  [{ name: "load_age_minutes", sql: "SELECT 1" }, /metrics\[0\]\.name: the name "load_age_minutes" is taken/],
  [{ name: "a b", sql: "SELECT 1" }, /name: must be letters/],
])("%j is refused", (metric, why) => {
  expect(one(metric).join("\n")).toMatch(why);
});

test("names are told apart, and keys of before say what took their place", () => {
  expect(
    problems({
      metrics: [
        { name: "a", sql: "SELECT 1" },
        { name: "a", sql: "SELECT 2" },
      ],
    }),
  ).toEqual([expect.stringMatching(/^gate\.metrics\[1\]\.name: the name "a" is taken/)]);
  expect(problems({ thresholds: { max_freshness_minutes: 5 } })).toEqual([
    expect.stringMatching(/^gate\.thresholds: is gone: write gate\.max_expected_warnings/),
  ]);
  expect(problems({ toString: 1 })).toEqual([expect.stringMatching(/^gate\.toString: unknown key/)]);
  expect(problems({ freshness: { max_load_age_minutes: 0 } }).join()).toMatch(/max_load_age_minutes/);
});

test("defaults: the load's age, blocked runs fail, bounds and units of built-ins", () => {
  expect(resolved({})).toEqual({
    metrics: [expect.objectContaining({ name: "load_age_minutes", max: 60, severity: "review", points: 12 })],
    max_expected_warnings: 3,
    on_review: "continue",
    fail_on_block: true,
  });
  const { metrics, fail_on_block } = resolved({
    metrics: [
      { name: "shown", sql: "SELECT 1" },
      { name: "twice", builtin: "duplicates", table: "t", key: "id", severity: "review" },
      { name: "change", builtin: "row_count_change", max: 9 },
    ],
    freshness: { max_load_age_minutes: 5, max_row_age_minutes: 90, severity: "block" },
    fail_on_block: false,
  });
  expect(fail_on_block).toBe(false);
  expect(metrics).toMatchObject([
    { name: "load_age_minutes", max: 5, severity: "block", on_missing: "block", points: 35 },
    { name: "row_age_minutes", max: 90, severity: "block" },
    { name: "shown", severity: "block", on_missing: "ignore" },
    { name: "twice", key: ["id"], max: 0, unit: "rows", severity: "review", on_missing: "review" },
    { name: "change", max: 9, on_missing: "ignore" },
  ]);
  expect(metrics[4]).not.toHaveProperty("min");
});
