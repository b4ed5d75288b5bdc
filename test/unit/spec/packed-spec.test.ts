import { randomBytes } from "node:crypto";
import { DEFAULT_GATE } from "../../../src/pipeline/gate-spec";
import type { ResolvedPipeline } from "../../../src/pipeline/spec";
import {
  assertSpecCrosses,
  PACKED_LIMIT,
  PLAIN_LIMIT,
  packSpec,
  unpackSpec,
} from "../../../src/spec/packed-spec";

/** Column hints as people write them: alike, and so of a tenth of their length when compressed. */
const hints = (count: number) =>
  Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `a_column_${i}`,
      { data_type: "text", description: `words about ${i}` },
    ]),
  );

function spec(more: { [field: string]: unknown }): ResolvedPipeline {
  return {
    pipeline_name: "shop",
    dataset_name: "raw",
    destination: { type: "duckdb", path: "/data/x.duckdb" },
    source: { type: "rest_api", name: "api", ...more },
    transform: { dbt: { project_dir: "/dbt", target: "dev", freshness: true, vars: { a: 1 } } },
    gate: { ...DEFAULT_GATE, on_review: "wait" },
    retry: { http_attempts: 5, activity_attempts: 3 },
  } as unknown as ResolvedPipeline;
}

test("a spec of usual length crosses as it is", () => {
  const usual = spec({ resources: hints(1_000) });
  expect(packSpec(usual)).toBe(usual);
  expect(unpackSpec(usual)).toBe(usual);
});

test("a spec of five megabytes crosses as an eighth of it, with what the workflow routes by, and comes back whole", () => {
  const long = spec({ resources: hints(70_000) });
  const json = JSON.stringify(long);
  expect(json.length).toBeGreaterThan(5_000_000);
  const crossing = packSpec(long);
  expect(JSON.stringify(crossing).length).toBeLessThan(json.length / 8);
  expect(crossing).toMatchObject({
    pipeline_name: "shop",
    dataset_name: "raw",
    destination: { type: "duckdb" },
    source: { type: "rest_api", name: "api" },
    transform: { dbt: { freshness: true } },
    gate: { on_review: "wait", metrics: [] },
    retry: { http_attempts: 5, activity_attempts: 3 },
  });
  expect(crossing.source.resources).toBeUndefined();
  // As history keeps it.
  expect(JSON.stringify(unpackSpec(JSON.parse(JSON.stringify(crossing)))) === json).toBe(true);
});

test("without dbt and gate there is none in what crosses", () => {
  const { transform, gate, ...rest } = spec({ resources: hints(10_000) });
  expect(JSON.stringify(rest).length).toBeGreaterThan(PLAIN_LIMIT);
  const crossing = packSpec(rest);
  expect(Object.keys(crossing)).not.toContain("transform");
  expect(Object.keys(crossing)).not.toContain("gate");
});

test("what is too long even so is refused with its size and the way out", () => {
  const noise = randomBytes(PACKED_LIMIT).toString("base64");
  expect(() => assertSpecCrosses(spec({ noise }))).toThrow(
    expect.objectContaining({
      code: "SPEC_INVALID",
      step: "resolve",
      message: expect.stringMatching(
        /The spec of shop is too long: 1\.3 MB of JSON .*, 1\.3 MB compressed, and a run can carry 1 MB.*Split its resources/,
      ),
    }),
  );
});

test("one that was changed underway is noticed", () => {
  const crossing = packSpec(spec({ resources: hints(10_000) }));
  crossing.packed!.sha256 = "0".repeat(64);
  expect(() => unpackSpec(crossing)).toThrow(/was changed on its way/);
});
