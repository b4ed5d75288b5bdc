/** Tables in the staging dataset, for what a load keeps for itself. */
import type { LoadPlan } from "../destination";
import { versionTable } from "../system-tables";
import type { Warehouse } from "./client";
import { isDenied, isSchemaMissing } from "./errors";
import { createDataset, createTable } from "./sql-ddl";
import { stagingPlace } from "./staging-names";

/**
 * Statements that make tables in the staging dataset, which is made only where it is missing: CREATE SCHEMA IF NOT EXISTS
 * is refused without the privilege also where the schema is there (Unity Catalog).
 */
export async function makeInStaging(
  db: Warehouse,
  plan: LoadPlan,
  catalog: string,
  statements: readonly string[],
  doing: string,
): Promise<void> {
  const all = [...versionTableOf(plan, catalog), ...statements];
  try {
    await db.script(all, doing);
  } catch (error) {
    if (!isSchemaMissing(error)) throw error;
    await db.script([createDataset(stagingPlace(plan, catalog)), ...all], doing);
  }
}

/**
 * dlt's own bookkeeping in a staging dataset that an administrator made for it, if there is one: dlt's `refresh` fails
 * where it is missing.
 */
export async function keepStagingReady(db: Warehouse, plan: LoadPlan, catalog: string): Promise<void> {
  try {
    await db.script(versionTableOf(plan, catalog), "making dlt's table in the staging dataset");
  } catch (error) {
    // nothing of this load's is kept there
    if (!isSchemaMissing(error) && !isDenied(error)) throw error;
  }
}

function versionTableOf(plan: LoadPlan, catalog: string): string[] {
  return createTable(stagingPlace(plan, catalog), versionTable(plan), { create_indexes: false });
}
