import type { DestinationSession } from "../../../src/destinations/destination";
import { decideGate, type GateResults } from "../../../src/gate/decide";
import { collectMetrics, metricsSql } from "../../../src/gate/metrics";
import { renderPacket } from "../../../src/gate/packet";
import { TidemarkError } from "../../../src/pipeline/errors";
import type { DbtNodeResult, GateMetrics } from "../../../src/pipeline/infos";
import { DEFAULT_THRESHOLDS } from "../../../src/pipeline/spec";

const GOOD: GateMetrics = { claim_service_lines: 10, max_allowed_ratio: 5, freshness_minutes: 60 };
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

describe("the gate's rules", () => {
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
    ["stale", results(), { ...GOOD, freshness_minutes: 60.5 }, "review", 88],
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
    const gate = decideGate(dbt, metrics, DEFAULT_THRESHOLDS);
    expect(gate).toMatchObject({ decision, score });
    expect(gate.reasons.length).toBeGreaterThan(0);
  });

  test("thresholds are the caller's", () => {
    const strict = { ...DEFAULT_THRESHOLDS, min_claim_lines: 11, max_expected_warnings: 0 };
    expect(decideGate(results(expectedWarning), GOOD, strict)).toMatchObject({
      decision: "block",
      score: 50,
    });
  });
});

describe("metrics", () => {
  const session = (answer: (sql: string) => { [column: string]: unknown }[]) =>
    ({ query: async (sql: string) => answer(sql) }) as unknown as DestinationSession;
  const place = { destination_type: "duckdb", dataset: "raw", analytics_schema: "analytics" };

  test("what is not there gives no metric; 64-bit counts and nulls are taken as they are", async () => {
    const metrics = await collectMetrics(
      session(sql => {
        if (sql.includes("stg_claims")) return [{ value: 12n }];
        if (sql.includes("mart_claims")) return [{ value: null }];
        throw new TidemarkError("DESTINATION_REFUSED", "the table _dlt_loads is not in the dataset");
      }),
      place,
    );
    expect(metrics).toEqual({ claim_service_lines: 12 });
  });

  test("anything but a missing table is thrown", async () => {
    const busy = new TidemarkError("DESTINATION_BUSY", "held");
    await expect(
      collectMetrics(
        session(() => {
          throw busy;
        }),
        place,
      ),
    ).rejects.toBe(busy);
  });

  test("names are quoted in the destination's way", () => {
    const odd = { dataset: 'r"w', analytics_schema: "a`b" };
    expect(metricsSql({ ...odd, destination_type: "duckdb" }).freshness_minutes).toContain(
      'FROM "r""w"."_dlt_loads"',
    );
    expect(metricsSql({ ...odd, destination_type: "databricks" }).claim_service_lines).toContain(
      "FROM `a``b`.`stg_claims`",
    );
  });
});

test("the packet holds all its parts, and foreign text cannot break its tables", () => {
  const dbt = {
    command: "dbt build",
    ...results(finding("fail", { message: "line one\n| bar | `code`" }), expectedWarning),
  };
  const gate = decideGate(dbt, { claim_service_lines: 10 }, DEFAULT_THRESHOLDS);
  const packet = renderPacket(gate, {
    title: "demo",
    thresholds: DEFAULT_THRESHOLDS,
    dbt,
    freshness: { counts: { pass: 2 }, findings: [] },
    decided_at: "2026-01-01T00:00:00.000Z",
  });
  for (const part of ["Summary", "Evidence", "Actions", "Metrics", "Prompt"])
    expect(packet).toContain(`\n## ${part}\n`);
  expect(packet).toContain("| fail_x | fail | line one \\| bar \\| 'code' |");
  expect(packet).toContain("| warn_x | warn (expected) | reversals |");
  expect(packet).toContain("| freshness_minutes | missing | at most 60 |");
  expect(packet).toContain("Do not use these marts");
});
