/** `tidemark doctor --online` against the stand-in: what is there, what is missing, nothing left behind. */
import { openWarehouse, type ResultRow } from "../../src/destinations/databricks/client";
import type { Check } from "../../src/doctor/check";
import { tidemark } from "../support/cli";
import { connectionEnv } from "../support/databricks/connection";
import { freshDataset, onRealWarehouse, useStandin, warehouseSpec } from "../support/databricks/use-standin";
import { newProject } from "../support/project";

const standin = useStandin();
const onStandin = onRealWarehouse ? test.skip : test;

async function sql(statement: string): Promise<ResultRow[]> {
  const quiet = { signal: new AbortController().signal, onProgress: () => undefined };
  await using db = await openWarehouse(warehouseSpec(), quiet);
  return await db.run(statement, "test");
}

/** The checks of the destination, by name. */
async function doctor(dataset: string, more: NodeJS.ProcessEnv = {}): Promise<{ [name: string]: Check }> {
  const project = newProject("doctor");
  const env = { ...connectionEnv(warehouseSpec()), DLT_DATASET_NAME: dataset, ...more };
  const { stdout } = await tidemark(project, ["doctor", "--online", "--json"], env);
  const checks = JSON.parse(stdout) as Check[];
  return Object.fromEntries(checks.map(check => [check.name, check]));
}

onStandin("connection, catalog, tables and Volume are tried, and nothing stays", async () => {
  const dataset = freshDataset();
  const first = await doctor(dataset);
  expect(first["databricks warehouse"]).toMatchObject({ ok: true });
  expect(first["databricks catalog"]!.detail).toMatch(/is not there: the first load makes it/);
  expect(first["databricks tables"]).toBeUndefined();
  await sql(`CREATE SCHEMA ${dataset}`);
  const second = await doctor(dataset);
  for (const name of ["warehouse", "catalog", "tables", "volume"])
    expect(second[`databricks ${name}`]).toMatchObject({ ok: true });
  expect(await sql(`SHOW TABLES IN ${dataset}`)).toEqual([]);
});

onStandin("for a cluster, the staging dataset is tried and no Volume", async () => {
  const dataset = freshDataset();
  await sql(`CREATE SCHEMA ${dataset}`);
  await sql(`CREATE SCHEMA ${dataset}_staging`);
  const noVolume = ["VOLUME", "CREATE VOLUME", "PUT", "COPY INTO"].map(kind => ({ kind }));
  await standin().control({ deny: [...noVolume, { kind: "CREATE TABLE", schema: `${dataset}_staging` }] });
  const found = await doctor(dataset, { DESTINATION__DATABRICKS__LOAD_MODE: "spark" });
  await standin().control({ deny: [] });
  expect(found["databricks tables"]).toMatchObject({ ok: true });
  expect(found["databricks volume"]).toBeUndefined();
  expect(found["databricks staging tables"]).toMatchObject({ ok: false, level: "error" });
  expect(found["databricks staging tables"]!.detail).toContain(`${dataset}_staging`);
});

onStandin("a missing grant and a wrong token are named, each with what to do", async () => {
  const dataset = freshDataset();
  await sql(`CREATE SCHEMA ${dataset}`);
  await standin().control({ deny: [{ kind: "CREATE TABLE" }, { kind: "PUT" }] });
  const denied = await doctor(dataset);
  expect(denied["databricks tables"]).toMatchObject({ ok: false, level: "error" });
  expect(denied["databricks tables"]!.detail).toMatch(/CREATE TABLE.*DESTINATION_DENIED/s);
  expect(denied["databricks volume"]!.detail).toMatch(/WRITE VOLUME.*DESTINATION_DENIED/s);
  await standin().control({ deny: [] });
  const wrong = await doctor(dataset, { DATABRICKS_TOKEN: "dapi-planted" });
  expect(wrong["databricks warehouse"]!.detail).toMatch(/DESTINATION_DENIED/);
  expect(JSON.stringify(wrong)).not.toContain("planted");
});
