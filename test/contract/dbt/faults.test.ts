/** What runDbt does when dbt does not do its work: on the real dbt, with a project of a few models. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DuckDBInstance } from "@duckdb/node-api";
import type { TidemarkError } from "../../../src/pipeline/errors";
import { dbtPython, type Lane, loadPostsAndComments, openLane, writeProject } from "./dbt-lane";

const COUNTED =
  "{{ config(materialized='table', post_hook=\"insert into counting.runs values ('{{ this.name }}')\") }}";
/** Runs for minutes where SLOW is set, else at once. */
const SLOW = `{{ config(materialized='table') }}
  select count(*) as n from range({{ 10000000000000 if env_var('SLOW', '') else 10 }}) as t(i) where i % 7 = 1`;

async function failure(run: Promise<unknown>): Promise<TidemarkError> {
  return run.then(
    () => {
      throw new Error("it succeeded");
    },
    error => error as TidemarkError,
  );
}

function alive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return !/\) Z /.test(stat);
  } catch {
    return false;
  }
}

async function untilRunning(stateDir: string): Promise<number> {
  const output = () => {
    const attempts = join(stateDir, "attempts");
    const last = existsSync(attempts) ? readdirSync(attempts).sort().at(-1) : undefined;
    const log = last && join(attempts, last, "output.log");
    return log && existsSync(log) ? readFileSync(log, "utf8") : "";
  };
  while (!/LogStartLine/.test(output())) await sleep(50);
  await sleep(300);
  return JSON.parse(readFileSync(join(stateDir, "process.json"), "utf8")).pid;
}

