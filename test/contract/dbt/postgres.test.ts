/** The whole dbt project on PostgreSQL: built by dbt-postgres, its numbers read by the gate. */
import { POSTGRES_DBT } from "../../../src/destinations/postgres/dbt-adapter";
import { createPostgresDestination } from "../../../src/destinations/postgres/postgres-destination";
import { decideGate } from "../../../src/gate/decide";
import { collectMetrics } from "../../../src/gate/metrics";
import { demoGate, metricsContext } from "../../support/demo-gate";
import { execute, freshDatabase, startTestPostgres } from "../../support/postgres";
import { postgresSpec } from "../../support/postgres-destination";
import { openLane } from "./dbt-lane";

jest.setTimeout(180_000);

test("builds, and the gate reads its numbers", async () => {
  const lane = openLane();
  const server = await startTestPostgres();
  try {
    const url = await freshDatabase(server);
    const id = (Date.now() / 1000).toFixed(6);
    await execute(url, [
      "CREATE SCHEMA raw",
      `CREATE TABLE raw._dlt_loads (load_id varchar NOT NULL, schema_name varchar, status bigint NOT NULL,
         inserted_at timestamptz NOT NULL, schema_version_hash varchar)`,
      `INSERT INTO raw._dlt_loads VALUES ('${id}', 'rest_api', 0, now(), 'x')`,
      `CREATE TABLE raw.rest_posts AS SELECT i::bigint AS id, i % 4 + 1 AS user_id, 'title' AS title, 'body' AS body,
         '${id}' AS _dlt_load_id, 'p' || i AS _dlt_id FROM generate_series(1, 20) i`,
      `CREATE TABLE raw.rest_comments AS SELECT i::bigint AS id, (i % 20 + 1)::bigint AS post_id, 'n' AS name,
         'Reader' || i || '@example.org' AS email, 'words' AS body, '${id}' AS _dlt_load_id, 'c' || i AS _dlt_id
         FROM generate_series(1, 100) i`,
    ]);
    const spec = postgresSpec(url);
    const options = lane.options();
    const info = await lane.dbt({
      dbt: { ...options.dbt, target: "postgres" },
      destination: {
        type: "postgres",
        environment: POSTGRES_DBT.environment(spec),
        database: POSTGRES_DBT.database(spec),
      },
    });
    expect(info.findings.map(({ unique_id, status }) => [unique_id.split(".")[2], status])).toEqual([
      ["stg_claims_line_charge_not_negative", "warn"],
      ["int_claims_total_allowed_not_negative", "warn"],
    ]);
    expect(info.success).toBe(true);
    const quiet = { signal: new AbortController().signal, onProgress: () => {} };
    await using session = await createPostgresDestination(spec).open(quiet);
    const metrics = await collectMetrics(session, demoGate().metrics, metricsContext());
    expect(metrics.missing).toEqual({});
    expect(decideGate(info, metrics, demoGate())).toMatchObject({ decision: "promote", score: 100 });
  } finally {
    await lane.remove();
    await server.stop();
  }
});
