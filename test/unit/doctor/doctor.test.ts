import { DATABRICKS_DBT } from "../../../src/destinations/databricks/dbt-adapter";
import { DUCKDB_DBT } from "../../../src/destinations/duckdb/dbt-adapter";
import { isHealthy } from "../../../src/doctor/check";
import { checkEnvironment, isPlaceholder } from "../../../src/doctor/environment";
import { checkNode, dbtVersions } from "../../../src/doctor/programs";

const around = (env: Record<string, string>) => ({ env, cwd: "/nowhere", home: "/nowhere" });
const bad = (env: Record<string, string>) =>
  checkEnvironment(around(env))
    .filter(check => !check.ok)
    .map(check => `${check.name}: ${check.detail}`);

describe("environment", () => {
  test("the defaults are fine", () => {
    expect(checkEnvironment(around({})).every(check => check.ok)).toBe(true);
    expect(isHealthy(checkEnvironment(around({})))).toBe(true);
  });

  test.each(["https://YOUR_HOST", "changeme", "<token>", "dapi...", "xxxx", "replace-me", "YOUR-TOKEN"])(
    "%s is a placeholder",
    value => expect(isPlaceholder(value)).toBe(true),
  );
  test.each([
    "adb-123.azuredatabricks.net",
    "postgresql://reader:pw@db.internal:5432/rnacen",
    "raw",
    "/sql/1.0/warehouses/ab12",
    "a < b",
  ])("%s is not", value => expect(isPlaceholder(value)).toBe(false));

  test("placeholders are named, their values not shown, and other people's variables left alone", () => {
    const found = bad({
      DATABRICKS_TOKEN: "<s3cret>",
      DATABRICKS_HOST: "YOUR_HOST",
      PS1: "<x>",
      EDITOR: "changeme",
    });
    expect(found).toEqual(["placeholders: still as in the example: DATABRICKS_HOST, DATABRICKS_TOKEN"]);
    expect(JSON.stringify(checkEnvironment(around({ DATABRICKS_TOKEN: "<s3cret>" })))).not.toContain(
      "s3cret",
    );
  });

  test("databricks needs its connection, by our names or dlt's", () => {
    expect(bad({ DLT_DESTINATION: "databricks", DATABRICKS_HOST: "h" })).toEqual([
      "destination: databricks needs DATABRICKS_HTTP_PATH, DATABRICKS_TOKEN (or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or DATABRICKS_CONFIG_PROFILE)",
    ]);
    const dlt = "DESTINATION__DATABRICKS__CREDENTIALS__";
    expect(
      bad({
        DLT_DESTINATION: "databricks",
        [`${dlt}SERVER_HOSTNAME`]: "h",
        [`${dlt}HTTP_PATH`]: "p",
        DATABRICKS_CLIENT_ID: "i",
        DATABRICKS_CLIENT_SECRET: "s",
      }),
    ).toEqual([]);
    expect(bad({ DLT_DESTINATION: "snowflake" })).toEqual(['destination: DLT_DESTINATION is "snowflake"']);
  });

  test("one schema for both sides, or an address with a scheme, is said", () => {
    expect(bad({ DLT_DATASET_NAME: "Analytics" })[0]).toMatch(/are both Analytics/);
    expect(bad({ TEMPORAL_ADDRESS: "http://localhost:7233" })[0]).toMatch(/HOST:PORT/);
    expect(bad({ TEMPORAL_ADDRESS: "ns.a1.tmprl.cloud:7233" })).toEqual([]);
  });
});

describe("versions", () => {
  test.each([
    ["v18.20.0", false],
    ["v20.2.9", false],
    ["v20.3.0", true],
    ["v24.1.0", true],
  ])("node %s: %s", (version, ok) => expect(checkNode(version).ok).toBe(ok));

  test("dbt, its adapter, and the duckdb that shares our file", () => {
    const found = { "dbt-core": "1.11.16", "dbt-duckdb": "1.11.1", duckdb: "1.5.6", "dbt-databricks": null };
    expect(dbtVersions(found, DUCKDB_DBT).every(check => check.ok)).toBe(true);
    expect(dbtVersions(found, DATABRICKS_DBT).find(check => !check.ok)?.detail).toBe(
      "dbt-databricks is not installed",
    );
    expect(dbtVersions({ ...found, duckdb: "2.0.0" }, DUCKDB_DBT).find(check => !check.ok)).toMatchObject({
      name: "duckdb",
      level: "error",
    });
    expect(dbtVersions({ ...found, "dbt-core": "1.12.6" }, DUCKDB_DBT).find(check => !check.ok)?.level).toBe(
      "warning",
    );
    expect(dbtVersions({ "dbt-core": null }, DUCKDB_DBT).every(check => check.ok)).toBe(false);
  });
});
