/** The doctor on this project, with the real dbt and offline. */
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { isHealthy } from "../../../src/doctor/check";
import { runDoctor } from "../../../src/doctor/run-doctor";
import { dbtPython } from "./dbt-lane";

const CHECKOUT = resolve(__dirname, "../../..");

describe("the doctor", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "tidemark-doctor-test-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const env = (more = {}) => ({
    PATH: process.env.PATH,
    HOME: folder,
    DUCKDB_PATH: join(folder, "no.duckdb"),
    ...more,
  });

  test("finds this checkout fit, without creating a database", async () => {
    const checks = await runDoctor({
      cwd: CHECKOUT,
      home: folder,
      pipelinesDir: join(CHECKOUT, "pipelines"),
      dbtDir: join(CHECKOUT, "dbt"),
      env: env({ TEMPORAL_ADDRESS: "127.0.0.1:1" }),
      online: false,
      tools: { nodeVersion: process.version, dbtPython: dbtPython(), findProgram: () => undefined },
      checkSpecs: () => [{ pipeline: "demo", problems: [], transform_dataset: "other" }],
    });
    expect(checks.filter(check => !check.ok && check.level === "error")).toEqual([]);
    expect(isHealthy(checks)).toBe(true);
    expect(checks.map(check => check.name)).toEqual(
      expect.arrayContaining(["dbt parse", "schema names", "python"]),
    );
    expect(checks.find(check => check.name === "pipeline demo")).toMatchObject({
      ok: false,
      level: "warning",
    });
    expect(existsSync(join(folder, "no.duckdb"))).toBe(false);
  });

  test("a repository that only loads needs no dbt", async () => {
    mkdirSync(join(folder, "specs"));
    const checks = await runDoctor({
      cwd: folder,
      home: folder,
      pipelinesDir: join(folder, "specs"),
      dbtDir: join(folder, "dbt"),
      env: env({ TEMPORAL_ADDRESS: "127.0.0.1:1" }),
      online: false,
      tools: { nodeVersion: process.version, findProgram: () => undefined },
      checkSpecs: () => [{ pipeline: "orders", problems: [] }],
    });
    expect(checks.filter(check => !check.ok && check.level === "error")).toEqual([]);
    expect(checks.map(check => check.name).filter(name => name.startsWith("dbt"))).toEqual([]);
  });

  test("says everything that is missing at once", async () => {
    const checks = await runDoctor({
      cwd: folder,
      home: folder,
      pipelinesDir: join(folder, "pipelines"),
      dbtDir: join(folder, "dbt"),
      env: env({ DATABRICKS_TOKEN: "changeme" }),
      online: false,
      tools: { nodeVersion: "v18.0.0", findProgram: () => undefined },
      checkSpecs: () => {
        throw new Error("pipelines/bad.json: source.type is missing");
      },
    });
    expect(isHealthy(checks)).toBe(false);
    expect(checks.filter(check => !check.ok && check.level === "error").map(check => check.name)).toEqual([
      "files",
      "node",
      "temporal",
      "placeholders",
      "pipelines",
    ]);
    expect(checks.filter(check => !check.ok).every(check => check.fix !== "")).toBe(true);
  });
});
