/** Schema migration: datasets, tables, columns and `_dlt_version`, in a transaction of its own before the load. */
import { TidemarkError } from "../../pipeline/errors";
import type { StoredTable } from "../../schema/types";
import type { LoadPlan, MigrationInfo } from "../destination";
import { verifyChains } from "../merge-hints";
import { plannedTables, versionTable } from "../system-tables";
import { chainsOf, completeColumns, LOADS_TABLE, needsStagingDataset, VERSION_TABLE } from "../table-chains";
import { isLoaded, requireBaseIn } from "./restore";
import { createDataset, createTable, dropTable } from "./sql-ddl";
import { deleteVersions, hasVersion, insertVersion } from "./sql-system";
import type { Place } from "./sql-text";
import type { SqlDatabase, SqlVendor } from "./sql-vendor";

/**
 * Brings the dataset up to the plan's schema. Only what is missing is created, found by comparing with the tables
 * that exist, so a known schema version costs two small queries. A load that is committed already changes nothing:
 * its `refresh.drop` must not strike a second time.
 *
 * @throws TidemarkError LOAD_SUPERSEDED, DESTINATION_UNSUPPORTED, DESTINATION_REFUSED (nothing changed)
 */
export async function migrate(vendor: SqlVendor, plan: LoadPlan): Promise<MigrationInfo> {
  const { db, options } = vendor;
  const chains = chainsOf(plan);
  verifyChains(chains, vendor.capabilities, options.replace_strategy);
  const info: MigrationInfo = { created: [], added: [], version_written: false };
  if (await isLoaded(db, plan.dataset, plan.load_id)) return info;

  const place: Place = db.place(plan.dataset);
  const staging: Place = db.place(plan.staging_dataset);
  const stagingWanted =
    needsStagingDataset(plan.schema, options.replace_strategy !== "truncate-and-insert") ||
    // dlt drops tables in both datasets, and makes sure of both before
    (plan.refresh?.drop.length ?? 0) > 0;
  await db.transaction("migrating the schema", async () => {
    await vendor.lock(plan, "tables");
    await requireBaseIn(db, plan);
    const datasets = await existingDatasets(db);
    await applyDrops(
      db,
      plan,
      [place, staging].filter(p => datasets.has(p.dataset)),
    );
    if (!datasets.has(plan.dataset)) await db.run(createDataset(place), [], "creating the dataset");
    // dlt works there; we read staged files in place, but dlt must find it as it left it
    if (stagingWanted) {
      if (!datasets.has(plan.staging_dataset)) await db.run(createDataset(staging));
      await db.run(createTable(staging, versionTable(plan), vendor));
    }

    const existing = await existingColumns(db, plan.dataset);
    for (const table of plannedTables(plan)) await applyTable(vendor, place, table, existing, info);
    info.version_written = await writeVersion(db, place, plan);
  });
  return info;
}

/** `refresh: drop_sources | drop_resources`: the tables go, and with them all stored versions of the schema. */
async function applyDrops(db: SqlDatabase, plan: LoadPlan, places: Place[]): Promise<void> {
  const drop = plan.refresh?.drop ?? [];
  if (drop.length === 0) return;
  for (const place of places) {
    for (const table of drop) await db.run(dropTable(place, table), [], `dropping table "${table}"`);
    const tables = await existingColumns(db, place.dataset);
    if (tables.has(VERSION_TABLE)) await db.run(deleteVersions(place), [plan.schema.name]);
  }
}

async function applyTable(
  vendor: SqlVendor,
  place: Place,
  table: StoredTable,
  existing: Map<string, Set<string>>,
  info: MigrationInfo,
): Promise<void> {
  const { db } = vendor;
  const present = existing.get(table.name.toLowerCase());
  if (!present) {
    await db.run(createTable(place, table, vendor), [], `creating table "${table.name}"`);
    info.created.push(table.name);
    return;
  }
  for (const column of completeColumns(table)) {
    if (present.has(column.name.toLowerCase())) continue;
    await db.run(vendor.addColumn(place, table, column), [], `adding column "${table.name}.${column.name}"`);
    info.added.push(`${table.name}.${column.name}`);
  }
}

async function writeVersion(db: SqlDatabase, place: Place, plan: LoadPlan): Promise<boolean> {
  const { schema } = plan;
  if ((await db.count(hasVersion(place), [schema.version_hash])) > 0) return false;
  await db.run(
    insertVersion(place),
    [
      BigInt(schema.version),
      BigInt(schema.engine_version),
      new Date().toISOString(),
      schema.name,
      schema.version_hash,
      JSON.stringify(schema),
    ],
    "storing the schema version",
  );
  return true;
}

export async function existingDatasets(db: SqlDatabase): Promise<Set<string>> {
  const rows = await db.rows("SELECT schema_name FROM information_schema.schemata WHERE catalog_name = $1", [
    db.catalog,
  ]);
  return new Set(rows.map(row => String(row.schema_name)));
}

/** Lower-cased column names by lower-cased table name: normalised names are lower case, and DuckDB's ignore it. */
export async function existingColumns(db: SqlDatabase, dataset: string): Promise<Map<string, Set<string>>> {
  const rows = await db.rows(
    "SELECT table_name, column_name FROM information_schema.columns WHERE table_catalog = $1 AND table_schema = $2",
    [db.catalog, dataset],
  );
  const tables = new Map<string, Set<string>>();
  for (const row of rows) {
    const table = String(row.table_name).toLowerCase();
    const columns = tables.get(table) ?? new Set<string>();
    columns.add(String(row.column_name).toLowerCase());
    tables.set(table, columns);
  }
  return tables;
}

/** @throws TidemarkError DESTINATION_UNAVAILABLE when a dropped dataset makes a load impossible */
export async function requireDataset(db: SqlDatabase, dataset: string): Promise<void> {
  const tables = await existingColumns(db, dataset);
  if (!tables.has(LOADS_TABLE)) {
    throw new TidemarkError(
      "DESTINATION_UNAVAILABLE",
      `${db.name}: dataset "${dataset}" has no ${LOADS_TABLE}; it was dropped after the migration. The step is tried again.`,
    );
  }
}
