import { loadConfig } from "../../../src/config";
import { databricksShape, resolveDatabricks } from "../../../src/destinations/databricks/spec";
import { resolveSpec } from "../../../src/spec/resolve-spec";
import { checkRunInput } from "../../../src/spec/run-input";

const ENV = {
  DATABRICKS_HOST: "https://adb-1.azuredatabricks.net/",
  DATABRICKS_HTTP_PATH: "/sql/1.0/warehouses/w",
  DATABRICKS_CATALOG: "main",
  DATABRICKS_TOKEN: "dapi-secret",
};

describe("a Databricks destination", () => {
  it("is complete from DATABRICKS_* alone, and names the token instead of holding it", () => {
    const spec = resolveDatabricks({ type: "databricks" }, ENV, undefined);
    expect(spec).toMatchObject({
      type: "databricks",
      server_hostname: "adb-1.azuredatabricks.net",
      http_path: "/sql/1.0/warehouses/w",
      catalog: "main",
      access_token: { env: "DATABRICKS_TOKEN" },
      replace_strategy: "truncate-and-insert",
    });
    expect(JSON.stringify(spec)).not.toContain("dapi-secret");
  });

  it("takes dlt's names first, and the spec before both", () => {
    const env = {
      ...ENV,
      DESTINATION__DATABRICKS__CREDENTIALS__CATALOG: "theirs",
      DESTINATION__DATABRICKS__CREDENTIALS__CLIENT_SECRET: "s",
      DESTINATION__CREDENTIALS__CLIENT_ID: "id",
      DESTINATION__DATABRICKS__KEEP_STAGED_FILES: "true",
    };
    const spec = resolveDatabricks(
      { type: "databricks", credentials: { http_path: "/mine" } },
      env,
      undefined,
    );
    expect(spec).toMatchObject({
      catalog: "theirs",
      http_path: "/mine",
      client_id: "id",
      client_secret: { env: "DESTINATION__DATABRICKS__CREDENTIALS__CLIENT_SECRET" },
      keep_staged_files: true,
    });
    expect(spec).not.toHaveProperty("credentials");
  });

  it("needs neither warehouse nor token where the task's Spark session is served", () => {
    const env = {
      DATABRICKS_HOST: "adb-1.azuredatabricks.net",
      DATABRICKS_CATALOG: "main",
      DATABRICKS_SESSION_URL: "http://127.0.0.1:4040",
      DATABRICKS_SESSION_TOKEN: "of-the-session",
    };
    const spec = resolveDatabricks({ type: "databricks" }, env, undefined);
    expect(spec).toMatchObject({
      load_mode: "spark",
      session_url: "http://127.0.0.1:4040",
      session_token: { env: "DATABRICKS_SESSION_TOKEN" },
    });
    // With a warehouse the way is chosen by load_mode, as ever; and loading by files needs one.
    expect(
      resolveDatabricks({ type: "databricks" }, { ...ENV, ...env }, undefined).load_mode,
    ).toBeUndefined();
    expect(() => resolveDatabricks({ type: "databricks", load_mode: "warehouse" }, env, undefined)).toThrow(
      /DATABRICKS_HTTP_PATH.*DATABRICKS_TOKEN/,
    );
    // The token goes nowhere else.
    const elsewhere = { ...env, DATABRICKS_SESSION_URL: "http://127.0.0.1:80@elsewhere.example:80" };
    expect(() => resolveDatabricks({ type: "databricks" }, elsewhere, undefined)).toThrow(
      /DATABRICKS_SESSION_URL must be http:\/\/127/,
    );
  });

  it("takes a port from the host", () => {
    const spec = resolveDatabricks(
      { type: "databricks" },
      { ...ENV, DATABRICKS_HOST: "localhost:9443" },
      undefined,
    );
    expect(spec).toMatchObject({ server_hostname: "localhost", port: 9443 });
  });

  it("says all that is missing at once", () => {
    expect(() => resolveDatabricks({ type: "databricks" }, {}, undefined)).toThrow(
      /DATABRICKS_HOST.*DATABRICKS_HTTP_PATH.*DATABRICKS_CATALOG.*DATABRICKS_TOKEN/,
    );
  });

  it("refuses a literal token inline, and points into a file that holds one", () => {
    const given = { type: "databricks", credentials: { access_token: "dapi-literal" } };
    expect(() => resolveDatabricks(given, ENV, undefined)).toThrow(
      expect.objectContaining({
        code: "SPEC_HOLDS_SECRET",
        message: expect.not.stringContaining("dapi-literal"),
      }),
    );
    expect(resolveDatabricks(given, ENV, "/p/x.json").access_token).toEqual({
      spec_ref: { file: "/p/x.json", pointer: "/destination/credentials/access_token" },
    });
  });

  it("takes dlt's session_timezone, and says what the Python connector's own fields have no effect on", () => {
    const spec = resolveDatabricks(
      { type: "databricks", credentials: { session_timezone: "Europe/Berlin" } },
      ENV,
      undefined,
    );
    expect(spec.session_configuration).toEqual({ "spark.sql.session.timeZone": "Europe/Berlin" });
    expect(spec).not.toHaveProperty("session_timezone");
    const given = { type: "databricks", credentials: { connection_parameters: { a: 1 } } };
    expect(databricksShape.safeParse(given).error?.issues).toMatchObject([
      { path: ["credentials", "connection_parameters"], message: expect.stringMatching(/Python connector/) },
    ]);
    const env = { ...ENV, DESTINATION__DATABRICKS__CREDENTIALS__SOCKET_TIMEOUT: "60" };
    expect(() => resolveDatabricks({ type: "databricks" }, env, undefined)).toThrow(
      /DESTINATION__DATABRICKS__CREDENTIALS__SOCKET_TIMEOUT is for dlt's Python connector/,
    );
  });

  it("takes load_mode, and no other word for it", () => {
    const env = { ...ENV, DESTINATION__DATABRICKS__LOAD_MODE: "spark" };
    expect(resolveDatabricks({ type: "databricks" }, env, undefined).load_mode).toBe("spark");
    env.DESTINATION__DATABRICKS__LOAD_MODE = "fast";
    expect(() => resolveDatabricks({ type: "databricks" }, env, undefined)).toThrow(/warehouse or spark/);
    expect(databricksShape.safeParse({ type: "databricks", load_mode: "fast" }).success).toBe(false);
  });

  it("takes the load mode of a run in place of the spec's, and for no other destination", () => {
    const config = loadConfig("/nowhere", { ...ENV });
    const document = (type: string) => ({
      pipeline_name: "p",
      destination: { type },
      source: { type: "rest_api", client: { base_url: "http://localhost" }, resources: ["a"] },
    });
    const resolve = (type: string, load_mode: "spark") =>
      resolveSpec({ document: document(type), file: "/nowhere/p.json" }, { load_mode }, config);
    expect(resolve("databricks", "spark").destination).toMatchObject({ load_mode: "spark" });
    expect(() => resolve("duckdb", "spark")).toThrow(/--load-mode\) is for the destination databricks/);
    expect(() => checkRunInput({ pipeline: "p", load_mode: "fast" })).toThrow(/load_mode/);
  });

  it("has a strict shape", () => {
    expect(databricksShape.safeParse({ type: "databricks", staging_volume_name: "a.b.c" }).success).toBe(
      true,
    );
    expect(databricksShape.safeParse({ type: "databricks", staging_volume_name: "a.b" }).success).toBe(false);
    expect(databricksShape.safeParse({ type: "databricks", hostname: "x" }).success).toBe(false);
  });
});
