/** Tables in the staging dataset, for what a load keeps for itself. */
import type { LoadPlan } from "../destination";
import { versionTable } from "../system-tables";
import type { Warehouse } from "./client";
import { isSchemaMissing } from "./errors";
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
  try {
    await db.script(statements, doing);
  } catch (error) {
    if (!isSchemaMissing(error)) throw error;
    const place = stagingPlace(plan, catalog);
    const dataset = [
      createDataset(place),
      ...createTable(place, versionTable(plan), { create_indexes: false }),
    ];
    await db.script([...dataset, ...statements], doing);
  }
}
