/**
 * Schema migration: dataset, Volume, tables, columns, keys and `_dlt_version`. Statements wait for one another in at most
 * five rounds: two looks, the dataset, its tables side by side, the version; a dataset that was not there needs no look,
 * and a few tables need one round.
 */
import { TidemarkError } from "../../pipeline/errors";
import type { StoredTable } from "../../schema/types";
import type { LoadPlan, MigrationInfo } from "../destination";
import { verifyChains } from "../merge-hints";
import { plannedTables } from "../system-tables";
import { chainsOf, completeColumns, LOADS_TABLE, VERSION_TABLE } from "../table-chains";
import { DATABRICKS_CAPABILITIES } from "./capabilities";
import { numberOf, type ResultRow, type Warehouse } from "./client";
import { DatabricksError, isMissing } from "./errors";
import { requireBaseNow, requireBaseOf, withFence } from "./fence";
import type { LoadOptions } from "./load-context";
import { keepStagingReady } from "./make-in-staging";
import { together } from "./parallel";
import { ifThere, isDatasetThere } from "./restore";
import {
  addColumns,
  createDataset,
  createNewDataset,
  createTable,
  createVolume,
  describeTable,
  dropTable,
  foreignKeys,
} from "./sql-ddl";
import type { Fence } from "./sql-fence";
import {
  countLoads,
  deleteVersions,
  existingColumnsSql,
  existingForeignKeys,
  insertVersion,
  versionAndLoads,
} from "./sql-system";
import { type Place, qualifiedTable } from "./sql-text";
import { stagingPlace } from "./staging-names";
import { verifyNames } from "./verify-names";

/** Other writers may add the same tables and columns between the look and the change. */
const LOOKS = 4;
/** Tables are made side by side, so many statements one after another at least: fewer are not worth a request more. */
const LANES = 6;
const LEAST_IN_A_LANE = 5;

/**
 * Brings the dataset up to the plan's schema. A schema version that became known since the load began costs one small
 * query. A load that is committed already changes nothing: its `refresh.drop` must not strike a second time.
 *
 * @throws TidemarkError LOAD_SUPERSEDED, DESTINATION_UNSUPPORTED, DESTINATION_REFUSED, DESTINATION_DENIED
 */
export async function migrate(db: Warehouse, plan: LoadPlan, options: LoadOptions): Promise<MigrationInfo> {
  verifyChains(chainsOf(plan), DATABRICKS_CAPABILITIES, options.replace_strategy);
  verifyNames(plan);
  const place: Place = { catalog: options.catalog, dataset: plan.dataset };
  const nothing: MigrationInfo = { created: [], added: [], version_written: false };
  const refreshed = (plan.refresh?.drop.length ?? 0) + (plan.refresh?.truncate.length ?? 0) > 0;
  if (plan.version_known && !refreshed) return nothing;
  if (plan.dataset_missing) {
    try {
      return await change(db, place, plan, options, "new");
    } catch (error) {
      if (!isOvertaken(error)) throw error;
    }
  }
  const found = await findVersion(db, place, plan);
  if (numberOf(found, "n") > 0) return nothing;
  const known = numberOf(found, "known") > 0;
  if (known && !refreshed) return nothing;
  for (let look = 1; ; look++) {
    try {
      const info = await change(db, place, plan, options, "looked at");
      return { ...info, version_written: !known || (plan.refresh?.drop.length ?? 0) > 0 };
    } catch (error) {
      if (look === LOOKS || !isOvertaken(error)) throw error;
    }
  }
}

