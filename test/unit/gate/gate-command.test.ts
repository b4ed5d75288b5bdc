import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
    now: new Date(0),
    ...options,
  });
const METRICS = { claim_service_lines: 5, max_allowed_ratio: 0.5, freshness_minutes: 1 };
const RESULTS = {
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
    const runResults = file("run_results.json", { results: [{ unique_id: "model.p.m", status: "error" }] });
    const metrics = file("metrics.json", METRICS);
    expect(await gate({ runResults, metrics })).toMatchObject({ decision: "block", exitCode: 0 });
    expect(await gate({ runResults, metrics, failOnBlock: true })).toMatchObject({ exitCode: 1 });
  });

  test("--sample promotes and says that it is one; without it nothing is made up", async () => {
    const sample = await gate({ sample: true, failOnBlock: true });
    expect(sample).toMatchObject({ decision: "promote", exitCode: 0 });
    expect(readFileSync(sample.packetPath, "utf8")).toContain("made-up");
    const runResults = file("run_results.json", { results: [{ unique_id: "model.p.m", status: "success" }] });
    expect(await gate({ runResults })).toMatchObject({ decision: "block" });
    expect(await gate({ runResults, metrics: file("m.json", { claim_service_lines: null }) })).toMatchObject({
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
      () => ({ runResults: file("r.json", RESULTS), metrics: file("m.json", { freshness_minutes: "5" }) }),
      /freshness_minutes is not a number/,
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
