/** The fence of a load (design law 11) around its statements, as far as Delta lets it be held: docs/databricks.md. */
import { TidemarkError } from "../../pipeline/errors";
import type { LoadPlan } from "../destination";
import { requireBase } from "../package-base";
import { numberOf, type ResultRow, type Warehouse } from "./client";
import { isAssertionFailed, isMissing } from "./errors";
import { ifThere } from "./restore";
import { type Fence, type FencedPlan, fenceOf, selectNewest } from "./sql-fence";
import { deleteState, hasState } from "./sql-system";
import type { Place } from "./sql-text";

const DOING = "comparing what the package was begun from";

const isFenced = (plan: LoadPlan): plan is FencedPlan => plan.base !== undefined;

/**
 * Work that compares by itself; without a fence for a package of an earlier version, and again where the dataset has no
 * state table.
 * @throws TidemarkError LOAD_SUPERSEDED, told in full
 */
export async function withFence<T>(
  db: Warehouse,
  place: Place,
  plan: LoadPlan,
  work: (fence: Fence | undefined) => Promise<T>,
): Promise<T> {
  if (!isFenced(plan)) return work(undefined);
  try {
    try {
      return await work(fenceOf(place, plan, true));
    } catch (error) {
      // a base that has a state had a table for it
      if (!isMissing(error) || plan.base.state_load_id !== null) throw error;
      return await work(fenceOf(place, plan, false));
    }
  } catch (error) {
    if (!isAssertionFailed(error)) throw error;
    return await refuse(db, place, plan);
  }
}

/**
 * A statement that compares by itself did nothing.
 * @throws TidemarkError LOAD_SUPERSEDED; DESTINATION_UNAVAILABLE when the base is there again
 */
export async function refuse(db: Warehouse, place: Place, plan: LoadPlan): Promise<never> {
  await requireBaseNow(db, place, plan);
  throw new TidemarkError(
    "DESTINATION_UNAVAILABLE",
    `Databricks ${db.endpoint.where}: the loads of dataset "${place.dataset}" changed to and fro while load ${plan.load_id} was ` +
      "under way. The step is tried again.",
  );
}

/** One small query. @throws TidemarkError LOAD_SUPERSEDED */
export async function requireBaseNow(db: Warehouse, place: Place, plan: LoadPlan): Promise<void> {
  if (!isFenced(plan)) return;
  const ask = (stateIsThere: boolean) => ifThere(db.run(selectNewest(place, plan, stateIsThere), DOING));
  requireBaseIn(plan, ((await ask(true)) ?? (await ask(false)))?.[0]);
}

/**
 * @param row with the columns of `fence.loads`
 * @throws TidemarkError LOAD_SUPERSEDED
 */
export async function requireBaseOf(
  db: Warehouse,
  place: Place,
  plan: LoadPlan,
  row: ResultRow | undefined,
): Promise<void> {
  try {
    requireBaseIn(plan, row);
  } catch {
    // the fence does not look behind the base: what is there now is told in full
    await refuse(db, place, plan);
  }
}

/** @param row undefined: the dataset has no loads */
function requireBaseIn(plan: LoadPlan, row: ResultRow | undefined): void {
  const ids = (value: unknown): string[] => (typeof value === "string" ? [value] : []);
  requireBase(plan, { loads: ids(row?.newest_load), states: ids(row?.newest_state) });
}

/**
 * A conditional INSERT of the state brought no row: it is there already, or the base was not.
 * @throws TidemarkError LOAD_SUPERSEDED
 */
export async function requireState(db: Warehouse, place: Place, plan: LoadPlan): Promise<void> {
  if (plan.state === undefined) return;
  const rows = await db.run(hasState(place, plan.state.dlt_id), "looking for the state");
  if (numberOf(rows[0], "n") === 0) await refuse(db, place, plan);
}

/**
 * The state row of a load that will never be closed; it does not count, and is no use to anybody. A failure leaves it
 * there.
 */
export async function dropState(db: Warehouse, place: Place, plan: LoadPlan): Promise<void> {
  if (plan.state === undefined) return;
  await db
    .run(deleteState(place, plan.load_id, plan.state.dlt_id), "removing a state that does not count")
    .catch(() => undefined);
}
