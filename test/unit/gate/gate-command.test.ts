import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { GateRules } from "../../../src/gate/decide";
import { type GateCommandOptions, runGateCommand } from "../../../src/gate/gate-command";
import { reviewWith, splitCommand } from "../../../src/gate/review";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-gate-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const file = (name: string, content: unknown) => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};
const gate = (options: Partial<GateCommandOptions>) =>
  runGateCommand({
    output: join(folder, "out", "packet.md"),
    env: { PATH: process.env.PATH ?? "" },
    binding: { now: NOW, maxAgeMinutes: 60 },
    rules: RULES,
    ...options,
  });
const NOW = new Date("2026-01-01T06:00:00Z");
const RULES: GateRules = {
  max_expected_warnings: 3,
  metrics: [{ name: "orders", min: 1, severity: "block", on_missing: "block" }],
};
const METRICS = { orders: 5 };
const OF_NOW = {
  metadata: {
    generated_at: "2026-01-01T05:50:00Z",
    invocation_id: "inv-1",
    env: {} as { [name: string]: string },
  },
  args: { which: "build", vars: {} as unknown },
};
const RESULTS = {
  ...OF_NOW,
  results: [
    { unique_id: "test.p.t.1", status: "warn" },
    { unique_id: "model.p.m", status: "success" },
  ],
};

