/** The whole dbt project on DuckDB, through runDbt, from the first load on. */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createDuckDbDestination } from "../../../src/destinations/duckdb/duckdb-destination";
import { decideGate } from "../../../src/gate/decide";
import { runGateCommand } from "../../../src/gate/gate-command";
import { collectMetrics } from "../../../src/gate/metrics";
import type { MetricsInfo, ProgressEvent } from "../../../src/pipeline/infos";
import { demoGate, demoValues, metricsContext } from "../../support/demo-gate";
import { dbtPython, type Lane, loadPostsAndComments, openLane, PROJECT } from "./dbt-lane";

interface Documented {
  name: string;
  resource_type: string;
  description?: string;
  columns?: { [column: string]: { name: string; description?: string } };
}

async function metricsOf(lane: Lane): Promise<MetricsInfo> {
  const quiet = { signal: new AbortController().signal, onProgress: () => {} };
  await using session = await createDuckDbDestination(lane.duckdb).open(quiet);
  // `await` here: without it the session would be closed while its queries run.
  return await collectMetrics(session, demoGate().metrics, metricsContext());
}

describe("the dbt project on DuckDB", () => {
  let lane: Lane;
  beforeAll(() => {
    lane = openLane();
  });
  afterAll(() => lane.remove());

  test("a dataset that nothing was loaded into is refused, and has no metrics", async () => {
    await lane.sql("CREATE TABLE main.something AS SELECT 1 AS a");
    await expect(lane.dbt()).rejects.toMatchObject({ code: "DBT_SCHEMA_MISMATCH" });
    const metrics = await metricsOf(lane);
    expect(metrics.values).toEqual({});
    expect(metrics.missing).toEqual({
      load_age_minutes: "this pipeline has not loaded anything yet",
      claim_service_lines: expect.stringMatching(/stg_claims is not there/),
      max_allowed_ratio: expect.stringMatching(/mart_claims_by_payer is not there/),
    });
    expect(decideGate(undefined, metrics, demoGate()).decision).toBe("block");
  });

  test("builds with posts and comments alone: green but for the declared warnings", async () => {
    await loadPostsAndComments(lane);
    const events: ProgressEvent[] = [];
    let turns = 0;
    const info = await lane.dbt({
      onProgress: event => events.push(event),
      withTurn: run => {
        turns += 1;
        return run();
      },
    });
    expect(info.success).toBe(true);
    expect(
      info.findings.map(node => [node.unique_id.split(".")[2], node.status, node.expected_warning]),
    ).toEqual([
      ["stg_claims_line_charge_not_negative", "warn", true],
      ["int_claims_total_allowed_not_negative", "warn", true],
    ]);
    expect(info.findings[0]?.reason).toMatch(/Reversals/);
    expect(info.findings[0]?.failures).toBeGreaterThan(0);
    // Tables that no pipeline has loaded yet are said, not failed on.
    expect(info.notes.join("\n")).toMatch(/customers.* is not loaded yet/);
    expect(info.notes.join("\n")).toMatch(/rnc_database.* is not loaded yet/);
    expect(turns).toBe(1);
    expect(
      events.some(event => event.subject === "mart_post_engagement" && /^\d+ of \d+ /.test(event.message!)),
    ).toBe(true);

    const freshness = await lane.dbt({ kind: "freshness" });
    expect(freshness).toMatchObject({ success: true, counts: { pass: 2 }, findings: [] });

    // A model for others: every column that was built is described, every source has tests.
    const manifest = JSON.parse(readFileSync(join(dirname(info.run_results_path!), "manifest.json"), "utf8"));
    const nodes = Object.values<Documented>({ ...manifest.nodes, ...manifest.sources });
    const described = new Map(
      nodes.map(({ name, columns }) => [name, Object.values(columns ?? {}).filter(one => one.description)]),
    );
    const built = await lane.sql(
      "SELECT table_name AS t, column_name AS c FROM information_schema.columns WHERE table_schema IN ('analytics', 'analytics_snapshots')",
    );
    const silent = built.filter(({ t, c }) => !described.get(String(t))?.some(column => column.name === c));
    expect(silent.map(({ t, c }) => `${t}.${c}`)).toEqual([]);
    expect(built.length).toBeGreaterThan(70);
    for (const id of Object.keys(manifest.sources)) {
      const tests = (manifest.child_map[id] as string[]).filter(child => child.startsWith("test."));
      expect([id, tests.length > 0]).toEqual([id, true]);
    }
    expect(
      nodes
        .filter(node => !["test", "operation"].includes(node.resource_type) && !node.description)
        .map(node => node.name),
    ).toEqual([]);

    const notebook = execFileSync(dbtPython(), [join(PROJECT, "..", "notebooks", "explore.py")], {
      env: { PATH: process.env.PATH, DUCKDB_PATH: lane.duckdb.path },
      encoding: "utf8",
    });
    expect(notebook).toMatch(
      /Comments per post\n {2}id \| title \| comments \| newest_load\n {2}1 \| title 1 \| 5 \|/,
    );
    expect(notebook).toMatch(/Claims and money per payer\n.*\n {2}\w+ \| \d+ \| /);

    expect(info.schema).toBe("analytics");
    const metrics = await metricsOf(lane);
    expect(metrics.values.claim_service_lines).toBe(1494);
    expect(metrics.values.max_allowed_ratio).toBeLessThan(5);
    expect(metrics.values.load_age_minutes).toBeLessThan(10);
    expect(decideGate(info, metrics, demoGate(), freshness)).toMatchObject({
      decision: "promote",
      score: 100,
    });

    // The published artifacts are what `tidemark gate` reads.
    const gate = await runGateCommand({
      runResults: info.run_results_path!,
      output: join(lane.folder, "packet.md"),
      env: {},
      binding: { now: new Date(), maxAgeMinutes: 60 },
      rules: demoGate(),
    });
    expect(gate.gate.reasons.join()).not.toMatch(/unexpected/);
    expect(gate.decision).toBe("block"); // no metrics: no value is taken as good
  });

  test("late, removed and moved comments reach the mart; optional tables join; customers get history", async () => {
    await lane.sql(`
      INSERT INTO raw.rest_comments VALUES (900, 7, 'late', 'late@example.org', 'b', '1.5', 'late');
      DELETE FROM raw.rest_comments WHERE post_id IN (8, 20);
      DELETE FROM raw.rest_posts WHERE id = 20;
      UPDATE raw.rest_comments SET post_id = 10 WHERE id = (SELECT min(id) FROM raw.rest_comments WHERE post_id = 9);
      CREATE TABLE raw.customers AS SELECT 1::BIGINT AS id, 'A' AS name, 'gold' AS tier,
        TIMESTAMPTZ '2026-01-02 00:00:00+00' AS updated_at, '1.5' AS _dlt_load_id, 'k' AS _dlt_id;
      CREATE TABLE raw.rnc_database AS SELECT 1::BIGINT AS id, TIMESTAMP '2020-01-01' AS "timestamp", 'd' AS descr,
        3::BIGINT AS current_release, 'Y' AS alive, '1.5' AS _dlt_load_id, 'k' AS _dlt_id;`);
    const first = await lane.dbt();
    expect(first.success).toBe(true);
    expect(first.notes).toEqual([]);
    const mart = await lane.sql(
      "SELECT post_id, comment_count FROM analytics.mart_post_engagement WHERE post_id BETWEEN 6 AND 10 OR post_id = 20 ORDER BY 1",
    );
    expect(mart.map(row => [Number(row.post_id), Number(row.comment_count)])).toEqual([
      [6, 5],
      [7, 6],
      [8, 0],
      [9, 4],
      [10, 6],
    ]);
    await lane.sql(
      "UPDATE raw.customers SET tier = 'basic', updated_at = TIMESTAMPTZ '2026-02-01 00:00:00+00' WHERE id = 1",
    );
    await lane.dbt({
      dbt: { ...lane.options().dbt, select: "+snap_customers" },
    });
    const history = await lane.sql(
      "SELECT tier, dbt_valid_to IS NULL AS current FROM analytics_snapshots.snap_customers ORDER BY dbt_valid_from",
    );
    expect(history).toEqual([
      { tier: "gold", current: false },
      { tier: "basic", current: true },
    ]);
    // Only dbt's own schemas were written.
    const schemas = await lane.sql(
      "SELECT DISTINCT table_schema AS s FROM information_schema.tables ORDER BY 1",
    );
    expect(schemas.map(row => row.s)).toEqual(["analytics", "analytics_snapshots", "main", "raw"]);
    // In the project itself lies what editors look for, and no more.
    expect(readdirSync(join(PROJECT, "target"))).toEqual(["manifest.json"]);
  });

  test("a failing test is a result without row values, and the gate blocks", async () => {
    await lane.sql(
      "INSERT INTO raw.rest_comments VALUES (901, 7, 'n', 'PLANTED no address', 'b', '1.5', 'x'), (901, 7, 'n', 'a@b.cd', 'b', '1.5', 'y')",
    );
    const info = await lane.dbt({ dbt: { ...lane.options().dbt, select: "stg_rest_comments+" } });
    expect(info.success).toBe(false);
    const failed = info.findings
      .filter(node => node.status === "fail")
      .map(node => node.unique_id.split(".")[2]);
    expect(failed.sort()).toEqual([
      expect.stringMatching(/^matches_pattern_stg_rest_comments_commenter_email/),
      "unique_stg_rest_comments_comment_id",
    ]);
    expect(info.counts.skipped).toBeGreaterThan(0);
    expect(JSON.stringify(info)).not.toMatch(/planted/i);
    const gate = decideGate(
      info,
      demoValues({ claim_service_lines: 9, max_allowed_ratio: 1, load_age_minutes: 1 }),
      demoGate(),
    );
    expect(gate).toMatchObject({ decision: "block", score: 20 });
  });

  test("the claims file is what its generator writes", () => {
    const fresh = join(lane.folder, "claims.csv");
    execFileSync(dbtPython(), [join(PROJECT, "scripts/generate_claims.py"), fresh]);
    const text = readFileSync(fresh, "utf8");
    expect(readFileSync(join(PROJECT, "seeds/claims_sample_synthetic.csv"), "utf8")).toBe(text);
    const [head, ...rows] = text
      .trim()
      .split("\n")
      .map(line => line.split(","));
    const column = (name: string) => rows.map(row => row[head!.indexOf(name)]!);
    const share = (values: string[], is: (value: string) => boolean) =>
      values.filter(is).length / values.length;
    expect(head).toHaveLength(17);
    expect(rows).toHaveLength(1494);
    expect(new Set(column("claim_id")).size).toBe(600);
    expect(new Set(column("hvid")).size).toBe(220);
    expect(share(column("line_charge"), value => value === "")).toBeCloseTo(0.45, 1);
    expect(share(column("line_charge"), value => value.startsWith("-"))).toBeCloseTo(0.02, 2);
  });
});
