/** The demo's pipelines through Temporal into Databricks, dbt and gate included; twice, as a schedule would. */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openWarehouse, type ResultRow } from "../../src/destinations/databricks/client";
import { toolPaths } from "../../src/tools";
import { connectionEnv } from "../support/databricks/connection";
import { loadClaimsSample } from "../support/databricks/samples";
import { freshDataset, onRealWarehouse, useStandin, warehouseSpec } from "../support/databricks/use-standin";
import { newProject, REPOSITORY } from "../support/project";

jest.setTimeout(420_000);
const standin = useStandin();
/** The numbers are those of the generated claims. */
const onStandin = onRealWarehouse ? test.skip : test;
const dataset = freshDataset();
const analytics = `analytics_${dataset}`;

async function sql(statement: string): Promise<ResultRow[]> {
  const quiet = { signal: new AbortController().signal, onProgress: () => undefined };
  await using db = await openWarehouse(warehouseSpec(), quiet);
  return await db.run(statement, "test");
}

/** Tables and views of all schemas, tables with their versions: a write by anybody moves one. */
async function everythingElse(): Promise<string[]> {
  const all =
    "SELECT table_schema AS s, table_name AS t, table_type AS k FROM main.information_schema.tables";
  const relations = await sql(all);
  const own = new Set([
    dataset,
    `${dataset}_staging`,
    analytics,
    `${analytics}_snapshots`,
    "information_schema",
  ]);
  const others = relations.filter(row => !own.has(String(row.s)));
  const named = (rows: ResultRow[]) => rows.map(row => `${row.s}.${row.t}`);
  const tables = named(others.filter(row => row.k !== "VIEW"));
  const looked = [...tables.filter(name => /^(bystander|healthverity)\./.test(name)), ...tables.slice(0, 10)];
  const versions = looked.map(async name => {
    const history = await sql(`DESCRIBE HISTORY main.${name}`);
    return `${name} at ${Math.max(...history.map(row => Number(row.version)))}`;
  });
  return [...named(others), ...(await Promise.all(versions))].sort();
}

onStandin(
  "four pipelines, dbt build and the gate: promoted, also when they run again; no other schema is written",
  async () => {
    await loadClaimsSample(warehouseSpec());
    await sql("CREATE SCHEMA IF NOT EXISTS bystander");
    await sql("CREATE OR REPLACE TABLE bystander.accounts AS SELECT 1 AS id");
    const before = await everythingElse();
    expect(before).toContain("bystander.accounts at 0");
    const project = newProject("demo-databricks");
    const demo = () =>
      new Promise<{ code: number; out: string; err: string }>(done => {
        execFile(
          process.execPath,
          ["--import", "tsx", join(REPOSITORY, "demo", "databricks.ts")],
          {
            cwd: REPOSITORY,
            env: {
              ...project.env,
              TIDEMARK_PIPELINES: join(REPOSITORY, "pipelines"),
              DLT_DATASET_NAME: dataset,
              DATABRICKS_SCHEMA: analytics,
              ...connectionEnv(warehouseSpec()),
            },
          },
          (error, out, err) => done({ code: error === null ? 0 : Number(error.code ?? 1), out, err }),
        );
      });

    const first = await demo();
    expect(first.err).not.toMatch(/failed/);
    expect(first.code).toBe(0);
    expect(first.out).toMatch(/rest_comments\s*│\s*500\s*│\s*500/);
    expect(first.out).toMatch(/rnc_database\s*│\s*56\s*│\s*56/);
    expect(first.out).toMatch(/gate\s+PROMOTE, score 100/);

    const second = await demo();
    expect(second.code).toBe(0);
    // Incremental: nothing new; merge: updated in place.
    expect(second.out).toMatch(/merge_demo\s*│ \(skipped: nothing new/);
    expect(second.out).toMatch(/rest_comments\s*│\s*500\s*│\s*0\s*│\s*500/);
    expect(second.out).toMatch(/gate\s+PROMOTE/);

    const [counts] = await sql(
      `SELECT (SELECT count(*) FROM ${dataset}.rest_comments) AS comments, (SELECT count(*) FROM ${dataset}.customers) AS customers,
       (SELECT count(*) FROM ${dataset}._dlt_loads WHERE status = 0) AS loads,
       (SELECT sum(comment_count) FROM ${analytics}.mart_post_engagement) AS counted,
       (SELECT count(*) FROM ${analytics}_snapshots.snap_customers) AS states`,
    );
    expect(counts).toMatchObject({ comments: 500, customers: 12, counted: 500, states: 12 });
    const notebook = await new Promise<string>((done, fail) => {
      execFile(
        toolPaths(process.env).dbtDatabricksPython!,
        [join(REPOSITORY, "notebooks", "explore.py")],
        {
          env: {
            ...process.env,
            ...connectionEnv(warehouseSpec()),
            DLT_DATASET_NAME: dataset,
            DATABRICKS_SCHEMA: analytics,
          },
        },
        (error, out) => (error === null ? done(out) : fail(error)),
      );
    });
    expect(notebook).toMatch(
      /Comments per post\n {2}id \| title \| comments \| newest_load\n {2}1 \| .* \| 5 \| \d+\.\d+/,
    );
    expect(notebook).toMatch(/Claims and money per payer\n.*\n {2}\w+ \| \d+ \| /);
    expect(first.out + first.err + second.out + second.err).not.toContain(standin().token);
    // packages, logs, dbt's folders, and the Temporal server's database with the histories
    const files = readdirSync(project.folder, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name));
    const holding = (text: string) => files.filter(file => readFileSync(file).includes(text));
    expect(holding(dataset)).toContainEqual(expect.stringMatching(/temporal\.db/));
    expect(holding(standin().token)).toEqual([]);
    expect(await everythingElse()).toEqual(before);
  },
);
