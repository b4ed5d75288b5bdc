import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DUCKDB_DBT } from "../../../src/destinations/duckdb/dbt-adapter";
import type { DuckDbDestination } from "../../../src/destinations/duckdb/spec";
import { type Manifest, mergeRunResults, readRunResults } from "../../../src/transform/artifacts";
import { buildArgs, programOf, retryArgs } from "../../../src/transform/dbt-command";
import { isUnfinished, summarizeFreshness, summarizeRun } from "../../../src/transform/dbt-info";
import { checkManifest } from "../../../src/transform/schema-check";

const node = (unique_id: string, status: string, more = {}) => ({
  unique_id,
  status,
  execution_time: 1,
  ...more,
});
const manifestOf = (
  nodes: Manifest["nodes"],
  sources: { source_name: string; schema: string; database?: string }[] = [],
): Manifest => ({
  nodes,
  sources: Object.fromEntries(sources.map((source, i) => [`source.${i}`, { name: "t", ...source }])),
});
const MODEL = { "model.p.a": { resource_type: "model", name: "a" } };

describe("results of a run", () => {
  test("a warning is expected only by its own meta, wherever dbt keeps it", () => {
    const manifest = manifestOf({
      "test.p.a": {
        resource_type: "test",
        name: "a",
        config: { meta: { expected_warning: true, reason: "why" } },
      },
      "test.p.b": { resource_type: "test", name: "b", meta: { expected_warning: "True" } },
      "test.p.c_in_range": {
        resource_type: "test",
        name: "c",
        config: { meta: { expected_warning: "False" } },
      },
    });
    const results = {
      results: ["a", "b", "c_in_range"].map(name => node(`test.p.${name}`, "warn", { failures: 2 })),
    };
    const summary = summarizeRun(results, manifest);
    expect(summary.success).toBe(true);
    expect(summary.findings.map(f => [f.unique_id, f.expected_warning, f.reason])).toEqual([
      ["test.p.c_in_range", undefined, undefined],
      ["test.p.a", true, "why"],
      ["test.p.b", true, ""],
    ]);
    expect(summarizeRun(results, undefined).findings.some(f => f.expected_warning)).toBe(false);
  });

  test("successes are counted only, the worst come first, and a long list is cut and said", () => {
    const many = Array.from({ length: 150 }, (_, i) => node(`test.p.t${i}`, "skipped"));
    const summary = summarizeRun(
      {
        results: [
          ...many,
          node("model.p.ok", "success"),
          node("test.p.bad", "fail"),
          node("exposure.p.e", "no-op"),
        ],
      },
      undefined,
    );
    expect(summary).toMatchObject({
      success: false,
      counts: { skipped: 150, success: 1, fail: 1, "no-op": 1 },
    });
    expect(summary.findings).toHaveLength(100);
    expect(summary.findings[0]?.unique_id).toBe("test.p.bad");
    expect(summary.notes).toEqual(["51 more findings are in run_results.json"]);
  });

  test("merging keeps what was not retried and takes the newer status of what was", () => {
    const merged = mergeRunResults(
      { results: [node("model.p.a", "success"), node("model.p.b", "error")], elapsed_time: 2 },
      { results: [node("operation.p.h", "success"), node("model.p.b", "success")], elapsed_time: 1 },
    );
    expect(merged.results.map(r => [r.unique_id, r.status])).toEqual([
      ["model.p.a", "success"],
      ["model.p.b", "success"],
      ["operation.p.h", "success"],
    ]);
    expect(merged.elapsed_time).toBe(3);
  });

  test.each([
    [["success", "fail", "skipped"], false],
    [["success", "error"], true],
    [["success", "skipped"], true],
    [["success", "warn"], false],
  ])("%j unfinished: %s", (statuses, unfinished) => {
    expect(isUnfinished({ results: statuses.map((status, i) => node(`model.p.m${i}`, status)) })).toBe(
      unfinished,
    );
  });

  test("freshness: age of stale sources in hours, errors without values", () => {
    const summary = summarizeFreshness({
      results: [
        { unique_id: "source.p.raw.a", status: "warn", max_loaded_at_time_ago_in_s: 90_000 },
        { unique_id: "source.p.raw.b", status: "runtime error", error: "Conversion Error: '1x' is bad" },
        { unique_id: "source.p.raw.c", status: "pass" },
      ],
    });
    expect(summary.success).toBe(false);
    expect(summary.findings.map(f => f.message)).toEqual([
      "Conversion Error: '…' is bad",
      "last loaded 25 hours ago",
    ]);
  });

  test("a file cut short is said with its name", () => {
    const folder = mkdtempSync(join(tmpdir(), "tidemark-results-"));
    const path = join(folder, "run_results.json");
    writeFileSync(path, '{"results": [');
    expect(() => readRunResults(path)).toThrow(`${path} is not JSON`);
    writeFileSync(path, '{"results": [{"status": 1}]}');
    expect(() => readRunResults(path)).toThrow("results.0.unique_id");
    expect(readRunResults(join(folder, "none.json"))).toBeUndefined();
    rmSync(folder, { recursive: true });
  });
});

