/** The packages of a root: which are pending (design law 11), dropping them, and clearing away the finished. */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { TidemarkError } from "../pipeline/errors";
import { onDisk } from "./disk-errors";
import { type PackageRef, packageFolder, pipelineFolder } from "./layout";
import { findPackage, type PackageRecord, updatePackage } from "./package-record";
import { refusePartlyLoaded } from "./partly-loaded";

export interface PackageScope {
  root: string;
  pipeline_name: string;
  dataset: string;
  fingerprint: string;
}

/** A package whose package.json cannot be read: it is told and left alone, and others go on. */
export interface UnreadablePackage {
  /** Name of its folder: the load id. */
  load_id: string;
  /** PACKAGE_DAMAGED, ENGINE_TOO_OLD, DISK_FAILED, … */
  error: TidemarkError;
}

export interface PackageList {
  /** Oldest first (load ids sort as text). */
  records: PackageRecord[];
  unreadable: UnreadablePackage[];
}

/** All packages of one pipeline. Folders without package.json are not packages. */
export async function readPackages(root: string, pipeline: string): Promise<PackageList> {
  const folder = pipelineFolder(root, pipeline);
  const names = await onDisk("listing packages", async () => {
    try {
      return await readdir(folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      throw error;
    }
  });
  const list: PackageList = { records: [], unreadable: [] };
  for (const name of names.sort()) {
    // Load ids are plain text to safeName, so a folder's name is its load id.
    try {
      const record = await findPackage({ root, pipeline_name: pipeline, load_id: name });
      if (record?.pipeline_name === pipeline) list.records.push(record);
    } catch (error) {
      // A file between the folders, such as a lock, is no package.
      if ((error as TidemarkError).code === "PACKAGE_DENIED" && (await isFile(join(folder, name)))) continue;
      list.unreadable.push({ load_id: name, error: asTidemarkError(error, name) });
    }
  }
  list.records.sort((a, b) => (a.load_id < b.load_id ? -1 : 1));
  return list;
}

/** Those that can be read, oldest first. */
export async function listPackages(root: string, pipeline: string): Promise<PackageRecord[]> {
  return (await readPackages(root, pipeline)).records;
}

/** A sentence for each package that was passed over because nobody can read it. */
export async function unreadableNotes(root: string, pipeline: string): Promise<string[]> {
  const { unreadable } = await readPackages(root, pipeline);
  return unreadable.map(
    ({ load_id, error }) =>
      `load package ${load_id} is left alone, as it cannot be read (${error.code}): ${error.message}`,
  );
}

const isFile = (path: string) =>
  stat(path).then(
    found => found.isFile(),
    () => false,
  );

const asTidemarkError = (error: unknown, name: string): TidemarkError =>
  error instanceof TidemarkError
    ? error
    : new TidemarkError("PACKAGE_DAMAGED", `package.json of ${name} cannot be read.`, { cause: error });

const sameScope = (scope: PackageScope) => (record: PackageRecord) =>
  record.dataset === scope.dataset && record.fingerprint === scope.fingerprint;

/** Neither loaded nor aborted, oldest first: what earlier runs, or this one, left. */
export async function unfinishedPackages(scope: PackageScope): Promise<PackageRecord[]> {
  const records = await listPackages(scope.root, scope.pipeline_name);
  return records
    .filter(sameScope(scope))
    .filter(record => record.state !== "loaded" && record.state !== "aborted");
}

/** Extracted or normalized, but neither loaded nor aborted: the next run loads these first, oldest first. */
export async function pendingPackages(scope: PackageScope): Promise<PackageRecord[]> {
  return (await unfinishedPackages(scope)).filter(record => record.state !== "new");
}

/**
 * The version that this machine's last load counted for a schema of this hash, or undefined. dlt counts versions in
 * its working folder, where a change and its way back within one run count two, though nothing new is stored.
 */
export async function countedVersion(
  scope: PackageScope,
  schema: { name: string; version_hash: string },
): Promise<number | undefined> {
  const records = (await listPackages(scope.root, scope.pipeline_name)).filter(sameScope(scope));
  const last = records.findLast(one => one.state === "loaded" && one.schema_name === schema.name);
  return last?.loaded?.schema_version_hash === schema.version_hash ? last.schema_version : undefined;
}

/**
 * Drops what is pending, and what a dead extraction left behind (dlt: `drop_pending_packages`). The rows are gone,
 * the cursor never moved, so the next run extracts them again. A small record of each stays.
 * @param options force: also what has begun to load (dlt: `with_partial_loads`); keep: those stay
 * @returns load ids of the pending packages that were dropped
 * @throws TidemarkError PACKAGE_PARTLY_LOADED: nothing was dropped
 */
export async function abortPackages(
  scope: PackageScope,
  options: { force?: boolean; keep?: (record: PackageRecord) => boolean } = {},
): Promise<string[]> {
  const unfinished = (await unfinishedPackages(scope)).filter(record => !options.keep?.(record));
  if (options.force !== true) refusePartlyLoaded(unfinished);
  const aborted: string[] = [];
  for (const record of unfinished) {
    await dropPackage({ root: scope.root, pipeline_name: scope.pipeline_name, load_id: record.load_id });
    if (record.state !== "new") aborted.push(record.load_id);
  }
  return aborted;
}

/** Its rows are gone; a small record stays. */
export async function dropPackage(ref: PackageRef): Promise<void> {
  await updatePackage(ref, { state: "aborted" });
  await reducePackage(ref);
}

/**
 * Removes packages whose extraction died before any step recorded it: nobody will ask for them again. Young ones
 * stay, for they may be a load that is just being extracted, seen from an attempt of its first step that was given up.
 * @param before ISO text in UTC; packages made later stay
 * @param mayBeInUse those stay too
 */
export async function removeStalePackages(
  scope: PackageScope,
  before: string,
  mayBeInUse: (record: PackageRecord) => boolean = () => false,
): Promise<void> {
  for (const record of (await listPackages(scope.root, scope.pipeline_name)).filter(sameScope(scope))) {
    if (record.state !== "new" || record.created_at >= before || mayBeInUse(record)) continue;
    await removePackage({ root: scope.root, pipeline_name: scope.pipeline_name, load_id: record.load_id });
  }
}

/** Keeps package.json alone, so that a repeated step still finds what happened. */
export async function reducePackage(ref: PackageRef): Promise<void> {
  await onDisk("clearing a package", async () => {
    const folder = packageFolder(ref);
    for (const name of await readdir(folder)) {
      if (name !== "package.json") await rm(join(folder, name), { recursive: true, force: true });
    }
  });
}

export async function removePackage(ref: PackageRef): Promise<void> {
  await onDisk("removing a package", () => rm(packageFolder(ref), { recursive: true, force: true }));
}

/** Records of finished packages beyond the newest `keep` are removed, so that a root does not grow for ever. */
export async function forgetFinished(root: string, pipeline: string, keep: number): Promise<void> {
  const finished = (await listPackages(root, pipeline)).filter(
    record => record.state === "loaded" || record.state === "aborted",
  );
  for (const record of finished.slice(0, Math.max(0, finished.length - keep))) {
    await removePackage({ root, pipeline_name: pipeline, load_id: record.load_id });
  }
}
