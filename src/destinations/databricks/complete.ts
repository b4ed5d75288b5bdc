/** Closes a load: state row, then the `_dlt_loads` row, then what staging left is removed. */
import type { LoadPlan } from "../destination";
import { numberOf, type Warehouse } from "./client";
import { dropDecisions } from "./decisions";
import { isSuperseded } from "./errors";
import { dropState, refuse, requireState, withFence } from "./fence";
import type { LoadOptions } from "./load-context";
import { together } from "./parallel";
import type { Fence } from "./sql-fence";
import { countLoads, insertLoad, insertState } from "./sql-system";
import type { Place } from "./sql-text";
import { sweepStaged } from "./stage";

/** Phase at which fault tests strike; also told to a person. */
export const PHASE_BEFORE_LOADS = "before _dlt_loads";

/**
 * The state row counts with its load only, so it is written while the rows are; a plan without rows has it here.
 * @param fence undefined: compared already
 */
export async function insertStateBeside(
  db: Warehouse,
  plan: LoadPlan,
  options: LoadOptions,
  fence: Fence | undefined,
): Promise<void> {
  if (plan.state === undefined) return;
  const place: Place = { catalog: options.catalog, dataset: plan.dataset };
  const rows = await db.run(insertState(place, plan.state, plan.load_id, fence?.holds), "storing the state");
  if (fence !== undefined && numberOf(rows[0], "num_inserted_rows") === 0) {
    await requireState(db, place, plan);
  }
}

/**
 * Repeatable: a row that is there is not written again. What the package was begun from is compared in the statement
 * that commits.
 * @throws TidemarkError LOAD_SUPERSEDED
 */
export async function completeLoad(db: Warehouse, plan: LoadPlan, options: LoadOptions): Promise<void> {
  const place: Place = { catalog: options.catalog, dataset: plan.dataset };
  db.onProgress({ step: "load", phase: PHASE_BEFORE_LOADS });
  try {
    await withFence(db, place, plan, fence => close(db, place, plan, options, fence));
  } catch (error) {
    if (isSuperseded(error)) await dropState(db, place, plan);
    throw error;
  }
  await together([dropDecisions(db, plan, options), sweep(db, plan, options)]);
}

async function close(
  db: Warehouse,
  place: Place,
  plan: LoadPlan,
  options: LoadOptions,
  fence: Fence | undefined,
): Promise<void> {
  if (plan.roots.length === 0) await insertStateBeside(db, plan, options, fence);
  const insert = insertLoad(place, plan, new Date().toISOString(), fence?.holds);
  const rows = await db.run(insert, "closing the package in _dlt_loads");
  if (fence === undefined || numberOf(rows[0], "num_inserted_rows") > 0) return;
  // closed by an attempt whose answer was lost, or refused
  const found = await db.run(countLoads(place, plan.load_id), "looking for the load");
  if (numberOf(found[0], "n") > 0) return;
  await refuse(db, place, plan);
}

async function sweep(db: Warehouse, plan: LoadPlan, options: LoadOptions): Promise<void> {
  if (plan.files.length === 0 || options.keep_staged_files) return;
  await sweepStaged(db, plan, options).catch(error => {
    if (db.signal.aborted) throw error;
    // the load is closed; what is left is swept after the next one
    db.onProgress({ step: "load", phase: "staged files left", message: String((error as Error).message) });
  });
}
