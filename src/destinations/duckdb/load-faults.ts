/** After DuckDB refused rows: which column of which file does not fit, without telling the value. */
import { TidemarkError } from "../../pipeline/errors";
import type { StoredTable } from "../../schema/types";
import type { LoadPlan, PackageFile } from "../destination";
import { filesOf } from "../one-transaction/load-context";
import { quoteName } from "../one-transaction/sql-text";
import { type CompleteColumn, chainsOf, completeColumns } from "../table-chains";
import { columnType } from "./column-types";
import type { Database } from "./database";
import { readParquet } from "./staged-view";

/** The refusal with table, column and type named where a staged value does not fit its column; else as it was. */
export async function explainRefusal(
  db: Database,
  plan: LoadPlan,
  refusal: TidemarkError,
): Promise<TidemarkError> {
  for (const chain of chainsOf(plan)) {
    for (const table of chain.tables) {
      const bad = await misfit(db, plan, table);
      if (!bad) continue;
      return new TidemarkError(
        "DESTINATION_REFUSED",
        `Loading table "${plan.dataset}.${table.name}": ${bad.rows} ${bad.rows === 1 ? "row has a value" : "rows have values"} ` +
          `that ${bad.rows === 1 ? "does" : "do"} not fit column "${bad.column.name}" of type ` +
          `${columnType(table.name, bad.column)} (dlt: ${bad.column.data_type}). Nothing was loaded, the cursor did not ` +
          `move. ${advice(bad.column)}`,
        { dltException: bad.no_literal ? "BinderException" : "ConversionException" },
      );
    }
  }
  return refusal;
}

interface Misfit {
  column: CompleteColumn;
  rows: number;
  /** NaN or an infinity: no literal can say it, and dlt's SQL then takes it for a name. */
  no_literal: boolean;
}

async function misfit(db: Database, plan: LoadPlan, table: StoredTable): Promise<Misfit | undefined> {
  const files = filesOf(plan, table.name);
  try {
    return await misfitIn(db, files, table);
  } catch {
    // files that differ in a column's type can only be read one by one
    for (const file of files) {
      const bad = await misfitIn(db, [file], table).catch(() => undefined);
      if (bad !== undefined) return bad;
    }
    return undefined;
  }
}

async function misfitIn(db: Database, files: PackageFile[], table: StoredTable): Promise<Misfit | undefined> {
  const inFiles = new Set(files.flatMap(file => file.columns));
  const columns = completeColumns(table).filter(column => inFiles.has(column.name));
  if (columns.length === 0) return undefined;
  const counts = columns.map((column, i) => {
    const name = quoteName(column.name);
    const fits = `TRY_CAST(${name} AS ${columnType(table.name, column)})`;
    return `count(*) FILTER (WHERE ${name} IS NOT NULL AND ${fits} IS NULL) AS c${i}`;
  });
  const row = (await db.rows(`SELECT ${counts.join(", ")} FROM ${readParquet(files)}`))[0] ?? {};
  for (const [i, column] of columns.entries()) {
    const rows = Number(row[`c${i}`] ?? 0);
    if (rows > 0) return { column, rows, no_literal: await isNoLiteral(db, files, column) };
  }
  return undefined;
}

async function isNoLiteral(db: Database, files: PackageFile[], column: CompleteColumn): Promise<boolean> {
  if (column.data_type === "double") return true;
  if (column.data_type !== "decimal" && column.data_type !== "wei") return false;
  const condition = `regexp_matches(CAST(${quoteName(column.name)} AS VARCHAR), 'nan|inf', 'i')`;
  return (
    (await db.rows(`SELECT 1 AS found FROM ${readParquet(files)} WHERE ${condition} LIMIT 1`)).length > 0
  );
}

function advice(column: CompleteColumn): string {
  const name = column.name;
  if (column.data_type === "bigint") {
    return `Give "${name}" the hint data_type "wei", "decimal" or "text", or a larger precision (bits, up to 128).`;
  }
  if (column.data_type === "decimal" || column.data_type === "wei") {
    return `Give "${name}" a larger precision or a smaller scale (38 digits in all), or the hint data_type "text".`;
  }
  return `Give "${name}" the hint data_type "text", or correct the values in the source.`;
}
