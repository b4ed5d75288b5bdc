/** The whole dbt project through the real adapter, on the stand-in: from the first load on. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openWarehouse, type ResultRow } from "../../src/destinations/databricks/client";
import { createDatabricksDestination } from "../../src/destinations/databricks/databricks-destination";
import { DATABRICKS_DBT, dbtVariables } from "../../src/destinations/databricks/dbt-adapter";
import type { DatabricksDestination } from "../../src/destinations/databricks/spec";
import { decideGate } from "../../src/gate/decide";
import { collectMetrics } from "../../src/gate/metrics";
import { toolPaths } from "../../src/tools";
import type { DbtDestination } from "../../src/transform/dbt-environment";
import { type RunDbtOptions, runDbt } from "../../src/transform/run-dbt";
import { PROJECT } from "../contract/dbt/dbt-lane";
import { loadClaimsSample } from "../support/databricks/samples";
import { freshDataset, onRealWarehouse, useStandin, warehouseSpec } from "../support/databricks/use-standin";
import { demoGate, metricsContext } from "../support/demo-gate";

const standin = useStandin();
/** The numbers are those of the generated claims. */
const onStandin = onRealWarehouse ? test.skip : test;
const dataset = freshDataset();
const analytics = `analytics_${dataset}`;
const quiet = { signal: new AbortController().signal, onProgress: () => undefined };
let folder: string;
let steps = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-dbt-databricks-"));
  if (!onRealWarehouse) expect(await loadClaimsSample(warehouseSpec())).toBe(1494);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function sql(...statements: string[]): Promise<ResultRow[]> {
  await using db = await openWarehouse(warehouseSpec(), quiet);
  let rows: ResultRow[] = [];
  for (const statement of statements)
    rows = await db.run(statement.replaceAll("raw.", `${dataset}.`), "test");
  return rows;
}

function dbtDestination(more: Partial<DatabricksDestination> = {}): DbtDestination {
  const spec = warehouseSpec(more);
  return {
    type: "databricks",
    environment: dbtVariables(spec),
    database: DATABRICKS_DBT.database(spec),
  };
}

function options(more: Partial<RunDbtOptions> = {}): RunDbtOptions {
  return {
    kind: "build",
    dbt: {
      project_dir: PROJECT,
      profiles_dir: PROJECT,
      target: "databricks",
      freshness: true,
      full_refresh: false,
    },
    executable: toolPaths(process.env).dbtDatabricksPython as string,
    env: {
      PATH: process.env.PATH ?? "",
      HOME: folder,
      PYTHONDONTWRITEBYTECODE: "1",
      DATABRICKS_SCHEMA: analytics,
      // what the destination says wins over a variable that points elsewhere
      DATABRICKS_HOST: "elsewhere.example.com",
      DATABRICKS_CLIENT_ID: "not-used",
    },
    dataset,
    destination: dbtDestination(),
    stateDir: join(folder, `step-${++steps}`),
    cacheDir: join(folder, "cache"),
    ...quiet,
    ...more,
  };
}

async function metrics() {
  await using session = await createDatabricksDestination(warehouseSpec()).open(quiet);
  return await collectMetrics(session, demoGate().metrics, metricsContext({ raw: dataset, analytics }));
}

/** Posts and comments as the REST demo loads them: 20 posts with 5 comments each, loaded now. */
async function loadPostsAndComments(): Promise<void> {
  const loadId = (Date.now() / 1000).toFixed(6);
  await sql(
    `CREATE SCHEMA ${dataset}`,
    "CREATE TABLE raw._dlt_loads (load_id STRING, schema_name STRING, status BIGINT, inserted_at TIMESTAMP, schema_version_hash STRING)",
    `INSERT INTO raw._dlt_loads VALUES ('${loadId}', 'rest_api', 0, current_timestamp(), 'x')`,
    `CREATE TABLE raw.rest_posts AS SELECT id, id % 4 + 1 AS user_id, concat('title ', id) AS title,
       concat('body ', id) AS body, '${loadId}' AS _dlt_load_id, concat('p', id) AS _dlt_id FROM range(1, 21)`,
    `CREATE TABLE raw.rest_comments AS SELECT id, id % 20 + 1 AS post_id, concat('name ', id) AS name,
       concat('Reader', id, '@example.org') AS email, 'words' AS body, '${loadId}' AS _dlt_load_id,
       concat('c', id) AS _dlt_id FROM range(1, 101)`,
  );
}

onStandin("a dataset that nothing was loaded into is refused, and has no metrics", async () => {
  await expect(runDbt(options())).rejects.toMatchObject({ code: "DBT_SCHEMA_MISMATCH" });
  expect((await metrics()).values).toEqual({});
});

