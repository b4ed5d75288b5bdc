/** Which command an attempt runs, judged by what the earlier one left. No dbt is needed: it is missing on purpose. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runDbt } from "../../../src/transform/run-dbt";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-retry-"));
  writeFileSync(join(folder, "dbt_project.yml"), "");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Kind of the attempt that follows one which left `results` (text: the file as it stands). */
async function nextKind(results: { [unique_id: string]: string } | string): Promise<string> {
  const stateDir = join(folder, "state");
  const target = join(stateDir, "attempts", "0001", "target");
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, "..", "attempt.json"), '{"kind":"full"}');
  const list = typeof results === "string" ? [] : Object.entries(results);
  writeFileSync(
    join(target, "run_results.json"),
    typeof results === "string"
      ? results
      : JSON.stringify({ results: list.map(([unique_id, status]) => ({ unique_id, status })) }),
  );
  await expect(
    runDbt({
      kind: "build",
      dbt: { project_dir: folder, profiles_dir: folder, target: "", freshness: false, full_refresh: false },
      executable: join(folder, "no-dbt"),
      env: {},
      dataset: "raw",
      destination: { type: "duckdb", environment: { DUCKDB_PATH: join(folder, "x.duckdb") } },
      stateDir,
      cacheDir: join(folder, "cache"),
      signal: new AbortController().signal,
      onProgress: () => {},
    }),
  ).rejects.toMatchObject({ code: "DBT_MISSING" });
  return JSON.parse(readFileSync(join(stateDir, "attempts", "0002", "attempt.json"), "utf8")).kind;
}

test("failed or skipped nodes are redone", async () => {
  expect(await nextKind({ "model.p.a": "success", "model.p.b": "error", "model.p.c": "skipped" })).toBe(
    "retry",
  );
});

test("an interrupted attempt, whose nodes were skipped only, is continued", async () => {
  expect(await nextKind({ "model.p.a": "success", "model.p.b": "skipped" })).toBe("retry");
});

test("a unit test among them starts over, because a retry would run its model first", async () => {
  expect(await nextKind({ "unit_test.p.m.u": "error", "model.p.m": "skipped" })).toBe("full");
});

test("results cut short start over", async () => {
  expect(await nextKind('{"results": [{"unique_id": "mod')).toBe("full");
});
