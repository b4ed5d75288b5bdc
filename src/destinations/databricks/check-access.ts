/**
 * What `doctor --online` asks of a warehouse: each thing that a load needs, tried one after the other. In a dataset that
 * is there, a small table and a small file are written and removed; in one that is not, nothing is written.
 * `load_mode: "spark"` needs no Volume, but the staging dataset.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TidemarkError } from "../../pipeline/errors";
import type { AccessFinding, LoadPlan } from "../destination";
import type { Warehouse } from "./client";
import type { DatabricksDestination } from "./spec";
import { type Place, qualifiedDataset, qualifiedTable, quoteName, quoteText } from "./sql-text";
import { volumeFolder, volumeOf } from "./staged-paths";

const PROBE = "_tidemark_doctor";

/** Stops at the first step without which the rest cannot be tried. */
export async function checkAccess(
  db: Warehouse,
  { dataset, staging_dataset }: Pick<LoadPlan, "dataset" | "staging_dataset">,
  spec: DatabricksDestination,
): Promise<AccessFinding[]> {
  const place = { catalog: spec.catalog, dataset };
  const staging = { catalog: spec.catalog, dataset: staging_dataset };
  const found: AccessFinding[] = [];
  const step = async (what: string, work: () => Promise<string>): Promise<boolean> => {
    const finding = await tried(what, work);
    found.push(finding);
    return finding.ok;
  };
  const connected = await step("warehouse", async () => {
    const [row] = await db.run("SELECT current_user() AS who", "asking who we are");
    return `${db.endpoint.where} answers; connected as ${String(row?.who)}`;
  });
  if (!connected) return found;
  const there = new Set<string>();
  const looked = await step("catalog", async () => {
    const names = [dataset, staging_dataset].map(name => quoteText(name.toLowerCase())).join(", ");
    const rows = await db.run(
      `SELECT schema_name FROM ${quoteName(place.catalog)}.information_schema.schemata WHERE schema_name IN (${names})`,
      "looking for the dataset",
    );
    for (const row of rows) there.add(String(row.schema_name).toLowerCase());
    return there.has(dataset.toLowerCase())
      ? `${place.catalog}.${dataset} is there`
      : `${place.catalog} can be used; ${dataset} is not there: the first load makes it, and needs CREATE SCHEMA on the catalog`;
  });
  if (!looked) return found;
  if (there.has(dataset.toLowerCase())) {
    await step("tables", () => tryTable(db, place));
    if (spec.load_mode !== "spark") await step("volume", () => tryVolume(db, place, spec));
  }
  if (there.has(staging_dataset.toLowerCase())) await step("staging tables", () => tryTable(db, staging));
  return found;
}

async function tried(what: string, work: () => Promise<string>): Promise<AccessFinding> {
  try {
    return { what, ok: true, detail: await work() };
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error;
    return { what, ok: false, detail: `${error.message} (${error.code})` };
  }
}

async function tryTable(db: Warehouse, place: Place): Promise<string> {
  const table = qualifiedTable(place, PROBE);
  const doing = "trying to write a table";
  await db.run(`CREATE TABLE IF NOT EXISTS ${table} (id BIGINT)`, doing);
  try {
    await db.run(`ALTER TABLE ${table} SET TBLPROPERTIES ('tidemark.probe' = 'doctor')`, doing);
    await db.run(
      `MERGE INTO ${table} AS d USING (SELECT CAST(1 AS BIGINT) AS id) AS s ON d.id = s.id WHEN NOT MATCHED THEN INSERT *`,
      doing,
    );
    await db.run(`SELECT count(*) AS n FROM ${table}`, doing);
  } finally {
    await db.run(`DROP TABLE IF EXISTS ${table}`, "removing the doctor's table");
  }
  return "a table was created, altered, written, read and dropped";
}

async function tryVolume(db: Warehouse, place: Place, spec: DatabricksDestination): Promise<string> {
  const volume = volumeOf(place, place.catalog, spec.staging_volume_name);
  const doing = "trying to write a file into the Volume";
  if (spec.staging_volume_name === undefined) {
    await db.run(`CREATE VOLUME IF NOT EXISTS ${qualifiedDataset(place)}.${quoteName(volume.volume)}`, doing);
  }
  const folder = await mkdtemp(join(tmpdir(), "tidemark-doctor-"));
  const remote = `${volumeFolder(volume)}/tidemark/${PROBE}.txt`;
  try {
    const local = join(folder, "probe.txt");
    await writeFile(local, "written by tidemark doctor\n");
    await db.put(local, remote, doing);
    await db.run(`REMOVE ${quoteText(remote)}`, doing);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return `a file was written to ${volumeFolder(volume)} and removed`;
}
