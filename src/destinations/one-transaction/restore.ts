/** What a run finds in the dataset when it starts. Absent things are empty answers. */
import type { PipelineLoads } from "../../pipeline/package-base";
import type { LoadPlan, Restored, RestoreQuery } from "../destination";
import { idsToAsk, requireBase } from "../package-base";
import { decodeSchema } from "../stored-schema";
import { LOADS_TABLE, STATE_TABLE, VERSION_TABLE } from "../table-chains";
import { greatestLoadId, hasLoad, latestVersions, loadsOfPipeline, newestState } from "./sql-system";
import type { Place } from "./sql-text";
import type { SqlDatabase } from "./sql-vendor";

export async function restore(db: SqlDatabase, query: RestoreQuery): Promise<Restored> {
  const restored: Restored = {
    dataset_exists: false,
    state: null,
    schemas: {},
    max_load_id: null,
    newest_load_id: null,
  };
  const tables = await systemTables(db, query.dataset);
  if (!tables) return restored;
  restored.dataset_exists = true;
  const place: Place = db.place(query.dataset);

  if (tables.has(LOADS_TABLE)) {
    const loadId = (await db.rows(greatestLoadId(place)))[0]?.load_id;
    if (typeof loadId === "string") restored.max_load_id = loadId;
    if (query.of !== undefined) {
      const of = { ...query.of, pipeline_name: query.pipeline_name };
      restored.newest_load_id = (await pipelineLoads(db, place, tables, of, 1))[0] ?? null;
    }
    if (tables.has(STATE_TABLE)) {
      const row = (await db.rows(newestState(place), [query.pipeline_name]))[0];
      if (row) {
        restored.state = {
          blob: String(row.state),
          version: Number(row.version),
          version_hash: row.version_hash === null ? null : String(row.version_hash),
          load_id: String(row.load_id),
        };
      }
    }
  }
  if (tables.has(VERSION_TABLE)) {
    for (const row of await db.rows(latestVersions(place))) {
      const name = String(row.schema_name);
      if (query.schema_names.includes(name)) restored.schemas[name] = decodeSchema(name, String(row.schema));
    }
  }
  return restored;
}

async function pipelineLoads(
  db: SqlDatabase,
  place: Place,
  tables: ReadonlySet<string>,
  { mark, schema_name, pipeline_name }: PipelineLoads,
  limit: number,
): Promise<string[]> {
  const hasState = tables.has(STATE_TABLE);
  const bound = hasState ? [mark, schema_name, pipeline_name] : [mark, schema_name];
  return (await db.rows(loadsOfPipeline(place, hasState, limit), bound)).map(row => String(row.load_id));
}

/**
 * To be called inside the transaction that commits, behind the vendor's lock: what is found here holds until then.
 * @throws TidemarkError LOAD_SUPERSEDED
 */
export async function requireBaseIn(db: SqlDatabase, plan: LoadPlan): Promise<void> {
  if (plan.base === undefined) return;
  const place: Place = db.place(plan.dataset);
  const tables = (await systemTables(db, plan.dataset)) ?? new Set<string>();
  const limit = idsToAsk(plan);
  const hasLoads = tables.has(LOADS_TABLE);
  const loads = hasLoads ? await pipelineLoads(db, place, tables, plan.base, limit) : [];
  const states =
    hasLoads && tables.has(STATE_TABLE)
      ? await db.rows(newestState(place, limit), [plan.base.pipeline_name])
      : [];
  requireBase(plan, { loads, states: states.map(row => String(row.load_id)) });
}

export async function isLoaded(db: SqlDatabase, dataset: string, loadId: string): Promise<boolean> {
  const tables = await systemTables(db, dataset);
  if (!tables?.has(LOADS_TABLE)) return false;
  return (await db.count(hasLoad(db.place(dataset)), [loadId])) > 0;
}

/** System tables of the dataset; undefined without the dataset. */
async function systemTables(db: SqlDatabase, dataset: string): Promise<Set<string> | undefined> {
  const rows = await db.rows(
    "SELECT t.table_name FROM information_schema.schemata AS s LEFT JOIN information_schema.tables AS t " +
      "ON t.table_catalog = s.catalog_name AND t.table_schema = s.schema_name AND t.table_name IN ($3, $4, $5) " +
      "WHERE s.catalog_name = $1 AND s.schema_name = $2",
    [db.catalog, dataset, LOADS_TABLE, STATE_TABLE, VERSION_TABLE],
  );
  return rows.length === 0 ? undefined : new Set(rows.map(row => String(row.table_name)));
}
