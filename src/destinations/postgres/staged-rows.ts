/**
 * Package files into tables by COPY. Staged rows are a temporary table with the columns and constraints of the target,
 * as dlt's staging tables have them, and a view of it that adds the order of arrival.
 */
import { randomBytes } from "node:crypto";
import { rm } from "node:fs/promises";
import { type TextColumn, TextWriter } from "../../package-rows/write-text";
import { TidemarkError } from "../../pipeline/errors";
import type { StoredTable } from "../../schema/types";
import type { PackageFile } from "../destination";
import { columnDefinition, type DdlWords } from "../one-transaction/sql-ddl";
import { ARRIVAL_COLUMNS, scratchName, stagedName } from "../one-transaction/sql-staged";
import { quoteName, quoteNames } from "../one-transaction/sql-text";
import { type CompleteColumn, completeColumns } from "../table-chains";
import { columnType } from "./column-types";
import type { PostgresDatabase } from "./database";
import { Misfit } from "./errors";

const rowsName = (table: string) => quoteName(scratchName("rows", table));
/** Below it the planner guesses well enough. */
const ANALYZE_FROM_ROWS = 1_000;

/** @returns rows per file, summed */
export async function copyFiles(
  db: PostgresDatabase,
  target: string,
  table: StoredTable,
  files: readonly PackageFile[],
): Promise<number> {
  if (files.length === 0) return 0;
  const columns = new Map(completeColumns(table).map(column => [column.name, column]));
  await using writer = await TextWriter.open();
  let rows = 0;
  // the next file is written while the last one is sent
  let next = write(writer, files[0]!, columns);
  for (const i of files.keys()) {
    const text = await next;
    const following = files[i + 1];
    if (following !== undefined) {
      next = write(writer, following, columns);
      next.catch(() => undefined);
    }
    try {
      if (text !== undefined) {
        const sql = `COPY ${target} (${quoteNames(text.columns)}) FROM STDIN (FORMAT text, ENCODING 'UTF8')`;
        rows += await db.copyIn(sql, text.path, `loading table "${table.name}"`);
      }
    } catch (error) {
      if (following !== undefined) {
        const left = await next.catch(() => undefined);
        if (left !== undefined) await rm(left.path, { force: true });
      }
      throw error instanceof Misfit ? named(error, table) : error;
    } finally {
      if (text !== undefined) await rm(text.path, { force: true });
    }
    db.onProgress({ step: "load", subject: table.name, rows });
  }
  return rows;
}

/** The refusal with table, column and type, and what to do. */
function named(misfit: Misfit, table: StoredTable): TidemarkError {
  const column = completeColumns(table).find(({ name }) => name === misfit.column);
  if (column === undefined) return misfit;
  const { name, data_type } = column;
  const hint = {
    bigint: `the hint data_type "wei", "decimal" or "text"`,
    decimal: `a larger precision or a smaller scale, or the hint data_type "text"`,
    wei: `a larger precision, or the hint data_type "text"`,
  }[data_type as string];
  return new TidemarkError(
    misfit.code,
    `Loading table "${table.name}": a row has a value that does not fit column "${name}" of type ` +
      `${columnType(table, column)} (dlt: ${data_type}). Nothing was loaded, the cursor did not move. ` +
      `Give "${name}" ${hint ?? 'the hint data_type "text", or correct the values in the source'}.`,
    // NaN or an infinity: no literal can say it, and dlt's SQL then takes it for a name
    { dltException: data_type === "double" || misfit.infinite ? "UndefinedColumn" : misfit.dltException },
  );
}

interface WrittenText {
  path: string;
  columns: string[];
}

async function write(
  writer: TextWriter,
  file: PackageFile,
  columns: ReadonlyMap<string, CompleteColumn>,
): Promise<WrittenText | undefined> {
  const names = file.columns.filter(name => columns.has(name));
  if (names.length === 0) return undefined;
  // beside the package's file, so that the disk that is filled is the one that was planned for
  const path = `${file.path}.${randomBytes(6).toString("hex")}.copy`;
  const rendered = names.map((name): TextColumn => ({ name, as: renderingOf(columns.get(name)!) }));
  await writer.write(file.path, rendered, path);
  return { path, columns: names };
}

function renderingOf({ data_type }: CompleteColumn): TextColumn["as"] {
  switch (data_type) {
    case "binary":
      return "bytes";
    case "text":
    case "json":
      return "escaped";
    default:
      return "plain";
  }
}

export async function stageRows(
  db: PostgresDatabase,
  words: DdlWords,
  table: StoredTable,
  files: readonly PackageFile[],
): Promise<void> {
  const rows = rowsName(table.name);
  const columns = completeColumns(table).map(column => columnDefinition(table, column, words));
  await db.run(`CREATE TEMPORARY TABLE ${rows} (${columns.join(", ")}) ON COMMIT DROP`);
  const staged = await copyFiles(db, rows, table, files);
  const [file, row] = ARRIVAL_COLUMNS.map(quoteName);
  await db.run(
    `CREATE TEMPORARY VIEW ${stagedName(table.name)} AS SELECT *, 0 AS ${file}, ctid AS ${row} FROM ${rows}`,
  );
  if (staged >= ANALYZE_FROM_ROWS)
    await db.run(`ANALYZE ${rows}`, [], `looking through table "${table.name}"`);
}

export async function unstageRows(db: PostgresDatabase, table: StoredTable): Promise<void> {
  await db.run(`DROP VIEW ${stagedName(table.name)}`);
  await db.run(`DROP TABLE ${rowsName(table.name)}`);
}
