/**
 * Where package files lie in the Volume: derived from pipeline, load id, table and place in the package, so that every
 * attempt writes the same bytes to the same path (design law 2). COPY INTO remembers paths: a new name would load twice.
 */
import { createHash } from "node:crypto";
import type { LoadPlan, PackageFile } from "../destination";

export const DEFAULT_VOLUME = "_dlt_staging_load_volume";
/** dlt puts its files in folders named by 32 hex digits; ours are below this one. */
const OWN_FOLDER = "tidemark";

export interface VolumePlace {
  catalog: string;
  schema: string;
  volume: string;
}

/** Files of one table that have the same columns: they can be read as one folder. */
export interface StagedGroup {
  folder: string;
  /** Columns that the files have. */
  columns: ReadonlySet<string>;
  files: StagedPath[];
}

export interface StagedPath {
  name: string;
  path: string;
  file: PackageFile;
}

export function volumeOf(
  plan: Pick<LoadPlan, "dataset">,
  catalog: string,
  named: string | undefined,
): VolumePlace {
  const [c, s, v] = (named ?? "").split(".");
  if (c && s && v) return { catalog: c, schema: s, volume: v };
  return { catalog, schema: plan.dataset, volume: DEFAULT_VOLUME };
}

export function volumeFolder(place: VolumePlace): string {
  return `/Volumes/${place.catalog}/${place.schema}/${place.volume}`;
}

/** All loads of one pipeline. Several datasets may share a named Volume, so the dataset is in the path too. */
export function pipelineFolder(place: VolumePlace, plan: LoadPlan): string {
  const pipeline = segment(plan.pipeline_name ?? plan.schema.name);
  return `${volumeFolder(place)}/${OWN_FOLDER}/${segment(plan.dataset)}/${pipeline}`;
}

export function loadFolder(place: VolumePlace, plan: LoadPlan): string {
  return `${pipelineFolder(place, plan)}/${segment(plan.load_id)}`;
}

/** Empty when the table has no files. */
export function stagedGroups(place: VolumePlace, plan: LoadPlan, table: string): StagedGroup[] {
  const groups = new Map<string, StagedGroup>();
  const files = plan.files.filter(file => file.table === table);
  for (const [ordinal, file] of files.entries()) {
    const key = [...file.columns].sort().join("\n");
    let group = groups.get(key);
    if (group === undefined) {
      const folder = `${loadFolder(place, plan)}/${segment(table)}/g${groups.size}`;
      group = { folder, columns: new Set(file.columns), files: [] };
      groups.set(key, group);
    }
    // the ordinal keeps the order of arrival readable from the file's name
    const name = `p${String(ordinal).padStart(6, "0")}.parquet`;
    group.files.push({ name, path: `${group.folder}/${name}`, file });
  }
  return [...groups.values()];
}

export function stagedFiles(place: VolumePlace, plan: LoadPlan): StagedPath[] {
  const tables = [...new Set(plan.files.map(file => file.table))];
  return tables.flatMap(table => stagedGroups(place, plan, table).flatMap(group => group.files));
}

/**
 * A name as one segment of a path: itself where it is plain, else a readable part and a hash. Spark does not see
 * files and folders that begin with `_` or `.`.
 */
export function segment(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) return name;
  const readable = name.replace(/[^A-Za-z0-9]+/g, "-").slice(0, 60);
  return `t${readable}-${createHash("sha256").update(name).digest("hex").slice(0, 12)}`;
}
