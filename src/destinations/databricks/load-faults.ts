/** After Databricks refused rows: which column does not fit, without telling the value. */
import { TidemarkError } from "../../pipeline/errors";
import type { StoredTable } from "../../schema/types";
import type { LoadPlan } from "../destination";
import { type Chain, type CompleteColumn, completeColumns } from "../table-chains";
import { numberOf, type Warehouse } from "./client";
import { columnType } from "./column-types";
import type { LoadOptions } from "./load-context";
import { mergeTable } from "./sql-merge-parts";
import { folderPart, type StagedPart } from "./sql-staged";
import { quoteName } from "./sql-text";
import { stagedGroups, volumeOf } from "./staged-paths";

/** The refusal with table, column and type named where a staged value does not fit its column; else as it was. */
export async function explainMisfit(
  db: Warehouse,
  plan: LoadPlan,
  chains: readonly Chain[],
  options: LoadOptions,
  refusal: TidemarkError,
): Promise<TidemarkError> {
  for (const table of chains.flatMap(chain => chain.tables)) {
    const bad = await misfit(db, plan, table, options);
    if (!bad) continue;
    const one = bad.rows === 1;
    return new TidemarkError(
      "DESTINATION_REFUSED",
      `Loading table "${plan.dataset}.${table.name}": ${bad.rows} ${one ? "row has a value that does" : "rows have values that do"} ` +
        `not fit column "${bad.column.name}" of type ${columnType(table.name, bad.column, options)} ` +
        `(dlt: ${bad.column.data_type}). The table is as it was, the cursor did not move. ${advice(bad.column)}`,
    );
  }
  return refusal;
}

interface Misfit {
  column: CompleteColumn;
  rows: number;
}

async function misfit(
  db: Warehouse,
  plan: LoadPlan,
  table: StoredTable,
  options: LoadOptions,
): Promise<Misfit | undefined> {
  try {
    return await misfitIn(db, table, mergeTable(plan, table, options).source.parts, options);
  } catch {
    if (options.load_mode === "spark") return undefined;
    // files of a folder that differ in a column's type can only be read one by one
    for (const part of fileParts(plan, table, options)) {
      const bad = await misfitIn(db, table, [part], options).catch(() => undefined);
      if (bad !== undefined) return bad;
    }
    return undefined;
  }
}

async function misfitIn(
  db: Warehouse,
  table: StoredTable,
  parts: readonly StagedPart[],
  options: LoadOptions,
): Promise<Misfit | undefined> {
  for (const part of parts) {
    const columns = completeColumns(table).filter(column => part.columns.has(column.name));
    const counts = columns.map((column, i) => {
      const name = quoteName(column.name);
      const type = columnType(table.name, column, options);
      if (column.data_type === "time") return `0 AS c${i}`;
      const fits = type === "VARIANT" ? `try_parse_json(${name})` : `try_cast(${name} AS ${type})`;
      return `count_if(${name} IS NOT NULL AND ${fits} IS NULL) AS c${i}`;
    });
    const sql = `SELECT ${counts.join(", ")} FROM ${part.from}`;
    const row = (await db.run(sql, `looking for values of table "${table.name}" that do not fit`))[0];
    for (const [i, column] of columns.entries()) {
      const rows = numberOf(row, `c${i}`);
      if (rows > 0) return { column, rows };
    }
  }
  return undefined;
}

function fileParts(plan: LoadPlan, table: StoredTable, options: LoadOptions): StagedPart[] {
  const volume = volumeOf(plan, options.catalog, options.staging_volume_name);
  return stagedGroups(volume, plan, table.name).flatMap(group =>
    group.files.map(file => folderPart({ ...group, folder: file.path })),
  );
}

function advice(column: CompleteColumn): string {
  const name = column.name;
  if (column.data_type === "bigint") {
    return `Give "${name}" the hint data_type "wei", "decimal" or "text".`;
  }
  if (column.data_type === "decimal" || column.data_type === "wei") {
    return `Give "${name}" a larger precision or a smaller scale (38 digits in all), or the hint data_type "text".`;
  }
  return `Give "${name}" the hint data_type "text", or correct the values in the source.`;
}

/** Databricks names the column of a broken NOT NULL, and not the table: the chain's table that has it so. */
export function explainNull(plan: LoadPlan, chains: readonly Chain[], refusal: TidemarkError): TidemarkError {
  const name = /in the NOT NULL column "(.+?)"/.exec(refusal.message)?.[1];
  if (name === undefined) return refusal;
  const tables = chains
    .flatMap(chain => chain.tables)
    .filter(table => table.columns[name]?.nullable === false)
    .map(table => `${plan.dataset}.${table.name}.${name}`);
  if (tables.length === 0) return refusal;
  return new TidemarkError(
    "DESTINATION_REFUSED",
    `A row has no value in the NOT NULL column ${tables.join(" or ")}. The table is as it was. Make the column nullable or drop ` +
      "such rows in the source.",
  );
}