/** Columns `known` and `n` (the load is closed); undefined where the dataset has no such tables. */
async function findVersion(db: Warehouse, place: Place, plan: LoadPlan): Promise<ResultRow | undefined> {
  const { version_hash } = plan.schema;
  const ask = async (fence?: Fence): Promise<ResultRow | undefined> => {
    const loads = fence?.loads ?? `(${countLoads(place, plan.load_id)})`;
    const sql = versionAndLoads(place, version_hash, loads);
    const [found] = await db.run(sql, "looking for the schema version");
    if (fence !== undefined && numberOf(found, "n") === 0) await requireBaseOf(db, place, plan, found);
    return found;
  };
  try {
    return await withFence(db, place, plan, ask);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  // a system table is missing, which need not be the one with the loads
  await requireBaseNow(db, place, plan);
  return undefined;
}

/** Somebody else made the table, column or constraint a moment before. */
function isOvertaken(error: unknown): boolean {
  return error instanceof DatabricksError && /ALREADY_EXISTS|DUPLICATE_COLUMNS_FOUND/.test(error.condition);
}

async function change(
  db: Warehouse,
  place: Place,
  plan: LoadPlan,
  options: LoadOptions,
  dataset: "new" | "looked at",
): Promise<MigrationInfo> {
  const info: MigrationInfo = { created: [], added: [], version_written: true };
  const existing: Columns = dataset === "new" ? new Map() : await existingColumns(db, place);
  const statements: string[] = [];
  const tables: string[][] = [];
  if (!existing.has(LOADS_TABLE)) {
    if (dataset === "new") statements.push(createNewDataset(place));
    else if (existing.size === 0) {
      // an administrator may have made both datasets for a principal that may not
      if (await isDatasetThere(db, place)) await keepStagingReady(db, plan, options.catalog);
      else statements.push(createDataset(place));
    }
    if (options.staging_volume_name === undefined && options.load_mode !== "spark") {
      tables.push([createVolume(place)]);
    }
  }
  if ((plan.refresh?.drop.length ?? 0) > 0) {
    // dlt drops its staging tables with them, or its next load would meet the columns of before
    const staging = stagingPlace(plan, options.catalog);
    statements.push(...drops(staging, plan, await existingColumns(db, staging)));
    statements.push(...drops(place, plan, existing));
    for (const table of plan.refresh?.drop ?? []) existing.delete(table.toLowerCase());
  }
  for (const table of plannedTables(plan))
    tables.push(tableStatements(place, table, existing, options, info));
  // a version that is there says that all the rest is
  const last = [
    ...(options.create_indexes ? await missingForeignKeys(db, place, plan, info) : []),
    ...emptied(place, plan, existing),
    insertVersion(place, plan.schema, new Date().toISOString()),
  ];
  const used = tables.filter(one => one.length > 0);
  if (plan.refresh === undefined) {
    await inRounds(db, statements, used, last);
    return info;
  }
  // what is dropped or emptied is gone: compared once more, in the same request
  await withFence(db, place, plan, fence =>
    inRounds(db, fence === undefined ? statements : [fence.assertion, ...statements], used, last),
  );
  return info;
}

/** `refresh: drop_sources | drop_resources`: the tables go, and with them all stored versions of the schema. */
function drops(place: Place, plan: LoadPlan, existing: Columns): string[] {
  const tables = (plan.refresh?.drop ?? []).filter(table => existing.has(table.toLowerCase()));
  return [
    ...tables.map(table => dropTable(place, table)),
    ...(existing.has(VERSION_TABLE) ? [deleteVersions(place, plan.schema.name)] : []),
  ];
}

/** Few statements in one request; many with the tables side by side. */
async function inRounds(
  db: Warehouse,
  first: readonly string[],
  tables: readonly string[][],
  last: readonly string[],
): Promise<void> {
  const doing = "migrating the schema";
  const lanes = Math.min(LANES, Math.ceil(tables.length / LEAST_IN_A_LANE));
  if (lanes < 2) {
    await db.script([...first, ...tables.flat(), ...last], doing);
    return;
  }
  await db.script(first, doing);
  await together(
    Array.from({ length: lanes }, (_, lane) =>
      db.script(tables.filter((_table, i) => i % lanes === lane).flat(), doing),
    ),
  );
  await db.script(last, doing);
}

/** Columns by table, both in lower case. */
type Columns = Map<string, Set<string>>;

async function existingColumns(db: Warehouse, place: Place): Promise<Columns> {
  const existing: Columns = new Map();
  const rows = await ifThere(db.run(existingColumnsSql(place), "reading the columns of the dataset"));
  for (const row of rows ?? []) {
    const table = String(row.table_name).toLowerCase();
    existing.set(table, (existing.get(table) ?? new Set()).add(String(row.column_name).toLowerCase()));
  }
  return existing;
}

function tableStatements(
  place: Place,
  table: StoredTable,
  existing: Map<string, Set<string>>,
  options: LoadOptions,
  info: MigrationInfo,
): string[] {
  const present = existing.get(table.name.toLowerCase());
  if (!present) {
    info.created.push(table.name);
    return createTable(place, table, options);
  }
  const added = completeColumns(table).filter(column => !present.has(column.name.toLowerCase()));
  // the version is not stored: an attempt may have ended between the table and what is said about it
  if (added.length === 0) return describeTable(place, table, options);
  const bad = added.find(column => column.nullable === false);
  if (bad !== undefined) throw notNullColumn(place, table.name, bad.name, bad.root_key === true);
  info.added.push(...added.map(column => `${table.name}.${column.name}`));
  return addColumns(place, table, added, options);
}

function notNullColumn(place: Place, table: string, column: string, isRootKey: boolean): TidemarkError {
  return new TidemarkError(
    "DESTINATION_REFUSED",
    `Table "${place.dataset}.${table}" exists without the NOT NULL column "${column}", and Databricks cannot add a NOT NULL ` +
      "column to an existing table. Nothing was changed. " +
      (isRootKey
        ? 'This happens when a table with nested tables changes to "merge": keep the old write disposition, or run once ' +
          "with `refresh: drop_resources` to build its tables anew."
        : "Make the column nullable (drop the key or the `nullable: false` hint), or run once with " +
          "`refresh: drop_resources` to build the table anew."),
  );
}

/** dlt: after all tables are there. Referenced tables that the dataset lacks are left out until they come. */
async function missingForeignKeys(
  db: Warehouse,
  place: Place,
  plan: LoadPlan,
  info: MigrationInfo,
): Promise<string[]> {
  const wanted = plannedTables(plan).filter(table => (table.references ?? []).length > 0);
  if (wanted.length === 0) return [];
  const rows = await ifThere(db.run(existingForeignKeys(place), "reading the keys of the dataset"));
  const there = new Set((rows ?? []).map(row => `${row.table_name}.${row.constraint_name}`.toLowerCase()));
  for (const table of info.created)
    for (const key of there) if (key.startsWith(`${table}.`)) there.delete(key);
  return wanted.flatMap(table =>
    foreignKeys(place, table)
      .filter(key => !there.has(`${table.name}.${key.name}`.toLowerCase()))
      .map(key => key.sql),
  );
}

/**
 * `refresh: drop_data`: tables without new rows are emptied here, the others when their rows come. Never TRUNCATE
 * before COPY INTO: a repeated COPY loads nothing, and the table would stay empty.
 */
function emptied(place: Place, plan: LoadPlan, existing: Map<string, Set<string>>): string[] {
  const loaded = new Set(chainsOf(plan).flatMap(chain => chain.tables.map(table => table.name)));
  return (plan.refresh?.truncate ?? [])
    .filter(table => !loaded.has(table) && existing.has(table.toLowerCase()))
    .map(table => `TRUNCATE TABLE ${qualifiedTable(place, table)}`);
}
