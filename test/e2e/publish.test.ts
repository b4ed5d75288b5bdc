/** `publish: candidate` from the outside: what readers see after runs that pass, that fail, and after a rollback. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Client } from "pg";
import type { RunResult } from "../../src/pipeline/infos";
import { tidemark } from "../support/cli";
import { execute, freshDatabase, startTestPostgres } from "../support/postgres";
import { newProject, type Project } from "../support/project";

const FILES = {
  "shop/dbt_project.yml": "name: shop\nversion: '1.0'\nprofile: shop\n",
  "shop/profiles.yml":
    "shop: {target: dev, outputs: {dev: {type: duckdb, path: \"{{ env_var('DUCKDB_PATH') }}\", schema: marts}}}\n",
  "shop/models/sources.yml":
    "version: 2\nsources: [{name: raw, schema: \"{{ env_var('DLT_DATASET_NAME') }}\", tables: [{name: orders}]}]\n",
  "shop/models/totals.sql":
    "{{ config(materialized='table') }} select count(*)::int as n from {{ source('raw', 'orders') }}",
  "shop/models/m.yml":
    "version: 2\nmodels: [{name: totals, columns: [{name: n, data_tests: [{accepted_values: {arguments: {values: [1, 2, 4], quote: false}}}]}]}]\n",
  "pipelines/orders-source.js":
    'exports.orders = async function* ({ args }) { yield Array.from({ length: Number(require("node:fs").readFileSync(args.file, "utf8")) }, (_, i) => ({ id: i })); };\n',
};

function write(project: Project, files: { [path: string]: string }): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(project.folder, path)), { recursive: true });
    writeFileSync(join(project.folder, path), text);
  }
}

test("a run that passes is seen, one that does not is not; a rollback is one command", async () => {
  const project = newProject("publish");
  try {
    write(project, FILES);
    project.writeSpec("orders", {
      pipeline_name: "orders",
      source: {
        type: "code",
        name: "shop",
        module: "orders-source.js",
        resources: [
          { name: "orders", write_disposition: "replace", args: { file: join(project.folder, "count") } },
        ],
      },
      transform: { dbt: { project_dir: "shop", publish: "candidate", freshness: false } },
    });
    const run = async (orders: number): Promise<RunResult | { error: { code: string } }> => {
      write(project, { count: String(orders) });
      const { stdout } = await tidemark(project, ["run", "orders", "--json"]);
      return JSON.parse(stdout);
    };
    const seen = async () => (await project.query("SELECT n FROM marts.totals"))[0]?.n;

    expect(await run(1)).toMatchObject({
      dbt: { success: true, candidate: { generation: 1, live_schema: "marts" } },
      publish: { generation: 1, state: "live", objects: 1 },
    });
    expect(await seen()).toBe(1);
    expect(await run(2)).toMatchObject({ publish: { generation: 2, state: "live", previous: 1 } });
    // Three are not among the accepted values.
    await run(3);
    expect(await seen()).toBe(2);
    expect(await project.query("SELECT n FROM marts__candidate_3.totals")).toEqual([{ n: 3 }]);

    const back = await tidemark(project, ["rollback", "orders"]);
    expect(back).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/Generation 1 is live in place of 2/),
    });
    expect(await seen()).toBe(1);
    const listed = JSON.parse((await tidemark(project, ["publish", "orders", "--json"])).stdout);
    expect(listed).toMatchObject({
      live: 1,
      generations: [{ generation: 3, state: "blocked" }, { generation: 2 }, { generation: 1 }],
    });
    expect((await tidemark(project, ["publish", "orders", "--generation", "3"])).code).toBe(0);
    expect(await seen()).toBe(3);
    const gone = await tidemark(project, ["rollback", "orders", "--to", "9"]);
    expect(gone).toMatchObject({ code: 1, stderr: expect.stringMatching(/There is no generation 9/) });
  } finally {
    rmSync(project.folder, { recursive: true, force: true });
  }
});

test("on PostgreSQL, by a gate: what it promotes is seen, what it blocks is not, and incremental models go on", async () => {
  const project = newProject("publish-postgres");
  const server = await startTestPostgres();
  try {
    const url = await freshDatabase(server);
    Object.assign(project.env, { WAREHOUSE: url });
    await execute(url, ["CREATE ROLE reporting"]);
    write(project, {
      ...FILES,
      "shop/profiles.yml":
        "shop: {target: dev, outputs: {dev: {type: postgres, host: \"{{ env_var('PGHOST') }}\", port: \"{{ env_var('PGPORT') | as_number }}\", user: \"{{ env_var('PGUSER') }}\", password: \"{{ env_var('PGPASSWORD') }}\", dbname: \"{{ env_var('PGDATABASE') }}\", schema: marts, threads: 2}}}\n",
      "shop/models/totals.sql":
        "{{ config(materialized='table', grants={'select': ['reporting']}) }} select count(*)::int as n from {{ source('raw', 'orders') }}",
      "shop/models/history.sql":
        "{{ config(materialized='incremental', indexes=[{'columns': ['n'], 'unique': true}]) }} select n from {{ ref('totals') }} {% if is_incremental() %} where n not in (select n from {{ this }}) {% endif %}",
      "shop/snapshots/snap.yml":
        "snapshots:\n  - name: snap\n    relation: ref('totals')\n    config: {unique_key: \"'1'\", strategy: check, check_cols: [n]}\n",
    });
    project.writeSpec("orders", {
      pipeline_name: "orders",
      destination: { type: "postgres", credentials: { env: "WAREHOUSE" } },
      source: {
        type: "code",
        name: "shop",
        module: "orders-source.js",
        resources: [
          { name: "orders", write_disposition: "replace", args: { file: join(project.folder, "count") } },
        ],
      },
      transform: { dbt: { project_dir: "shop", publish: "candidate", freshness: false } },
      gate: {
        metrics: [{ name: "few", sql: "SELECT max(n) FROM {{ analytics }}.history", max: 10 }],
      },
    });
    const run = async (orders: number) => {
      write(project, { count: String(orders) });
      const { code, stdout } = await tidemark(project, ["run", "orders", "--json"]);
      return { code, ...(JSON.parse(stdout) as RunResult) };
    };
    const rows = async (sql: string) => {
      const client = new Client({ connectionString: url });
      await client.connect();
      try {
        return (await client.query(sql)).rows.map(row => Object.values(row)[0]);
      } finally {
        await client.end();
      }
    };
    const history = () => rows("SELECT n FROM marts.history ORDER BY 1");

    expect(await run(1)).toMatchObject({
      code: 0,
      gate: { decision: "promote" },
      publish: { generation: 1, state: "live" },
    });
    expect(await run(2)).toMatchObject({ code: 0, publish: { generation: 2, state: "live", previous: 1 } });
    expect(await history()).toEqual([1, 2]);
    expect(await rows("SELECT n FROM marts.snap ORDER BY 1")).toEqual([1, 2]);
    expect(await rows("SELECT has_table_privilege('reporting', 'marts.totals', 'SELECT')")).toEqual([true]);
    expect(
      await rows("SELECT indexdef LIKE '%UNIQUE%' FROM pg_indexes WHERE schemaname = 'marts__candidate_2'"),
    ).toEqual([true]);

    // Without dbt's own test, so that the gate alone decides on eleven.
    write(project, { "shop/models/m.yml": "version: 2\nmodels: [{name: totals}]\n" });
    expect(await run(11)).toMatchObject({ code: 1 });
    expect(await history()).toEqual([1, 2]);
    expect(await rows("SELECT n FROM marts__candidate_3.history ORDER BY 1")).toEqual([1, 2, 11]);
    expect(await tidemark(project, ["publish", "orders", "--generation", "3"])).toMatchObject({ code: 0 });
    expect(await history()).toEqual([1, 2, 11]);
    expect(await tidemark(project, ["rollback", "orders"])).toMatchObject({ code: 0 });
    expect(await history()).toEqual([1, 2]);
    // What was blocked was never gone on with; neither is what was taken back.
    expect(await run(4)).toMatchObject({ code: 0, publish: { generation: 4, state: "live", previous: 2 } });
    expect(await history()).toEqual([1, 2, 4]);
  } finally {
    await server.stop();
    rmSync(project.folder, { recursive: true, force: true });
  }
});
