import { decideGate, type GateResults } from "../../../src/gate/decide";
import { renderPacket } from "../../../src/gate/packet";
import { DEFAULT_GATE, gateOf } from "../../../src/pipeline/gate-spec";
import type { DbtNodeResult, GateMetrics } from "../../../src/pipeline/infos";
import { demoGate, demoValues } from "../../support/demo-gate";

const GOOD: GateMetrics = { claim_service_lines: 10, max_allowed_ratio: 5, load_age_minutes: 60 };
const finding = (status: string, more: Partial<DbtNodeResult> = {}): DbtNodeResult => ({
  unique_id: `test.p.${status}_x.abc`,
  resource_type: "test",
  status,
  seconds: 0,
  ...more,
});
const results = (...findings: DbtNodeResult[]): GateResults => {
  const counts: { [status: string]: number } = { success: 3 };
  for (const node of findings) counts[node.status] = (counts[node.status] ?? 0) + 1;
  return { counts, findings };
};
const expectedWarning = finding("warn", { expected_warning: true, reason: "reversals" });

describe("the gate's rules, with the demo's own metrics", () => {
  test.each<[string, GateResults | undefined, GateMetrics, string, number]>([
    ["all good, at every threshold", results(), GOOD, "promote", 100],
    [
      "three declared warnings",
      results(expectedWarning, expectedWarning, expectedWarning),
      GOOD,
      "promote",
      100,
    ],
    ["four declared warnings", results(...Array(4).fill(expectedWarning)), GOOD, "review", 85],
    [
      "a range test that declares nothing",
      results(finding("warn", { unique_id: "test.p.value_in_range_x.a" })),
      GOOD,
      "review",
      75,
    ],
    ["declared false", results(finding("warn", { expected_warning: false })), GOOD, "review", 75],
    ["a failed test", results(finding("fail")), GOOD, "block", 45],
    ["an error", results(finding("error"), finding("skipped")), GOOD, "block", 20],
    ["a runtime error", results(finding("runtime error")), GOOD, "block", 45],
    ["skipped alone", results(finding("skipped")), GOOD, "review", 75],
    ["no nodes", { counts: {}, findings: [] }, GOOD, "block", 45],
    ["no lines", results(), { ...GOOD, claim_service_lines: 0 }, "block", 65],
    ["stale", results(), { ...GOOD, load_age_minutes: 60.5 }, "review", 88],
    ["ratio", results(), { ...GOOD, max_allowed_ratio: 5.01 }, "review", 82],
    ["no metrics: never a borrowed value", results(), {}, "block", 35],
    ["no dbt in this pipeline", undefined, GOOD, "promote", 100],
    [
      "everything wrong ends at zero",
      results(finding("fail"), finding("warn"), ...Array(4).fill(expectedWarning)),
      {},
      "block",
      0,
    ],
  ])("%s", (_, dbt, metrics, decision, score) => {
    const gate = decideGate(dbt, demoValues(metrics), demoGate());
    expect(gate).toMatchObject({ decision, score });
    expect(gate.reasons.length).toBeGreaterThan(0);
  });

  test("bounds are the spec's, and every check is told with its points", () => {
    const [age, lines, ratio] = demoGate().metrics;
    const strict = {
      max_expected_warnings: 0,
      metrics: [age!, { ...lines!, min: 11 }, { ...ratio!, on_missing: "ignore" as const }],
    };
    const { checks, ...gate } = decideGate(
      results(expectedWarning),
      demoValues({ claim_service_lines: 10, load_age_minutes: 1 }),
      strict,
    );
    expect(gate).toMatchObject({
      decision: "block",
      score: 50,
      reasons: [
        "1 expected warnings, more than the 0 allowed",
        "claim_service_lines is 10; at least 11 needed",
      ],
    });
    expect(checks!.map(one => [one.name, one.decision, one.points, one.value])).toEqual([
      ["dbt_failures", "promote", 0, 0],
      ["dbt_warnings", "promote", 0, 0],
      ["dbt_expected_warnings", "review", 15, 1],
      ["load_age_minutes", "promote", 0, 1],
      ["claim_service_lines", "block", 35, 10],
      ["max_allowed_ratio", "promote", 0, undefined],
    ]);
  });

  test("a value that is missing says why, and counts as on_missing says", () => {
    const [age, lines] = demoGate().metrics;
    const info = { values: {}, missing: { claim_service_lines: "the table t is not there" } };
    const rules = { ...DEFAULT_GATE, metrics: [{ ...lines!, on_missing: "review" as const }] };
    expect(decideGate(undefined, info, rules)).toMatchObject({
      decision: "review",
      score: 82,
      reasons: ["claim_service_lines has no value (the table t is not there); at least 1 needed"],
    });
    expect(decideGate(undefined, info, { ...DEFAULT_GATE, metrics: [age!] }).reasons[0]).toMatch(
      /load_age_minutes has no value \(it was not read\); at most 60 allowed/,
    );
  });

  test("gate: {} judges dbt, its sources' freshness and the load's age, and nothing else", () => {
    const fresh = demoValues({ load_age_minutes: 0 });
    expect(decideGate(undefined, fresh, DEFAULT_GATE)).toMatchObject({ decision: "promote", score: 100 });
    expect(decideGate(results(), fresh, DEFAULT_GATE)).toMatchObject({ decision: "promote", score: 100 });
    const source = (status: string) => results(finding(status, { unique_id: "source.p.raw.orders" }));
    expect(decideGate(results(), fresh, DEFAULT_GATE, source("warn"))).toMatchObject({ decision: "promote" });
    expect(decideGate(results(), fresh, DEFAULT_GATE, source("error"))).toMatchObject({
      decision: "review",
      reasons: ["1 source(s) are stale by their own freshness rule: raw.orders"],
    });
  });

  test("a run that was begun before goes on with the limits that it had", () => {
    const before = { thresholds: { max_freshness_minutes: 7, max_expected_warnings: 1 }, on_review: "wait" };
    expect(gateOf(before as never)).toMatchObject({
      metrics: [{ name: "load_age_minutes", max: 7 }],
      max_expected_warnings: 1,
      on_review: "wait",
    });
  });
});

test("the packet holds all its parts, and foreign text cannot break its tables", () => {
  const dbt = {
    command: "dbt build",
    ...results(finding("fail", { message: "line one\n| bar | `code`" }), expectedWarning),
  };
  const gate = decideGate(dbt, demoValues({ claim_service_lines: 10 }), demoGate());
  const packet = renderPacket(gate, {
    title: "demo",
    dbt,
    freshness: { counts: { pass: 2 }, findings: [] },
    tables: [{ table: "posts", rows: 12 }],
    decided_at: "2026-01-01T00:00:00.000Z",
  });
  for (const part of ["Summary", "Evidence", "Actions", "Checks", "Loaded", "Prompt"])
    expect(packet).toContain(`\n## ${part}\n`);
  expect(packet).toContain("| fail_x | fail | line one \\| bar \\| 'code' |");
  expect(packet).toContain("| warn_x | warn (expected) | reversals |");
  expect(packet).toContain("| load_age_minutes | missing | at most 60 | review | -12 |");
  expect(packet).toContain("| claim_service_lines | 10 | at least 1 | promote | 0 |");
  expect(packet).toContain("| posts | 12 |");
  expect(packet).toContain("Do not use these marts");
});
