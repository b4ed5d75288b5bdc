/** What a team brings along: packages, selectors, the state of another run, documentation, and dbt by hand. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { DbtSpec } from "../../../src/pipeline/spec";
import { dbtPython, type Lane, openLane, writeProject } from "./dbt-lane";

const BIN = resolve(__dirname, "../../../bin/tidemark");

describe("a project of a team's own", () => {
  let lane: Lane;
  let project: string;
  const dbt = (more: Partial<DbtSpec> = {}) =>
    lane.dbt({
      dbt: {
        project_dir: project,
        profiles_dir: project,
        target: "",
        freshness: false,
        full_refresh: false,
        ...more,
      },
    });
  const built = async () =>
    (
      await lane.sql(
        "SELECT table_schema || '.' || table_name AS t FROM information_schema.tables WHERE table_schema <> 'raw' ORDER BY 1",
      )
    ).map(row => row.t);

  beforeAll(async () => {
    lane = openLane();
    await lane.sql("CREATE SCHEMA raw;\n CREATE TABLE raw.rest_posts AS SELECT 1 AS id");
    writeProject(join(lane.folder, "package"), {
      "dbt_project.yml": "name: shared\nversion: '1.0'\n",
      "models/sources.yml": "version: 2\n",
      "macros/twice.sql": "{% macro twice(of) %}2 * {{ of }}{% endmacro %}",
    });
    project = writeProject(lane.folder, {
      "dbt_project.yml": "name: shop\nversion: '1.0'\nprofile: shop\n",
      "profiles.yml":
        "shop: {target: dev, outputs: {dev: {type: duckdb, path: \"{{ env_var('DUCKDB_PATH') }}\", schema: analytics}, other: {type: duckdb, path: \"{{ env_var('DUCKDB_PATH') }}\", schema: elsewhere}}}\n",
      "packages.yml": "packages:\n  - local: ../package/project\n",
      "selectors.yml": "selectors:\n  - name: base\n    definition: {method: fqn, value: base}\n",
      "models/base.sql": "select {{ shared.twice('id') }} as id from {{ source('raw', 'rest_posts') }}",
      "models/top.sql": "select id, {{ var('rate', 1) }} as rate from {{ ref('base') }}",
    });
  });
  afterAll(() => lane.remove());

  test("packages are installed once, a selector chooses, documentation is one page", async () => {
    const info = await dbt({ selector: "base", threads: 1, docs: true });
    expect(info.notes).toEqual([expect.stringContaining("packages were installed")]);
    expect(await built()).toEqual(["analytics.base"]);
    expect(readFileSync(info.docs_path!, "utf8")).toMatch(/^<!doctype html>/i);
    // For editors, as a dbt by hand would leave it; and no half of one.
    const left = join(project, "target");
    expect(readdirSync(left)).toEqual(["manifest.json"]);
    expect(Object.keys(JSON.parse(readFileSync(join(left, "manifest.json"), "utf8")).nodes)).toContain(
      "model.shop.base",
    );
    expect((await dbt({ selector: "base" })).notes).toEqual([]);
    rmSync(join(project, "dbt_packages"), { recursive: true });
    expect((await dbt({ selector: "base" })).notes).toHaveLength(1);
  });

  test("packages that are not there are told with dbt's words", async () => {
    const packages = readFileSync(join(project, "packages.yml"), "utf8");
    writeFileSync(join(project, "packages.yml"), `${packages}  - local: ../nowhere\n`);
    await expect(dbt()).rejects.toMatchObject({
      code: "DBT_PACKAGES",
      message: expect.stringMatching(/nowhere/),
    });
    writeFileSync(join(project, "packages.yml"), packages);
  });

  test("state and defer: what is not built here is read from where another run has it", async () => {
    const state = join(lane.folder, "state");
    const { run_results_path } = await dbt({ select: "base" });
    cpSync(join(run_results_path!, "..", "manifest.json"), join(state, "manifest.json"));
    const info = await dbt({ target: "other", select: "top", state, defer: true, vars: { rate: 7 } });
    expect(info.success).toBe(true);
    expect(await built()).toEqual(["analytics.base", "elsewhere.top"]);
    expect(await lane.sql("SELECT id, rate FROM elsewhere.top")).toEqual([{ id: 2, rate: 7 }]);
  });

  test("tidemark dbt is the worker's dbt in the pipeline's place", () => {
    const spec = join(lane.folder, "shop.json");
    writeFileSync(
      spec,
      JSON.stringify({
        pipeline_name: "shop",
        destination: { type: "duckdb", path: lane.duckdb.path },
        source: { type: "rest_api", client: { base_url: "http://127.0.0.1:1/" }, resources: ["posts"] },
        transform: { dbt: { project_dir: project, target: "other" } },
      }),
    );
    const args = [
      "dbt",
      "--pipeline",
      spec,
      "--quiet",
      "show",
      "--inline",
      "select '{{ target.name }}' as n, count(*) as c from raw.rest_posts",
    ];
    const said = execFileSync(BIN, args, {
      cwd: lane.folder,
      env: { PATH: process.env.PATH, HOME: lane.folder, TIDEMARK_DBT: dbtPython() },
      encoding: "utf8",
    });
    expect(said).toMatch(/\| other \| +1 \|/);
    expect(existsSync(join(lane.folder, ".tidemark"))).toBe(false);
  });
});
