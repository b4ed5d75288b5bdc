/**
 * What the first attempt of a load found in a target and later attempts must not find anew, kept as a small table in
 * the staging dataset until the load is closed. Made only where a repetition could not tell by itself (sql-upsert.ts).
 */
import type { StoredTable } from "../../schema/types";
import type { LoadPlan } from "../destination";
import { type Chain, chainsOf, mergeStrategyOf } from "../table-chains";
import { DATABRICKS_CAPABILITIES } from "./capabilities";
import type { Warehouse } from "./client";
import { isMissing } from "./errors";
import type { LoadOptions } from "./load-context";
import { dropTable } from "./sql-ddl";
import { qualifiedTable } from "./sql-text";
import { stagingName, stagingPlace } from "./staging-names";

export function decisionTable(plan: LoadPlan, root: StoredTable, catalog: string): string {
  return qualifiedTable(stagingPlace(plan, catalog), decisionName(plan, root));
}

const decisionName = (plan: LoadPlan, root: StoredTable): string => stagingName("decision", plan, root.name);

/** A decision may exist for this chain. */
function mayDecide({ root, disposition }: Chain): boolean {
  if (disposition !== "merge") return false;
  return ["upsert", "cdc"].includes(mergeStrategyOf(root, DATABRICKS_CAPABILITIES.merge_strategies));
}

export async function dropDecisions(db: Warehouse, plan: LoadPlan, options: LoadOptions): Promise<void> {
  const roots = chainsOf(plan).filter(mayDecide);
  if (roots.length === 0) return;
  const place = stagingPlace(plan, options.catalog);
  const drops = roots.map(({ root }) => dropTable(place, decisionName(plan, root)));
  await db.script(drops, "removing what was kept for a repetition").catch(error => {
    // the staging dataset is made with the first decision
    if (!isMissing(error)) throw error;
  });
}
