/** Candidates with the real dbt-databricks: built beside what is live, from what is live. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DATABRICKS_DBT, dbtVariables } from "../../src/destinations/databricks/dbt-adapter";
import { suffixOf } from "../../src/destinations/generations";
import { toolPaths } from "../../src/tools";
import { runDbt } from "../../src/transform/run-dbt";
import { closeWarmDbt } from "../../src/transform/warm-dbt";
import { writeProject } from "../contract/dbt/dbt-lane";
import { freshDataset, inSession, useStandin, warehouseSpec } from "../support/databricks/use-standin";

jest.setTimeout(600_000);
useStandin();
const dataset = freshDataset();
const marts = `marts_${dataset}`;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-publish-databricks-"));
});
afterAll(async () => {
  await closeWarmDbt();
  await inSession(async session => {
    for (const schema of [marts, `${marts}${suffixOf(1)}`, `${marts}${suffixOf(2)}`])
      await session.query(`DROP SCHEMA IF EXISTS \`${schema}\` CASCADE`);
  });
  rmSync(folder, { recursive: true, force: true });
});

const rows = (sql: string) =>
  inSession(async session => (await session.query(sql)).map(row => Number(Object.values(row)[0])));

test("incremental models and snapshots go on from what is live, and are seen when they are published", async () => {
  await inSession(async session => {
    await session.query(`CREATE SCHEMA ${dataset}`);
    await session.query(`CREATE TABLE ${dataset}.rest_posts AS SELECT 1 AS id`);
  });
  const project = writeProject(folder, {
    "models/totals.sql":
      "{{ config(materialized='table') }} select cast(count(*) as int) as n from {{ source('raw', 'rest_posts') }}",
    "models/history.sql": "{{ config(materialized='incremental') }} select n from {{ ref('totals') }}",
    "models/shown.sql": "select n from {{ ref('totals') }}",
    "snapshots/snap.yml":
      "snapshots:\n  - name: snap\n    relation: ref('totals')\n    config: {unique_key: \"'1'\", strategy: check, check_cols: [n]}\n",
  });
  const build = async (run: string) => {
    const spec = warehouseSpec();
    const info = await runDbt({
      kind: "build",
      dbt: {
        project_dir: project,
        profiles_dir: project,
        target: "databricks",
        freshness: false,
        full_refresh: false,
      },
      executable: toolPaths(process.env).dbtDatabricksPython as string,
      env: {
        PATH: process.env.PATH ?? "",
        HOME: folder,
        PYTHONDONTWRITEBYTECODE: "1",
        DATABRICKS_SCHEMA: marts,
      },
      dataset,
      destination: {
        type: "databricks",
        environment: dbtVariables(spec),
        database: DATABRICKS_DBT.database(spec),
      },
      stateDir: join(folder, run),
      cacheDir: join(folder, "cache"),
      candidate: {
        begin: plan =>
          inSession(async session => {
            const owner = { pipeline: "shop", workflow: "shop", run };
            const { generation } = await session.generations!.begin(plan, owner);
            return { generation, live_schema: plan.schema, suffix: suffixOf(generation) };
          }),
      },
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    expect(info).toMatchObject({ success: true, candidate: { live_schema: marts } });
    return info.candidate!.generation;
  };
  const publish = (generation: number) =>
    inSession(session => session.generations!.publish(marts, generation));

  await publish(await build("r1"));
  expect(await rows(`SELECT n FROM ${marts}.history`)).toEqual([1]);
  await inSession(session => session.query(`INSERT INTO ${dataset}.rest_posts VALUES (2)`));
  const second = await build("r2");
  expect(await rows(`SELECT n FROM ${marts}.totals`)).toEqual([1]);
  await publish(second);
  expect(await rows(`SELECT n FROM ${marts}.shown`)).toEqual([2]);
  expect(await rows(`SELECT n FROM ${marts}.history ORDER BY 1`)).toEqual([1, 2]);
  expect(await rows(`SELECT n FROM ${marts}.snap ORDER BY 1`)).toEqual([1, 2]);
});
