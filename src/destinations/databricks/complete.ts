/** Closes a load: state row, then the `_dlt_loads` row, then what staging left is removed. */
import type { LoadPlan } from "../destination";
import type { Warehouse } from "./client";
import { dropDecisions } from "./decisions";
import type { LoadOptions } from "./load-context";
import { together } from "./parallel";
import { insertLoad, insertState } from "./sql-system";
import type { Place } from "./sql-text";
import { sweepStaged } from "./stage";

/** Phase at which fault tests strike; also told to a person. */
export const PHASE_BEFORE_LOADS = "before _dlt_loads";

/** The state row counts with its load only, so it is written while the rows are; a plan without rows has it here. */
export async function insertStateBeside(db: Warehouse, plan: LoadPlan, options: LoadOptions): Promise<void> {
  if (plan.state === undefined) return;
  const place: Place = { catalog: options.catalog, dataset: plan.dataset };
  await db.run(insertState(place, plan.state, plan.load_id), "storing the state");
}

/** Repeatable: a row that is there is not written again. */
export async function completeLoad(db: Warehouse, plan: LoadPlan, options: LoadOptions): Promise<void> {
  const place: Place = { catalog: options.catalog, dataset: plan.dataset };
  db.onProgress({ step: "load", phase: PHASE_BEFORE_LOADS });
  if (plan.roots.length === 0) await insertStateBeside(db, plan, options);
  await db.run(insertLoad(place, plan, new Date().toISOString()), "closing the package in _dlt_loads");
  await together([dropDecisions(db, plan, options), sweep(db, plan, options)]);
}

async function sweep(db: Warehouse, plan: LoadPlan, options: LoadOptions): Promise<void> {
  if (plan.files.length === 0 || options.keep_staged_files) return;
  await sweepStaged(db, plan, options).catch(error => {
    if (db.signal.aborted) throw error;
    // the load is closed; what is left is swept after the next one
    db.onProgress({ step: "load", phase: "staged files left", message: String((error as Error).message) });
  });
}
