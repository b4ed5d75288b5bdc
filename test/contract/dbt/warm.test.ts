/** The dbt that stays in memory: what it spares, what it leaves behind (nothing), and who takes its place when it breaks. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TidemarkError } from "../../../src/pipeline/errors";
import type { DbtInfo, ProgressEvent } from "../../../src/pipeline/infos";
import type { RunDbtOptions } from "../../../src/transform/run-dbt";
import { pythonOf, WARM_LIMITS, warmRunner } from "../../../src/transform/warm-dbt";
import { dbtPython, type Lane, loadPostsAndComments, openLane, writeProject } from "./dbt-lane";

/** Process numbers that dbt's own log names, in order. */
function pids(stateDir: string): number[] {
  const attempts = join(stateDir, "attempts");
  return readdirSync(attempts)
    .sort()
    .flatMap(number => [
      ...readFileSync(join(attempts, number, "output.log"), "utf8").matchAll(/"pid": (\d+)/g),
    ])
    .map(([, pid]) => Number(pid))
    .filter((pid, i, all) => pid !== all[i - 1]);
}

function alive(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

async function running(stateDir: string, word: string): Promise<number> {
  const record = join(stateDir, "process.json");
  const log = join(stateDir, "attempts", "0001", "output.log");
  while (!existsSync(log) || !readFileSync(log, "utf8").includes(word)) await sleep(50);
  return JSON.parse(readFileSync(record, "utf8")).pid;
}

describe("a warm dbt", () => {
  let lane: Lane;
  let project: string;
  const runner = warmRunner("duckdb");
  const options = (more: Partial<RunDbtOptions> = {}, select = "one"): RunDbtOptions =>
    lane.options({
      dbt: { ...lane.options().dbt, project_dir: project, profiles_dir: project, select },
      runner,
      ...more,
    });
  const dbt = (more: Partial<RunDbtOptions> = {}, select = "one"): Promise<DbtInfo> =>
    lane.dbt(options(more, select));
  const refusal = (run: Promise<unknown>): Promise<TidemarkError> =>
    run.then(
      () => {
        throw new Error("it succeeded");
      },
      error => error as TidemarkError,
    );

  beforeAll(async () => {
    lane = openLane();
    await loadPostsAndComments(lane);
    project = writeProject(lane.folder, {
      "models/one.sql": "{{ config(materialized='table') }} select id from {{ source('raw', 'rest_posts') }}",
      "models/misspelt.sql": "select idd from {{ source('raw', 'rest_posts') }}",
      "models/secretive.sql":
        "{% if execute %}{% do log('it is ' ~ env_var('PLANTED')) %}{% endif %} select 1 as n",
      "models/slow.sql":
        "{{ config(materialized='table') }} select count(*) as n from range(10000000000000) as t(i) where i % 7 = 1",
      "profiles.yml": readFileSync(join(__dirname, "../../../dbt/profiles.yml"), "utf8").replace(
        "type: duckdb\n",
        // The file is let go of all the same.
        "type: duckdb\n      keep_open: true\n",
      ),
    });
  });
  afterAll(() => lane.remove());

  test("one process runs step after step, parses once, and holds neither file nor environment between them", async () => {
    const events: ProgressEvent[] = [];
    const first = options({ onProgress: event => events.push(event) });
    const info = await lane.dbt(first);
    expect(info.nodes).toEqual([
      { unique_id: "model.small.one", status: "success", seconds: expect.any(Number) },
    ]);
    const done = events.findLast(event => event.nodes !== undefined)?.nodes;
    expect(done).toMatchObject({ done: 1, total: 1, failed: [], slowest: [{ name: "one" }] });
    // Another process can write the file now.
    await lane.sql("CREATE OR REPLACE TABLE raw.other AS SELECT 1 AS n");

    const second = options({ env: { ...first.env, PLANTED: "flag-7261" } }, "secretive");
    await lane.dbt(second);
    const [pid, ...others] = [...pids(first.stateDir), ...pids(second.stateDir)].filter(
      (one, i, all) => all.indexOf(one) === i,
    );
    expect(others).toEqual([]);
    expect(readFileSync(`/proc/${pid}/environ`, "utf8")).not.toContain("PLANTED");
    const without = await refusal(dbt({}, "secretive"));
    expect(without.message).toMatch(/Env var required but not provided: 'PLANTED'/);

    // The second step did not parse in full: its log says nothing of a missing or unusable parse.
    const log = (stateDir: string) =>
      readFileSync(join(stateDir, "attempts", "0001", "output.log"), "utf8").match(
        /"Unable to do partial parsing/g,
      );
    expect(log(first.stateDir)).toHaveLength(1);
    expect(log(second.stateDir)).toBeNull();
    const kept = readdirSync(join(lane.folder, "cache", "parsed"));
    expect(kept).toHaveLength(1);
    expect(statSync(join(lane.folder, "cache", "parsed", kept[0]!)).mode & 0o077).toBe(0);
  });

  test("a misspelt column is told at once and not repeated", async () => {
    const error = await refusal(dbt({}, "misspelt"));
    expect(error).toMatchObject({ code: "DBT_SQL", kind: "terminal" });
    expect(error.message).toMatch(/model\.small\.misspelt .*Referenced column "idd" not found/);
  });

  test("a process that hangs, dies or is interrupted is replaced; what it ran goes on in another", async () => {
    const impatient = warmRunner("duckdb", { ...WARM_LIMITS, silentMs: 3_000 });
    const hanging = options({ runner: impatient }, "slow");
    const hung = refusal(lane.dbt(hanging));
    const first = await running(hanging.stateDir, "LogStartLine");
    process.kill(-first, "SIGSTOP");
    const error = await hung;
    expect(error).toMatchObject({ code: "DBT_CRASHED", kind: "transient" });
    expect(error.message).toContain("gave no sign of life for 3 s");
    expect(alive(first)).toBe(false);

    const dying = options({}, "slow");
    const died = refusal(lane.dbt(dying));
    const second = await running(dying.stateDir, "LogStartLine");
    process.kill(second, "SIGKILL");
    expect(await died).toMatchObject({ code: "DBT_CRASHED" });

    const stopping = new AbortController();
    const cancelled = options({ signal: stopping.signal }, "slow");
    const stopped = lane.dbt(cancelled).catch(reason => reason);
    const third = await running(cancelled.stateDir, "LogStartLine");
    stopping.abort("enough");
    expect(await stopped).toBe("enough");
    expect(alive(third)).toBe(false);
    expect(new Set([first, second, third]).size).toBe(3);

    expect((await dbt()).success).toBe(true);
  });

  test("one that has grown is not used again", async () => {
    const small = warmRunner("duckdb", { ...WARM_LIMITS, memoryBytes: 1 });
    const run = options({ runner: small });
    await lane.dbt(run);
    const [parse, build] = pids(run.stateDir);
    expect(build).not.toBe(parse);
    await sleep(1_500);
    expect([parse, build].filter(pid => alive(pid!))).toEqual([]);
  });

  test("it ends with its worker, also in the middle of a command", async () => {
    const { signal: _, onProgress: __, runner: ___, withTurn: ____, ...plain } = options({}, "slow");
    const script = join(__dirname, "killed-worker.ts");
    const worker = spawn(process.execPath, ["--import", "tsx", script, JSON.stringify(plain)], {
      stdio: "ignore",
    });
    const left = await running(plain.stateDir, "LogStartLine");
    worker.kill("SIGKILL");
    for (const end = Date.now() + 15_000; alive(left) && Date.now() < end; ) await sleep(100);
    expect(alive(left)).toBe(false);
  });

  test("the program dbt is run by its Python; another program is run as it is", () => {
    expect(pythonOf(dbtPython())).toBe(dbtPython());
    expect(pythonOf(join(dbtPython(), "..", "dbt"))).toMatch(/\/bin\/python[0-9.]*$/);
    expect(pythonOf("/bin/sh")).toBeUndefined();
    expect(pythonOf("dbt")).toBeUndefined();
  });
});