onStandin(
  "builds: views, contracts, the incremental mart and the snapshot; green but for the declared warnings",
  async () => {
    await loadPostsAndComments();
    const info = await runDbt(options());
    expect(
      info.findings.map(node => [node.unique_id.split(".")[2], node.status, node.expected_warning]),
    ).toEqual([
      ["stg_claims_line_charge_not_negative", "warn", true],
      ["int_claims_total_allowed_not_negative", "warn", true],
    ]);
    expect(info.success).toBe(true);
    expect(info.counts.pass).toBeGreaterThan(60);
    expect(info.notes.join("\n")).toMatch(/customers.* is not loaded yet/);

    const freshness = await runDbt(options({ kind: "freshness" }));
    expect(freshness).toMatchObject({ success: true, counts: { pass: 2 }, findings: [] });

    const read = await metrics();
    expect(read.values.claim_service_lines).toBe(1494);
    expect(read.values.max_allowed_ratio).toBeLessThan(5);
    expect(read.values.load_age_minutes).toBeLessThan(10);
    expect(decideGate(info, read, demoGate(), freshness)).toMatchObject({ decision: "promote", score: 100 });

    // The numbers of DuckDB, from the same claims.
    expect(
      await sql(
        `SELECT count(*) AS members, sum(claim_count) AS claims FROM ${analytics}.mart_member_summary`,
      ),
    ).toEqual([{ members: 220, claims: 600 }]);
    const columns = await sql(
      `SELECT column_name AS c, full_data_type AS t FROM main.information_schema.columns WHERE table_schema = '${analytics}' AND table_name = 'mart_claims_by_payer' ORDER BY ordinal_position`,
    );
    expect(columns.map(row => `${row.c} ${row.t}`)).toEqual([
      "payer_type string",
      "patient_state string",
      "claim_type string",
      "claims bigint",
      "members bigint",
      "total_charge decimal(18,2)",
      "total_allowed decimal(18,2)",
      "avg_allowed_per_claim decimal(18,2)",
      "allowed_ratio double",
    ]);
  },
);

onStandin("late, removed and moved comments reach the mart by a MERGE; customers get history", async () => {
  await sql(
    "INSERT INTO raw.rest_comments VALUES (900, 7, 'late', 'late@example.org', 'b', '1.5', 'late')",
    "DELETE FROM raw.rest_comments WHERE post_id IN (8, 20)",
    "DELETE FROM raw.rest_posts WHERE id = 20",
    "UPDATE raw.rest_comments SET post_id = 10 WHERE id = 8",
    `CREATE TABLE raw.customers AS SELECT CAST(1 AS BIGINT) AS id, 'A' AS name, 'gold' AS tier,
       TIMESTAMP '2026-01-02 00:00:00+00' AS updated_at, '1.5' AS _dlt_load_id, 'k' AS _dlt_id`,
  );
  await standin().mark();
  const info = await runDbt(
    options({ dbt: { ...options().dbt, select: "stg_rest_posts+ stg_rest_comments+ stg_customers+" } }),
  );
  expect(info.success).toBe(true);
  const sent = (await standin().log()).map(entry => entry.sql ?? "");
  expect(sent.filter(text => /merge\s+into[\s\S]*mart_post_engagement/i.test(text))).toHaveLength(1);
  const mart = await sql(
    `SELECT post_id, comment_count FROM ${analytics}.mart_post_engagement WHERE post_id BETWEEN 6 AND 10 OR post_id = 20 ORDER BY 1`,
  );
  expect(mart.map(row => [Number(row.post_id), Number(row.comment_count)])).toEqual([
    [6, 5],
    [7, 6],
    [8, 0],
    [9, 4],
    [10, 6],
  ]);
  await sql(
    "UPDATE raw.customers SET tier = 'basic', updated_at = TIMESTAMP '2026-02-01 00:00:00+00' WHERE id = 1",
  );
  await runDbt(options({ dbt: { ...options().dbt, select: "+snap_customers" } }));
  expect(
    await sql(
      `SELECT tier, dbt_valid_to IS NULL AS current FROM ${analytics}_snapshots.snap_customers ORDER BY dbt_valid_from`,
    ),
  ).toEqual([
    { tier: "gold", current: false },
    { tier: "basic", current: true },
  ]);
});

onStandin(
  "a failing test is a result without row values; the token is in no file that dbt leaves",
  async () => {
    await sql("INSERT INTO raw.rest_comments VALUES (901, 7, 'n', 'PLANTED no address', 'b', '1.5', 'x')");
    const info = await runDbt(options({ dbt: { ...options().dbt, select: "stg_rest_comments" } }));
    expect(info.success).toBe(false);
    expect(JSON.stringify(info)).not.toMatch(/planted/i);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry =>
      entry.isFile(),
    );
    expect(files.length).toBeGreaterThan(20);
    for (const file of files) {
      expect(readFileSync(join(file.parentPath, file.name), "latin1")).not.toContain(standin().token);
    }
  },
);

onStandin("a wrong token ends in a coded error that holds no token", async () => {
  const destination = dbtDestination({ access_token: "dapi-wrong-planted" });
  const error = await runDbt(options({ destination })).catch(caught => caught);
  expect(error.code).toBe("DESTINATION_DENIED");
  expect(error.message).not.toContain("planted");
});
