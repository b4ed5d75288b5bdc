/**
 * The fence of a load (design law 11): a package is committed only while the destination's newest load of its pipeline
 * is still the one that it was begun from. A load id is never used twice, so equality is all there is to compare.
 */
import { TidemarkError } from "../pipeline/errors";
import { describeSuperseded, isSameBase } from "../pipeline/package-base";
import type { LoadPlan } from "./destination";

/** What the destination has now, newest first; as many as the package has own ids, and one more. */
export interface NewestLoads {
  loads: readonly string[];
  states: readonly string[];
}

/** How many ids a destination must be asked for, so that one remains when the package's own are taken away. */
export const idsToAsk = (plan: LoadPlan): number => (plan.own_load_ids ?? [plan.load_id]).length + 1;

/** @throws TidemarkError LOAD_SUPERSEDED when somebody else committed since the package was begun */
export function requireBase(plan: LoadPlan, found: NewestLoads): void {
  const { base } = plan;
  if (base === undefined) return;
  const own = new Set(plan.own_load_ids ?? [plan.load_id]);
  const newest = (ids: readonly string[]) => ids.find(id => !own.has(id)) ?? null;
  const now = { load_id: newest(found.loads), state_load_id: newest(found.states) };
  if (isSameBase(base, now)) return;
  throw new TidemarkError("LOAD_SUPERSEDED", `${describeSuperseded(plan, base, now.load_id)}.`);
}
