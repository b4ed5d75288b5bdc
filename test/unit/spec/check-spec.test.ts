/** What a spec may say, beyond what the sources' own checks and the command line's tests show. */
import { isSecretRef } from "../../../src/pipeline/secret-ref";
import type { JsonObject } from "../../../src/pipeline/spec";
import { assertSpec, checkSpec, formatPath } from "../../../src/spec/check-spec";
import { checkRunInput } from "../../../src/spec/run-input";
import { resolveSecrets } from "../../../src/spec/secrets";

const code = (more: JsonObject, resource: JsonObject = {}): JsonObject => ({
  pipeline_name: "p",
  source: { type: "code", module: "./rows.ts", resources: [{ name: "rows", ...resource }] },
  ...more,
});
const problemsOf = (document: JsonObject) =>
  checkSpec(document).map(problem => `${formatPath(problem.path)}: ${problem.message}`);

test("an integer that JSON cannot hold is refused where it stands, not rounded", () => {
  const incremental = (initial_value: number) => ({ incremental: { cursor_path: "id", initial_value } });
  expect(problemsOf(code({}, incremental(2 ** 53 - 1)))).toEqual([]);
  expect(problemsOf(code({}, incremental(Number("1234567890123456789"))))).toEqual([
    expect.stringMatching(/^source\.resources\[0\]\.incremental\.initial_value: an integer beyond 2\^53/),
  ]);
});

test("hints of the run and of a resource are checked alike", () => {
  const bad = { write_disposition: { disposition: "merge", strategy: "upsrt" } } as JsonObject;
  expect(problemsOf(code(bad))).toHaveLength(1);
  expect(problemsOf(code({}, bad))).toHaveLength(1);
});

test("a reference is told from data by the variable's upper-case name", () => {
  expect(isSecretRef({ env: "API_TOKEN" })).toBe(true);
  expect(isSecretRef({ env: "prod" })).toBe(false);
  expect(isSecretRef({ env: "API_TOKEN", region: "eu" })).toBe(false);
  const lookup = { env: { API_TOKEN: "planted" }, readDltSetting: () => undefined, readSpecFile: () => ({}) };
  const { value, secrets } = resolveSecrets(
    { json: { filter: { env: "prod" }, key: { env: "API_TOKEN" } } },
    lookup,
  );
  expect(value).toEqual({ json: { filter: { env: "prod" }, key: "planted" } });
  expect(secrets).toEqual(["planted"]);
});

test("a workflow's input is checked as a whole: nothing that was mistyped is passed over", () => {
  expect(checkRunInput({ pipeline: "orders", load: false })).toEqual({ pipeline: "orders", load: false });
  expect(() => checkRunInput(null)).toThrow(/pipeline: must be the name of a spec/);
  expect(() => checkRunInput({ pipeline: "orders", resource: ["a"], retry: { http_atempts: 1 } })).toThrow(
    /2 problems.*did you mean "http_attempts".*did you mean "resources"/s,
  );
});

test("what reaches Temporal has bounds: attempts, and names that become ids and summaries", () => {
  const attempts = (activity_attempts: unknown) =>
    problemsOf(code({ retry: { activity_attempts } } as JsonObject));
  expect(attempts(0)).toEqual([]);
  for (const bad of [-1, 1.5, 1001, "5", null, [], Number.NaN]) {
    expect(attempts(bad)).toEqual([
      "retry.activity_attempts: must be a whole number from 0 to 1000; 0 means no limit",
    ]);
  }
  expect(problemsOf(code({ retry: { http_attempts: 0 } }))).toEqual([
    "retry.http_attempts: must be a whole number from 1 to 100",
  ]);
  expect(problemsOf(code({ dataset_name: "d".repeat(201) }))).toEqual([
    "dataset_name: must be at most 200 characters long",
  ]);
  for (const name of ["a\u0000b", "a\nb", "\ud800"]) {
    expect(problemsOf(code({ pipeline_name: name }))).toEqual([
      expect.stringMatching(/^pipeline_name: must not hold control characters/),
    ]);
  }
  expect(problemsOf(code({ pipeline_name: "日本 😀" }))).toEqual([]);
});

test("a document of nothing but mistakes makes a message that can be read, and soon", () => {
  const keys = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, i]));
  expect(() => assertSpec(code({ ...keys, ["x".repeat(1_000_000)]: 1 }), "The spec")).toThrow(
    /^The spec has 20001 problems:\n(.+\n){50} {2}… and 19951 more$/,
  );
}, 2_000);
