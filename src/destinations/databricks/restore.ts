/** What a run finds in the dataset when it starts. Absent things are empty answers. */
import type { PipelineLoads } from "../../pipeline/package-base";
import type { Restored, RestoreQuery } from "../destination";
import { decodeSchema } from "../stored-schema";
import { numberOf, type ResultRow, type Warehouse } from "./client";
import { isMissing } from "./errors";
import { greatestLoadIds } from "./sql-fence";
import { countLoads, greatestLoadId, latestVersions, newestState, showDataset } from "./sql-system";
import type { Place } from "./sql-text";

/** Three reads at the same time; a fourth where none of the tables is there, or is expected to be. */
export async function restore(db: Warehouse, place: Place, query: RestoreQuery): Promise<Restored> {
  const doing = "reading the stored state";
  const of = query.of === undefined ? undefined : { ...query.of, pipeline_name: query.pipeline_name };
  const [states, loads, versions, early] = await Promise.all([
    ifThere(db.run(newestState(place, query.pipeline_name), doing)),
    ifThere(db.run(loadIds(place, of, true), doing)),
    query.schema_names.length === 0 ? [] : ifThere(db.run(latestVersions(place, query.schema_names), doing)),
    query.first_run ? isDatasetThere(db, place) : undefined,
  ]);
  const restored: Restored = {
    dataset_exists: true,
    state: null,
    schemas: {},
    max_load_id: null,
    newest_load_id: null,
  };
  if (states === undefined && loads === undefined) {
    restored.dataset_exists = early ?? (await isDatasetThere(db, place));
  }
  // a dataset with a version and without a state: nobody asked for one to be kept
  const loaded =
    loads ?? (versions === undefined ? [] : await ifThere(db.run(loadIds(place, of, false), doing)));
  const state = states?.[0];
  if (state !== undefined) {
    restored.state = {
      blob: String(state.state),
      version: Number(state.version),
      version_hash: state.version_hash === null ? null : String(state.version_hash),
      load_id: String(state.load_id),
    };
  }
  const ids = loaded?.[0];
  if (typeof ids?.load_id === "string") restored.max_load_id = ids.load_id;
  if (typeof ids?.newest_load === "string") restored.newest_load_id = ids.newest_load;
  for (const row of versions ?? []) {
    const name = String(row.schema_name);
    restored.schemas[name] = decodeSchema(name, String(row.schema));
  }
  return restored;
}

function loadIds(place: Place, of: PipelineLoads | undefined, hasState: boolean): string {
  if (of === undefined) return greatestLoadId(place);
  return greatestLoadIds(place, of, hasState);
}

export async function isDatasetThere(db: Warehouse, place: Place): Promise<boolean> {
  const rows = await db.run(showDataset(place), "looking for the dataset");
  // in the pattern of SHOW, * and | have a meaning
  return rows.some(row => String(Object.values(row)[0]).toLowerCase() === place.dataset.toLowerCase());
}

export async function isLoaded(db: Warehouse, place: Place, loadId: string): Promise<boolean> {
  const rows = await ifThere(db.run(countLoads(place, loadId), "looking for the load"));
  return numberOf(rows?.[0], "n") > 0;
}

/** undefined when a table or the dataset is missing. */
export async function ifThere(reading: Promise<ResultRow[]>): Promise<ResultRow[] | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
