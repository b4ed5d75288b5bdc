/** Candidates with the real dbt: built beside what is live, from what is live, in a project that knows nothing of it. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createDuckDbDestination } from "../../../src/destinations/duckdb/duckdb-destination";
import { type Generations, suffixOf } from "../../../src/destinations/generations";
import type { DbtInfo } from "../../../src/pipeline/infos";
import type { DbtSpec } from "../../../src/pipeline/spec";
import type { RunDbtOptions } from "../../../src/transform/run-dbt";
import { type Lane, openLane, writeProject } from "./dbt-lane";

describe("a project whose candidates are published", () => {
  let lane: Lane;
  let project: string;
  let runs = 0;

  async function generations<T>(work: (of: Generations) => Promise<T>): Promise<T> {
    const quiet = { signal: new AbortController().signal, onProgress: () => {} };
    await using session = await createDuckDbDestination(lane.duckdb).open(quiet);
    return await work(session.generations!);
  }

  const options = (more: Partial<DbtSpec> = {}): RunDbtOptions => {
    const owner = { pipeline: "shop", workflow: "shop", run: `r${++runs}` };
    return lane.options({
      dbt: {
        project_dir: project,
        profiles_dir: project,
        target: "",
        freshness: false,
        full_refresh: false,
        ...more,
      },
      candidate: {
        begin: plan =>
          generations(async of => {
            const { generation } = await of.begin(plan, owner);
            return { generation, live_schema: plan.schema, suffix: suffixOf(generation) };
          }),
      },
    });
  };
  const publish = ({ candidate }: DbtInfo) =>
    generations(of => of.publish(candidate!.live_schema, candidate!.generation));
  const one = async (sql: string) => Object.values((await lane.sql(sql))[0]!)[0];
  const objects = async (schema: string) =>
    (
      await lane.sql(
        `SELECT table_name AS t FROM information_schema.tables WHERE table_schema = '${schema}' ORDER BY 1`,
      )
    ).map(row => row.t);

  beforeAll(async () => {
    lane = openLane();
    await lane.sql(
      "CREATE SCHEMA raw;\n CREATE TABLE raw.rest_posts AS SELECT i AS id, 'a' AS tier FROM range(1, 4) t(i)",
    );
    project = writeProject(lane.folder, {
      "dbt_project.yml":
        "name: shop\nversion: '1.0'\nprofile: shop\non-run-end: [\"create table if not exists {{ target.schema }}.hook__dbt_tmp as select 1 as a\"]\n",
      "profiles.yml":
        "shop: {target: dev, outputs: {dev: {type: duckdb, path: \"{{ env_var('DUCKDB_PATH') }}\", schema: shop}}}\n",
      "models/stg.sql": "select id, tier from {{ source('raw', 'rest_posts') }}",
      "models/mart.sql":
        "{{ config(materialized='table') }} select count(*)::int as n, '{{ this.schema }}' as built_in, '{{ target.schema }}' as target from {{ ref('stg') }}",
      "models/grown.sql":
        "{{ config(materialized='incremental') }} select count(*)::int as n from {{ ref('stg') }}",
      "models/aside.sql":
        "{{ config(materialized='table', schema='extra') }} select n from {{ ref('mart') }}",
      "models/shaky.sql":
        "{{ config(materialized='table') }} select cast(tier as varchar) as t, max(n) as n from {{ ref('stg') }}, {{ ref('mart') }} group by 1",
      "models/m.yml": "version: 2\nmodels:\n  - name: stg\n    columns: [{name: id, data_tests: [unique]}]\n",
      "snapshots/snap.yml":
        "snapshots:\n  - name: snap\n    relation: source('raw', 'rest_posts')\n    config: {unique_key: id, strategy: check, check_cols: [tier]}\n",
    });
  });
  afterAll(() => lane.remove());

  test("a candidate is built beside the live generation, which it becomes when it is published", async () => {
    const first = await lane.dbt(options());
    expect(first).toMatchObject({ success: true, candidate: { generation: 1, live_schema: "shop" } });
    expect(await objects("shop")).toEqual(["_tidemark_generations"]);
    expect(await objects("shop__candidate_1")).toEqual([
      "grown",
      "hook__dbt_tmp",
      "mart",
      "shaky",
      "snap",
      "stg",
    ]);
    await publish(first);
    expect(await objects("shop")).toEqual(["_tidemark_generations", "grown", "mart", "shaky", "snap", "stg"]);
    expect(await objects("shop_extra")).toEqual(["aside"]);
    expect(await lane.sql("SELECT * FROM shop.mart")).toEqual([
      { n: 3, built_in: "shop__candidate_1", target: "shop__candidate_1" },
    ]);
  });

  test("incremental models and snapshots go on from what is live; readers see it when it is published", async () => {
    await lane.sql(
      "INSERT INTO raw.rest_posts VALUES (4, 'a');\n UPDATE raw.rest_posts SET tier = 'b' WHERE id = 1",
    );
    const run = options();
    const second = await lane.dbt(run);
    expect(await one("SELECT count(*)::int FROM shop.grown")).toBe(1);
    await publish(second);
    expect(await lane.sql("SELECT n FROM shop.grown ORDER BY 1")).toEqual([{ n: 3 }, { n: 4 }]);
    expect(await one("SELECT count(*)::int FROM shop.snap WHERE id = 1")).toBe(2);
    // A candidate of its own each time, and yet the project is not parsed again.
    const logs = readdirSync(join(run.stateDir, "attempts")).map(n =>
      join(run.stateDir, "attempts", n, "output.log"),
    );
    expect(logs.map(log => readFileSync(log, "utf8")).join("")).not.toMatch(/Unable to do partial parsing/);
  });

  test("a selection is built on what is live, and the rest stays", async () => {
    await lane.sql("INSERT INTO raw.rest_posts VALUES (5, 'a')");
    const part = await lane.dbt(options({ select: "aside" }));
    expect(part.nodes?.map(node => node.unique_id)).toEqual(["model.shop.aside"]);
    await publish(part);
    // Its parent was not selected: it is the live one, of before the last row.
    expect(await one("SELECT n FROM shop_extra.aside")).toBe(4);
    expect(await one("SELECT n FROM shop.mart")).toBe(4);
  });

  test("an attempt that comes after a failed node redoes only that, in the same candidate", async () => {
    const model = join(project, "models/shaky.sql");
    const good = readFileSync(model, "utf8");
    writeFileSync(model, good.replace("as varchar", "as int"));
    const run = options();
    await expect(lane.dbt(run)).rejects.toMatchObject({ code: "DBT_CRASHED" });
    const retried = await lane.dbt({ ...run, lastAttempt: true });
    expect(retried).toMatchObject({ retried: true, success: false, candidate: { generation: 4 } });
    await expect(publish(retried)).rejects.toMatchObject({
      code: "PUBLISH_REFUSED",
      message: expect.stringMatching(/lacks shaky/),
    });
    expect(await one("SELECT n FROM shop.mart")).toBe(4);
    writeFileSync(model, good);
    const mended = await lane.dbt(run);
    expect(mended).toMatchObject({ retried: true, success: true, candidate: { generation: 4 } });
    await publish(mended);
    expect(await one("SELECT n FROM shop.mart")).toBe(5);
    // Three runs that were published, each with one row more: nothing was added twice.
    expect(await one("SELECT count(*)::int FROM shop.grown")).toBe(3);
  });

  test("a test that fails keeps the candidate from its readers", async () => {
    await lane.sql("INSERT INTO raw.rest_posts VALUES (5, 'twice')");
    const failed = await lane.dbt(options());
    expect(failed).toMatchObject({ success: false, counts: { fail: 1 }, candidate: { generation: 5 } });
    await generations(of => of.settle("shop", 5, "blocked"));
    expect(await one("SELECT count(*)::int FROM shop.stg WHERE id = 5")).toBe(2); // a view over raw data, as the project has it
    expect(await one("SELECT n FROM shop.mart")).toBe(5);
  });

  test("a materialization that knows no candidate is refused before anything is built", async () => {
    const model = join(project, "models/outside.sql");
    writeFileSync(model, "{{ config(materialized='external', location='x.parquet') }} select 1 as a");
    await expect(lane.dbt(options())).rejects.toMatchObject({
      code: "PUBLISH_REFUSED",
      message: expect.stringMatching(/model\.shop\.outside \(external\)/),
    });
  });
});
