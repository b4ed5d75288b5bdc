/** `publish: candidate` from the outside: what readers see after runs that pass, that fail, and after a rollback. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { RunResult } from "../../src/pipeline/infos";
import { tidemark } from "../support/cli";
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
