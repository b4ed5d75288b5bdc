/** What a superseded package left in tables that commit for themselves, taken out before its rows come again. */
import type { DestinationSession, TakenBack } from "../destinations/destination";
import type { PackageRef } from "../package/layout";
import type { PackageRecord } from "../package/package-record";
import { partlyLoaded } from "../package/partly-loaded";
import { TidemarkError } from "../pipeline/errors";
import type { ResolvedPipeline } from "../pipeline/spec";
import { packagePlans } from "./load-plans";
import { findSpec } from "./plan-files";

/**
 * To be called before the package's rows are dropped: nested rows are known by what is in its files.
 * @returns a sentence for people; undefined when nothing of the package can be in any table
 */
export async function takeBack(
  session: DestinationSession,
  ref: PackageRef,
  spec: ResolvedPipeline,
  record: PackageRecord,
): Promise<string | undefined> {
  const tables = partlyLoaded(record);
  if (tables === undefined) return undefined;
  const had = `load package ${record.load_id} had begun to load: part of its rows may be in ${tables}`;
  const taken: TakenBack[] = [];
  try {
    const { plans } = await packagePlans(ref, (await findSpec(ref)) ?? spec);
    for (const plan of plans) taken.push(...((await session.takeBack?.(plan)) ?? []));
  } catch (error) {
    // what may pass is tried again; for anything else the run must not stand still
    if (!(error instanceof TidemarkError) || error.kind === "transient") throw error;
    return `${had}; they could not be taken back (${error.message})${canDouble(record)}`;
  }
  const left = taken.filter(one => one.deleted === null).map(one => `"${one.table}"`);
  const rows = taken.reduce((sum, one) => sum + (one.deleted ?? 0), 0);
  const back = record.loading?.append === undefined ? "" : `; ${rows} appended rows were taken back`;
  return `${had}${back}${left.length === 0 ? "" : `, but in ${left.join(", ")} they cannot be told from others and may stand twice`}`;
}

function canDouble({ loading }: PackageRecord): string {
  const appended = loading?.append ?? [];
  if (appended.length === 0) return "";
  return `, and may stand twice in ${appended.map(name => `"${name}"`).join(", ")}`;
}
