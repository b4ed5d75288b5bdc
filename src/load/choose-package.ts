/**
 * What earlier runs left of a pipeline on this disk, and what becomes of it at the start of a load (design law 11): a
 * package that waits to be loaded is loaded first, an extraction that was cut off is gone on with, and what the
 * destination has left behind is dropped and told.
 */
import type { Restored } from "../destinations/destination";
import { bestCheckpoint, lastWritten, readDone } from "../extract/checkpoint";
import { readTextIfAny } from "../package/files";
import { failedPath, type PackageRef, resourceFolder } from "../package/layout";
import { type PackageRecord, updatePackage } from "../package/package-record";
import { dropPackage, type PackageScope, unfinishedPackages } from "../package/packages";
import { TidemarkError } from "../pipeline/errors";
import {
  describeOwner,
  describeSuperseded,
  isOfAnotherServer,
  isSameBase,
  type PackageOwner,
} from "../pipeline/package-base";
import type { BackfillRequest, ResolvedPipeline } from "../pipeline/spec";
import { findBegun, findSpec } from "./plan-files";

/**
 * Pages that came longer ago than this are asked for again. Long enough for a run that died in the night and is
 * started again in the morning; an API that pages by number may have moved on by much more than that.
 */
const TAKE_OVER_WITHIN_MS = 12 * 60 * 60 * 1000;

export interface ChooseArgs {
  scope: PackageScope;
  spec: ResolvedPipeline;
  backfill?: BackfillRequest;
  owner?: PackageOwner;
  /**
   * No other run loads this pipeline into this dataset: its reservation beside the destination is held. Without, what runs of
   * other namespaces and servers left may be in use there.
   */
  alone?: boolean;
  restored: Pick<Restored, "dataset_exists" | "newest_load_id" | "state">;
  /** `_dlt_loads` has this load id with status 0. */
  isLoaded: (loadId: string) => Promise<boolean>;
  /** Takes out what a package left that had begun to load, and says so. */
  takeBack: (record: PackageRecord) => Promise<string | undefined>;
  /** Milliseconds since 1970. */
  now: () => number;
}

export interface Chosen {
  /** "pending": load it. "taken over": go on with its extraction. Absent: begin a new one. */
  what?: "pending" | "taken over";
  record?: PackageRecord;
  notes: string[];
}

export async function choosePackage(args: ChooseArgs): Promise<Chosen> {
  const notes: string[] = [];
  const unfinished = await unfinishedPackages(args.scope);
  for (const record of unfinished) {
    if (mayBeInUse(record, args)) {
      notes.push(
        `load package ${record.load_id} is left alone, as ${describeOwner(record.owner!)} may be at it: two servers share this ` +
          "package root (`tidemark abort-packages --force` drops it when nobody is)",
      );
      continue;
    }
    const reason = whyStale(record, args);
    if (reason !== undefined) {
      const committed = args.restored.dataset_exists && (await args.isLoaded(record.load_id));
      // Committed, but the run died before it was recorded: what is left of it is done now.
      if (committed && args.restored.newest_load_id === record.load_id) {
        return { what: "pending", record, notes };
      }
      const left = committed || !args.restored.dataset_exists ? undefined : await args.takeBack(record);
      await dropPackage(refOf(args, record));
      // What was never extracted whole, or is in the dataset already, concerns nobody.
      if (record.state !== "new" && !committed) notes.push(reason);
      if (left !== undefined) notes.push(left);
      continue;
    }
    if (record.state !== "new") return { what: "pending", record, notes };
    const taken = await takeOver(record, args).catch(error => {
      // Files that cannot be read are no reason not to begin anew.
      if (error instanceof TidemarkError && error.code === "PACKAGE_DAMAGED") return undefined;
      throw error;
    });
    if (taken !== undefined) return { what: "taken over", record, notes: [...notes, ...taken] };
  }
  return { notes };
}

/** By a run that cannot be asked from here. */
export function mayBeInUse({ owner }: PackageRecord, own: Pick<ChooseArgs, "owner" | "alone">): boolean {
  return own.alone !== true && isOfAnotherServer(owner, own.owner);
}

/** A sentence for people when nothing of the package may be loaded any more. */
function whyStale(record: PackageRecord, { scope, restored }: ChooseArgs): string | undefined {
  const { load_id, base } = record;
  const { dataset } = scope;
  if (!restored.dataset_exists) {
    // dlt: where a working folder has data and the dataset does not exist, the folder is wiped. One that was begun
    // before there was a dataset still fits.
    if (base?.load_id === null && base.state_load_id === null && record.state === "new") return undefined;
    return `load package ${load_id} was left by an earlier run and is dropped, as dataset "${dataset}" does not exist: its rows are extracted again`;
  }
  const newest = restored.newest_load_id;
  if (base === undefined) {
    // A package of an earlier version does not say what it was begun from; its id was drawn then.
    if (newest === null || newest < load_id) return undefined;
    return describeSuperseded(
      { load_id, dataset },
      { pipeline_name: record.pipeline_name, load_id: null },
      newest,
    );
  }
  const now = { load_id: newest, state_load_id: restored.state?.load_id ?? null };
  return isSameBase(base, now) ? undefined : describeSuperseded({ load_id, dataset }, base, newest);
}

/** What people are told when the extraction can be gone on with; undefined: it cannot, and is left to the broom. */
async function takeOver(record: PackageRecord, args: ChooseArgs): Promise<string[] | undefined> {
  const { spec, backfill, owner } = args;
  const ref = refOf(args, record);
  const begun = await findBegun(ref);
  const written = await findSpec(ref);
  if (begun === null || written === null || record.base === undefined) return undefined;
  if (!isSameExtraction(written, spec)) return undefined;
  if (JSON.stringify(record.backfill) !== JSON.stringify(backfill)) return undefined;
  if ((await readTextIfAny(failedPath(ref))) !== null) return undefined;

  const folders = begun.resources.map(({ name }) => resourceFolder(ref, name));
  const { pages, at } = await pagesReached(folders);
  const own = owner !== undefined && record.owner?.run_id === owner.run_id;
  if (!own) {
    const young = args.now() - at <= TAKE_OVER_WITHIN_MS;
    if (!young || pages === 0 || record.taken_over_at_pages === pages) return undefined;
  }
  await updatePackage(ref, {
    ...(own ? {} : { taken_over_at_pages: pages }),
    ...(owner === undefined ? {} : { owner }),
  });
  if (pages === 0) return [];
  const by = own ? "" : ", which an earlier run had begun";
  return [`extraction goes on in load package ${record.load_id}${by}: ${pages} pages of it are safe`];
}

/** All resources together. `at`: when the last of them was written, in milliseconds since 1970. */
async function pagesReached(folders: readonly string[]): Promise<{ pages: number; at: number }> {
  let pages = 0;
  let at = 0;
  for (const folder of folders) {
    const reached = (await readDone(folder)) ?? (await bestCheckpoint(folder));
    if (reached === null) continue;
    pages += reached.pages;
    at = Math.max(at, await lastWritten(folder));
  }
  return { pages, at };
}

/** What a run does with the rows later, and how often it tries, does not change what is extracted. */
function isSameExtraction(written: ResolvedPipeline, spec: ResolvedPipeline): boolean {
  const relevant = ({ retry: _, transform: __, gate: ___, ...rest }: ResolvedPipeline) =>
    JSON.stringify(rest);
  return relevant(written) === relevant(spec);
}

const refOf = ({ scope }: ChooseArgs, { load_id }: PackageRecord): PackageRef => ({
  root: scope.root,
  pipeline_name: scope.pipeline_name,
  load_id,
});
