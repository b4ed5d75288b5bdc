/**
 * Step stage of `load_mode: "spark"`, for a cluster without Volumes and COPY INTO: rows of the package's files into
 * staging tables, in bounded batches. Each batch is one commit that replaces itself, so attempts may repeat and overlap,
 * and a later one goes on with the batches that are missing.
 */

import { type Rendering, RowReader, type TextRow } from "../../package-rows/read-rows";
import { TidemarkError } from "../../pipeline/errors";
import type { StoredTable } from "../../schema/types";
import type { LoadPlan, PackageFile, StagedFile } from "../destination";
import { type CompleteColumn, chainsOf } from "../table-chains";
import { numberOf, type Warehouse } from "./client";
import type { LoadOptions } from "./load-context";
import { makeInStaging } from "./make-in-staging";
import { inParallel } from "./parallel";
import { dropTable } from "./sql-ddl";
import {
  countBatches,
  createStagingTable,
  stagedColumns,
  stagingTable,
  writeBatch,
} from "./sql-staging-table";
import { stagingName, stagingPlace } from "./staging-names";

/** A batch is closed at either bound. Databricks takes statements of 16 MB. */
const BATCH_ROWS = 10_000;
const BATCH_CHARACTERS = 2 * 1024 * 1024;
/** Tables that are filled at the same time. */
const TABLES = 4;
/** Numbers of batches per file, so that they do not depend on how many the files before have. */
const BATCHES_PER_FILE = 1_000_000;

/** @throws TidemarkError PACKAGE_LOST, DESTINATION_DENIED, DESTINATION_REFUSED, DESTINATION_UNAVAILABLE */
export async function stageRows(db: Warehouse, plan: LoadPlan, options: LoadOptions): Promise<StagedFile[]> {
  const tables = chainsOf(plan)
    .flatMap(chain => chain.tables)
    .map(table => ({ table, columns: stagedColumns(plan, table) }))
    .filter(({ columns }) => columns.length > 0);
  if (tables.length === 0) return [];
  const creates = tables.map(({ table, columns }) =>
    createStagingTable(stagingTable(plan, table.name, options.catalog), table, columns),
  );
  await makeInStaging(db, plan, options.catalog, creates, "creating staging tables");
  using reader = await RowReader.open();
  const staged = await inParallel(tables, TABLES, ({ table, columns }) =>
    fill({ db, plan, table, columns, reader, staging: stagingTable(plan, table.name, options.catalog) }),
  );
  return staged.flat();
}

interface Filling {
  db: Warehouse;
  plan: LoadPlan;
  table: StoredTable;
  columns: readonly CompleteColumn[];
  reader: RowReader;
  staging: string;
}

async function fill(filling: Filling): Promise<StagedFile[]> {
  const { db, plan, table, staging } = filling;
  const rows = await db.run(countBatches(staging), `looking for staged rows of table "${table.name}"`);
  const there = new Map(rows.map(row => [numberOf(row, "batch"), numberOf(row, "n")]));
  const files = plan.files.filter(file => file.table === table.name);
  const staged: StagedFile[] = [];
  for (const [ordinal, file] of files.entries()) {
    let batch = ordinal * BATCHES_PER_FILE;
    let sent = 0;
    for await (const part of batches(filling, file)) {
      if (there.get(batch) !== part.length) {
        const sql = writeBatch(staging, table, filling.columns, batch, part);
        await db.run(sql, `staging rows of table "${table.name}"`);
        sent += 1;
      }
      batch += 1;
    }
    db.onProgress({ step: "load", subject: table.name, phase: "staged", rows: file.rows, bytes: file.bytes });
    staged.push({ table: table.name, path: `${staging}/${ordinal}`, bytes: file.bytes, resumed: sent === 0 });
  }
  return staged;
}

/** Rows of a file in batches that depend on nothing but the file. */
async function* batches({ plan, columns, reader }: Filling, file: PackageFile): AsyncGenerator<TextRow[]> {
  const has = new Set(file.columns);
  const present = columns.filter(column => has.has(column.name));
  // where each value of a row of the file belongs; columns that the file lacks stay null
  const places = present.map(column => columns.indexOf(column));
  const rendered = present.map(column => ({ name: column.name, as: renderingOf(column) }));
  let batch: TextRow[] = [];
  let size = 0;
  for await (const chunk of readable(plan, file, reader.rows(file.path, rendered))) {
    for (const values of chunk) {
      const row: TextRow = new Array(columns.length).fill(null);
      let length = 2;
      for (const [i, value] of values.entries()) {
        row[places[i] as number] = value;
        length += 5 + (value?.length ?? 0);
      }
      if (batch.length === BATCH_ROWS || (batch.length > 0 && size + length > BATCH_CHARACTERS)) {
        yield batch;
        batch = [];
        size = 0;
      }
      batch.push(row);
      size += length;
    }
  }
  if (batch.length > 0) yield batch;
}

async function* readable<T>(plan: LoadPlan, file: PackageFile, rows: AsyncGenerator<T>): AsyncGenerator<T> {
  try {
    yield* rows;
  } catch {
    throw new TidemarkError(
      "PACKAGE_LOST",
      `Load package ${plan.load_id}: the file ${file.path} of table "${file.table}" is gone or cannot be read. The run ` +
        "extracts again.",
    );
  }
}

function renderingOf(column: CompleteColumn): Rendering {
  if (column.data_type === "binary") return "hex";
  if (column.data_type === "date") return "days";
  if (column.data_type === "timestamp") return "microseconds";
  return "text";
}

/** After the load is closed; a failure only leaves tables behind. */
export async function dropStagedRows(db: Warehouse, plan: LoadPlan, options: LoadOptions): Promise<void> {
  const place = stagingPlace(plan, options.catalog);
  const tables = [...new Set(plan.files.map(file => file.table))];
  const drops = tables.map(table => dropTable(place, stagingName("rows", plan, table)));
  await db.script(drops, "removing staging tables");
}