describe("schema names in step", () => {
  const expected = { dataset: "raw", database: "lane", project_dir: "/p" };
  test.each([
    ["same", [{ source_name: "raw", schema: "RAW", database: "lane" }], true],
    ["no sources", [], true],
    ["other schema", [{ source_name: "raw", schema: "raw_dev", database: "lane" }], false],
    ["other database", [{ source_name: "raw", schema: "raw", database: "other" }], false],
    [
      "only another source fits",
      [
        { source_name: "raw", schema: "x" },
        { source_name: "y", schema: "raw" },
      ],
      false,
    ],
    [
      "no source `raw`, one fits",
      [
        { source_name: "x", schema: "x" },
        { source_name: "y", schema: "raw" },
      ],
      true,
    ],
  ])("%s", (_, sources, fits) => {
    const check = () => checkManifest(manifestOf(MODEL, sources), expected);
    if (fits) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ code: "DBT_SCHEMA_MISMATCH" }));
  });

  test("a project with nothing to build is refused", () => {
    expect(() => checkManifest(manifestOf({}), expected)).toThrow(
      expect.objectContaining({ code: "DBT_COMPILE" }),
    );
  });

  test("DuckDB's database is named after the file", () => {
    expect(DUCKDB_DBT.database({ type: "duckdb", path: "/x/my.lake.duckdb" } as DuckDbDestination)).toBe(
      "my.lake",
    );
  });
});

describe("arguments of dbt", () => {
  const dbt = {
    project_dir: "/p",
    profiles_dir: "/q",
    target: "",
    select: "a+ tag:x",
    vars: { k: "v'; --" },
    freshness: true,
    full_refresh: true,
  };
  const folders = { target: "/t", log: "/l" };
  test("build passes selection and vars as single arguments; an empty target leaves the profile's", () => {
    const args = buildArgs(dbt, folders);
    expect(args).toEqual(
      expect.arrayContaining(["--select", "a+ tag:x", "--vars", `{"k":"v'; --"}`, "--full-refresh"]),
    );
    expect(args).not.toContain("--target");
    expect(buildArgs({ ...dbt, target: "duckdb" }, folders)).toEqual(
      expect.arrayContaining(["--target", "duckdb"]),
    );
  });
  test("retry takes selection and vars from the earlier attempt", () => {
    const args = retryArgs(dbt, folders, "/before");
    expect(args.slice(-2)).toEqual(["--state", "/before"]);
    expect(args).not.toContain("--select");
    expect(args).not.toContain("--full-refresh");
  });
  test("a Python starts dbt as the program dbt does", () => {
    expect(programOf("/venv/bin/python3.11").args.at(-1)).toContain("from dbt.cli.main import cli");
    expect(programOf("/venv/bin/dbt").args).toEqual([]);
  });
});
