/** Names of the tables that a load keeps for itself in the staging dataset: the same in every attempt (design law 2). */
import { createHash } from "node:crypto";
import type { LoadPlan } from "../destination";
import type { Place } from "./sql-text";

/** Changes when rows are staged otherwise, so that a load which is continued by a newer version starts anew. */
const VERSION = 1;

export function stagingName(kind: "decision" | "rows", plan: LoadPlan, table: string): string {
  const digest = createHash("sha256")
    .update([VERSION, kind, plan.schema.name, plan.load_id, table].join("\n"))
    .digest("hex");
  return `tidemark_${kind}_${digest.slice(0, 24)}`;
}

export const stagingPlace = (plan: LoadPlan, catalog: string): Place => ({
  catalog,
  dataset: plan.staging_dataset,
});
