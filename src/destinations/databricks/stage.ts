/** Step stage: package files into the Volume, in parallel, resumable per file, checked by size. */
import { stat } from "node:fs/promises";
import { TidemarkError } from "../../pipeline/errors";
import type { LoadPlan, StagedFile } from "../destination";
import type { Warehouse } from "./client";
import type { LoadOptions } from "./load-context";
import { inParallel } from "./parallel";
import { createVolume } from "./sql-ddl";
import { closedLoads } from "./sql-system";
import { dropStagedRows, stageRows } from "./stage-rows";
import { loadFolder, pipelineFolder, type StagedPath, stagedFiles, volumeOf } from "./staged-paths";
import { VolumeFiles } from "./volume-files";

/** Uploads at the same time. */
const UPLOADS = 8;
/** A file that arrives short is sent again so many times. */
const SENDS = 3;

/** @throws TidemarkError PACKAGE_LOST, DESTINATION_DENIED, DESTINATION_UNAVAILABLE, DESTINATION_UNSUPPORTED */
export async function stagePlan(db: Warehouse, plan: LoadPlan, options: LoadOptions): Promise<StagedFile[]> {
  if (options.load_mode === "spark") return stageRows(db, plan, options);
  refuseExternal(options);
  const place = volumeOf(plan, options.catalog, options.staging_volume_name);
  const files = stagedFiles(place, plan);
  if (files.length === 0) return [];
  const volume = new VolumeFiles(db.endpoint, db.credentials, db.signal);
  const earlier = (await volume.list(loadFolder(place, plan))) !== undefined;
  let created: Promise<void> | undefined;
  const createOnce = (): Promise<void> => {
    created ??= makeVolume(db, plan, options);
    return created;
  };
  return inParallel(files, UPLOADS, async staged => {
    const local = { path: staged.file.path, bytes: await localSize(plan, staged) };
    const there = earlier ? await volume.size(staged.path) : undefined;
    const resumed = there === local.bytes;
    if (!resumed) await send(db, volume, local, staged, options, createOnce);
    db.onProgress({ step: "load", subject: staged.file.table, phase: "staged", bytes: local.bytes });
    return { table: staged.file.table, path: staged.path, bytes: local.bytes, resumed };
  });
}

async function send(
  db: Warehouse,
  volume: VolumeFiles,
  local: { path: string; bytes: number },
  staged: StagedPath,
  options: LoadOptions,
  createOnce: () => Promise<void>,
): Promise<void> {
  const doing = `staging a file of table "${staged.file.table}"`;
  if (options.staging_upload === "put") await createOnce();
  for (let i = 0; i < SENDS; i++) {
    if (options.staging_upload === "put") {
      await db.put(local.path, staged.path, doing);
    } else if (!(await volume.upload(local, staged.path))) {
      await createOnce();
      await volume.upload(local, staged.path);
    }
    if ((await volume.size(staged.path)) === local.bytes) return;
  }
  throw new TidemarkError(
    "DESTINATION_UNAVAILABLE",
    `Databricks ${db.endpoint.host}, ${doing}: ${staged.path} did not arrive whole (${local.bytes} bytes). The step is tried again.`,
  );
}

async function makeVolume(db: Warehouse, plan: LoadPlan, options: LoadOptions): Promise<void> {
  if (options.staging_volume_name !== undefined) {
    throw new TidemarkError(
      "DESTINATION_DENIED",
      `Databricks: the Volume ${options.staging_volume_name} (staging_volume_name) is not there or may not be written. ` +
        "Create it and grant READ VOLUME and WRITE VOLUME on it.",
    );
  }
  const place = { catalog: options.catalog, dataset: plan.dataset };
  await db.run(createVolume(place), "creating the staging Volume");
}

async function localSize(plan: LoadPlan, { file }: StagedPath): Promise<number> {
  try {
    return (await stat(file.path)).size;
  } catch {
    throw new TidemarkError(
      "PACKAGE_LOST",
      `Load package ${plan.load_id}: the file ${file.path} of table "${file.table}" is gone. The run extracts again.`,
    );
  }
}

function refuseExternal(options: LoadOptions): void {
  if (options.is_staging_external_location !== true) return;
  throw new TidemarkError(
    "DESTINATION_UNSUPPORTED",
    "destination.is_staging_external_location: files are staged in a Unity Catalog Volume only, not in a bucket. Drop the " +
      "option; to keep the files in a bucket of yours, name an external Volume over it in staging_volume_name.",
  );
}

/**
 * Removes this load's files and what earlier, closed loads of the pipeline left. Called when the load is closed; a
 * failure only leaves files behind.
 */
export async function sweepStaged(db: Warehouse, plan: LoadPlan, options: LoadOptions): Promise<void> {
  if (options.load_mode === "spark") return dropStagedRows(db, plan, options);
  const place = volumeOf(plan, options.catalog, options.staging_volume_name);
  const volume = new VolumeFiles(db.endpoint, db.credentials, db.signal);
  const mine = loadFolder(place, plan);
  await volume.removeFolder(mine);
  const others = (await volume.list(pipelineFolder(place, plan))) ?? [];
  const leftovers = others.filter(entry => entry.isFolder && entry.path !== mine);
  if (leftovers.length === 0) return;
  const rows = await db.run(
    closedLoads(
      { catalog: options.catalog, dataset: plan.dataset },
      leftovers.map(entry => entry.name),
    ),
    "looking for closed loads",
  );
  const closed = new Set(rows.map(row => String(row.load_id)));
  for (const entry of leftovers) if (closed.has(entry.name)) await volume.removeFolder(entry.path);
}