describe("dbt that fails", () => {
  let lane: Lane;
  let project: string;
  const spec = (project_dir: string, more = {}) => ({
    ...lane.options().dbt,
    project_dir,
    profiles_dir: project_dir,
    ...more,
  });

  beforeAll(async () => {
    lane = openLane();
    await loadPostsAndComments(lane);
    await lane.sql("CREATE SCHEMA counting; \n CREATE TABLE counting.runs (model VARCHAR)");
    project = writeProject(lane.folder, {
      "models/good.sql": `${COUNTED} select id from {{ source('raw', 'rest_posts') }}`,
      "models/flaky.sql": `${COUNTED} select cast(title as int) as n from raw.switch`,
      "models/after_flaky.sql": `${COUNTED} select * from {{ ref('flaky') }}`,
      "models/slow.sql": SLOW,
      "models/m.yml":
        "version: 2\nmodels:\n  - name: good\n    columns: [{name: id, data_tests: [unique]}]\n",
    });
  });
  afterAll(() => lane.remove());

  test("a failed model is thrown, and the next attempt redoes only it and what it held up", async () => {
    await lane.sql("CREATE TABLE raw.switch AS SELECT 'PLANTED title' AS title");
    const options = lane.options({ dbt: spec(project, { exclude: "slow" }) });
    const error = await failure(lane.dbt(options));
    expect(error).toMatchObject({ code: "DBT_CRASHED", kind: "transient" });
    expect(error.message).toMatch(/model\.small\.flaky .*Conversion Error.*1 more were skipped/);
    expect(error.message).not.toMatch(/PLANTED/);

    // The last attempt reports instead of throwing.
    const last = await lane.dbt({ ...options, lastAttempt: true });
    expect(last).toMatchObject({ success: false, retried: true, counts: { error: 1, skipped: 1 } });
    expect(JSON.stringify(last)).not.toMatch(/PLANTED/);

    await lane.sql("UPDATE raw.switch SET title = '12'");
    const info = await lane.dbt(options);
    expect(info).toMatchObject({ success: true, retried: true, command: "dbt retry", findings: [] });
    expect(info.counts).toEqual({ success: 3, pass: 1 });
    expect(
      await lane.sql("SELECT model, count(*)::INT AS n FROM counting.runs GROUP BY 1 ORDER BY 1"),
    ).toEqual([
      { model: "after_flaky", n: 1 },
      { model: "flaky", n: 1 },
      { model: "good", n: 1 },
    ]);
    // The published results cover all attempts.
    expect(JSON.parse(readFileSync(info.run_results_path!, "utf8")).results).toHaveLength(4);

    // An attempt whose report was lost is taken over; dbt does not run again.
    const again = await lane.dbt({ ...options, executable: "/nowhere/dbt" });
    expect(again).toMatchObject({ success: true, counts: { success: 3, pass: 1 } });
  });

  test("a dbt left running by a killed worker is ended first, then the build starts over", async () => {
    const {
      signal: _,
      onProgress: __,
      withTurn: ___,
      ...plain
    } = lane.options({
      dbt: spec(project, { select: "good slow" }),
    });
    const worker = spawn(
      process.execPath,
      [
        "--import",
        "tsx",
        join(__dirname, "killed-worker.ts"),
        JSON.stringify({ ...plain, env: { ...plain.env, SLOW: "1" } }),
      ],
      { stdio: "ignore" },
    );
    const left = await untilRunning(plain.stateDir);
    worker.kill("SIGKILL");
    await sleep(100);
    expect(alive(left)).toBe(true);
    const info = await lane.dbt(plain);
    expect(alive(left)).toBe(false);
    expect(info).toMatchObject({ success: true, counts: { success: 2, pass: 1 } });
    expect(info.notes).toContain(`ended a dbt that an earlier attempt had left running (process ${left})`);
  });

  test("an abort ends dbt before it rejects with the signal's reason", async () => {
    const controller = new AbortController();
    const options = lane.options({ dbt: spec(project, { select: "slow" }), signal: controller.signal });
    const run = failure(lane.dbt({ ...options, env: { ...options.env, SLOW: "1" } }));
    const pid = await untilRunning(options.stateDir);
    const reason = new Error("cancelled");
    controller.abort(reason);
    expect(await run).toBe(reason);
    expect(alive(pid)).toBe(false);
    expect(existsSync(join(options.stateDir, "process.json"))).toBe(false);
  });

  test("a file that another process holds is a transient error naming the holder", async () => {
    const instance = await DuckDBInstance.create(lane.duckdb.path);
    try {
      const error = await failure(lane.dbt({ dbt: spec(project, { select: "good" }) }));
      expect(error).toMatchObject({ code: "DESTINATION_BUSY", kind: "transient" });
      expect(error.message).toContain(`PID ${process.pid}`);
    } finally {
      instance.closeSync();
    }
  });

  test("compile error, unmatched selection, missing program, missing project: terminal, with what to do", async () => {
    const broken = writeProject(join(lane.folder, "broken"), {
      "models/one.sql": "select * from {{ ref('missing_model') }}",
    });
    const compile = await failure(lane.dbt({ dbt: spec(broken) }));
    expect(compile).toMatchObject({ code: "DBT_COMPILE", kind: "terminal" });
    expect(compile.message).toMatch(/missing_model/);

    const nothing = await failure(lane.dbt({ dbt: spec(project, { select: "no_such_model" }) }));
    expect(nothing).toMatchObject({ code: "DBT_COMPILE" });
    expect(nothing.message).toMatch(/built nothing.*no_such_model/);

    const missing = await failure(lane.dbt({ dbt: spec(project), executable: "/nowhere/bin/dbt" }));
    expect(missing).toMatchObject({ code: "DBT_MISSING" });
    expect(missing.message).toMatch(/ENOENT.*pip install/);

    const elsewhere = await failure(lane.dbt({ dbt: spec("/nowhere/project") }));
    expect(elsewhere).toMatchObject({ code: "DBT_COMPILE" });
    expect(elsewhere.message).toMatch(/dbt_project\.yml/);
  });

  test("a source in another schema or another database is noticed before anything is built", async () => {
    const mismatched = writeProject(join(lane.folder, "mismatched"), {
      "models/sources.yml":
        "version: 2\nsources:\n  - name: raw\n    schema: elsewhere\n    tables: [{ name: rest_posts }]\n",
      "models/one.sql": "{{ config(schema='wrong') }} select 1 as a",
    });
    const error = await failure(lane.dbt({ dbt: spec(mismatched), executable: dbtPython() }));
    expect(error).toMatchObject({ code: "DBT_SCHEMA_MISMATCH", kind: "terminal" });
    expect(error.message).toMatch(/loads into lane\.raw, but dbt's sources read raw → lane\.elsewhere/);
    expect(
      await lane.sql("SELECT 1 FROM information_schema.schemata WHERE schema_name = 'analytics_wrong'"),
    ).toEqual([]);
  });
});