describe("tidemark gate", () => {
  test("decides from files; the manifest beside run_results says what is expected", async () => {
    const runResults = file("run_results.json", RESULTS);
    const metrics = file("metrics.json", METRICS);
    expect(await gate({ runResults, metrics })).toMatchObject({ decision: "review", exitCode: 0 });
    file("manifest.json", {
      nodes: {
        "test.p.t.1": { resource_type: "test", name: "t", config: { meta: { expected_warning: true } } },
      },
      sources: {},
    });
    const result = await gate({ runResults, metrics });
    expect(result.decision).toBe("promote");
    expect(readFileSync(result.packetPath, "utf8")).toMatch(/^# Quality gate: promote/);
  });

  test("a block fails only where asked", async () => {
    const runResults = file("run_results.json", {
      ...OF_NOW,
      results: [{ unique_id: "model.p.m", status: "error" }],
    });
    const metrics = file("metrics.json", METRICS);
    expect(await gate({ runResults, metrics })).toMatchObject({ decision: "block", exitCode: 0 });
    expect(await gate({ runResults, metrics, failOnBlock: true })).toMatchObject({ exitCode: 1 });
  });

  test("--sample promotes and says that it is one; without it nothing is made up", async () => {
    const sample = await gate({ sample: true, failOnBlock: true });
    expect(sample).toMatchObject({ decision: "promote", exitCode: 0 });
    expect(readFileSync(sample.packetPath, "utf8")).toContain("made-up");
    const runResults = file("run_results.json", {
      ...OF_NOW,
      results: [{ unique_id: "model.p.m", status: "success" }],
    });
    expect(await gate({ runResults })).toMatchObject({ decision: "block" });
    expect(await gate({ runResults, metrics: file("m.json", { orders: null }) })).toMatchObject({
      decision: "block",
    });
  });

  test.each([
    ["no --run-results", () => ({}), /--run-results FILE/],
    ["a missing file", () => ({ runResults: join(folder, "none.json") }), /There is no .*none\.json/],
    ["no JSON", () => ({ runResults: file("r.json", "{") }), /r\.json is not JSON/],
    ["another file", () => ({ runResults: file("r.json", []) }), /does not look like an artifact of dbt/],
    [
      "a missing metrics file",
      () => ({ sample: false, runResults: file("r.json", RESULTS), metrics: "/nowhere/m.json" }),
      /no metrics file/,
    ],
    [
      "a metric that is text",
      () => ({ runResults: file("r.json", RESULTS), metrics: file("m.json", { orders: "5" }) }),
      /orders is not a number/,
    ],
    [
      "a missing manifest that was named",
      () => ({ runResults: file("r.json", RESULTS), manifest: "/nowhere/manifest.json" }),
      /no \/nowhere\/manifest/,
    ],
    [
      "an open quote",
      () => ({ sample: true, reviewWith: "ask 'me" }),
      /--review-with: the quote ' is not closed/,
    ],
    [
      "a place that cannot be written",
      () => ({ sample: true, output: join(file("f", "x"), "packet.md") }),
      /could not be written/,
    ],
  ])("%s is GATE_INPUT", async (_, options, message) => {
    await expect(gate(options())).rejects.toMatchObject({
      code: "GATE_INPUT",
      message: expect.stringMatching(message),
    });
  });

  test("without a pipeline dbt's results are judged alone, and numbers without rules are refused", async () => {
    const runResults = file("run_results.json", {
      ...OF_NOW,
      results: [{ unique_id: "model.p.m", status: "success" }],
    });
    expect(await gate({ runResults, rules: undefined })).toMatchObject({ decision: "promote" });
    await expect(gate({ runResults, rules: undefined, metrics: file("m.json", METRICS) })).rejects.toThrow(
      /numbers without rules decide nothing.*--pipeline/,
    );
    await expect(gate({ runResults, metrics: file("m.json", { ordres: 1 }) })).rejects.toThrow(
      /unknown metric "ordres"; did you mean "orders"/,
    );
  });

  test.each<[string, object, Partial<GateCommandOptions["binding"]>, RegExp | undefined]>([
    [
      "a file of 2020",
      { metadata: { ...OF_NOW.metadata, generated_at: "2020-05-01T00:00:00Z" } },
      {},
      /2071 days ago; at most 60 minutes/,
    ],
    [
      "a file of 2020 that may be so old",
      { metadata: { ...OF_NOW.metadata, generated_at: "2020-05-01T00:00:00Z" } },
      { maxAgeMinutes: 1e9 },
      undefined,
    ],
    [
      "a file of tomorrow",
      { metadata: { ...OF_NOW.metadata, generated_at: "2026-01-02T00:00:00Z" } },
      {},
      /yet to come here/,
    ],
    ["no metadata", { metadata: null }, {}, /does not say when and by which dbt invocation/],
    [
      "dbt compile",
      { args: { which: "compile", vars: {} } },
      {},
      /is of `dbt compile`, which builds and tests nothing/,
    ],
    ["another invocation", {}, { invocationId: "inv-2" }, /is of dbt invocation inv-1, and invocation inv-2/],
    ["this invocation", {}, { invocationId: "inv-1" }, undefined],
    ["a job run that dbt was not told", {}, { jobRunId: "77" }, /does not say of which job run/],
    [
      "another job run",
      { args: { which: "build", vars: { tidemark_run_id: 76 } } },
      { jobRunId: "77" },
      /is of job run 76, and job run 77/,
    ],
    [
      "this job run, by vars",
      { args: { which: "build", vars: { tidemark_run_id: 77 } } },
      { jobRunId: "77" },
      undefined,
    ],
    [
      "this job run, by vars as text",
      { args: { which: "build", vars: "{raw_schema: raw, tidemark_run_id: '77'}" } },
      { jobRunId: "77" },
      undefined,
    ],
    [
      "this job run, by dbt's environment",
      { metadata: { ...OF_NOW.metadata, env: { TIDEMARK_RUN_ID: "77" } } },
      { jobRunId: "77" },
      undefined,
    ],
  ])("%s", async (_, more, binding, refused) => {
    const runResults = file("run_results.json", {
      ...OF_NOW,
      results: [{ unique_id: "model.p.m", status: "success" }],
      ...more,
    });
    const judged = gate({
      runResults,
      metrics: file("m.json", METRICS),
      binding: { now: NOW, maxAgeMinutes: 60, ...binding },
    });
    if (refused === undefined) expect((await judged).decision).toBe("promote");
    else
      await expect(judged).rejects.toMatchObject({
        code: "GATE_INPUT",
        message: expect.stringMatching(refused),
      });
  });

  test("a reviewer reads the prompt, and its answer is appended as a quotation", async () => {
    const result = await gate({
      sample: true,
      reviewWith: `${process.execPath} -e 'process.stdin.on("data", d => console.log("# Quality gate: block\\n" + /Decision: \\w+/.exec(d)[0]))'`,
    });
    expect(result.decision).toBe("promote");
    const packet = readFileSync(result.packetPath, "utf8");
    expect(packet).toMatch(
      /## Reviewer's answer\n\n.*the decision stands\.\n\n> # Quality gate: block\n> Decision: promote/,
    );
  });

  test("a reviewer that is missing, fails, hangs or does not read changes nothing", async () => {
    const env = { PATH: process.env.PATH ?? "" };
    const prompt = "x".repeat(1_000_000);
    const ask = (command: string[], timeoutMs = 5_000) => reviewWith(command, prompt, { timeoutMs, env });
    expect(await ask(["/nowhere/llm"])).toEqual({
      ok: false,
      problem: "/nowhere/llm could not be started (ENOENT)",
    });
    expect(await ask(["false"])).toEqual({ ok: false, problem: "false ended with exit code 1" });
    expect(await ask(["sleep", "60"], 100)).toEqual({
      ok: false,
      problem: "sleep did not answer within 0.1 s",
    });
    expect(await ask(["true"])).toEqual({ ok: true, text: "" });
  });

  test("commands are split without a shell", () => {
    expect(splitCommand(`llm -m 'a b' "c \\"d\\" $HOME" e\\ f '' x"y"'z'`)).toEqual([
      "llm",
      "-m",
      "a b",
      'c "d" $HOME',
      "e f",
      "",
      "xyz",
    ]);
    expect(splitCommand("a; rm -rf * | b")).toEqual(["a;", "rm", "-rf", "*", "|", "b"]);
    expect(() => splitCommand("  ")).toThrow("empty");
  });
});
