/** A SELECT of a user's, read-only: DuckDB's parser says what it is, a read-only transaction that nothing is written. */
import { type DuckDBConnection, DuckDBInstance, StatementType } from "@duckdb/node-api";
import type { TidemarkError } from "../../pipeline/errors";
import { fillSchemas } from "../../pipeline/select-text";
import type { SelectedNumber } from "../destination";
import { oneNumber, refusedMetric } from "../one-number";
import { quoteName } from "../one-transaction/sql-text";
import type { Database } from "./database";

/** @throws TidemarkError GATE_METRIC */
export function selectNumber(db: Database, sql: string): Promise<SelectedNumber> {
  return db.with("reading a metric", async connection => {
    try {
      return await read(connection, sql);
    } catch (error) {
      const text = told(error);
      const missing = missingIn(text);
      if (missing !== undefined) return { missing };
      throw refusedAs(text) ?? error;
    }
  });
}

/** Syntax and number of statements; names are looked up only where the tables are. */
export async function selectProblem(sql: string): Promise<string | undefined> {
  const instance = await DuckDBInstance.create(":memory:");
  try {
    const connection = await instance.connect();
    const filled = fillSchemas(sql, { raw: quoteName("raw"), analytics: quoteName("analytics") });
    const { count } = await connection.extractStatements(filled);
    connection.closeSync();
    return count === 1 ? undefined : `must be one statement, and is ${count}`;
  } catch (error) {
    return `DuckDB cannot read it: ${firstLines(told(error))}`;
  } finally {
    instance.closeSync();
  }
}

async function read(connection: DuckDBConnection, sql: string): Promise<SelectedNumber> {
  // Of the whole instance, and for good: no file, no other database, whatever a function of the SELECT asks for.
  await connection.run("SET enable_external_access = false");
  await connection.run("BEGIN TRANSACTION READ ONLY");
  try {
    const extracted = await connection.extractStatements(sql);
    if (extracted.count !== 1) throw refusedMetric(`it is ${extracted.count} statements, and must be one`);
    const statement = await extracted.prepare(0);
    if (statement.statementType !== StatementType.SELECT)
      throw refusedMetric(
        `it is a ${StatementType[statement.statementType]} statement, and must be a SELECT`,
      );
    const result = await statement.runAndReadUntil(2);
    const types = result.columnTypes().map(String);
    return oneNumber({ types, rows: result.getRowsJS().slice(0, 2) });
  } finally {
    await connection.run("ROLLBACK").catch(() => undefined);
  }
}

function missingIn(text: string): string | undefined {
  const table = /Table with name "?([^\s"]{1,300})"? does not exist/.exec(text);
  if (table !== null) return `the table ${table[1]} is not there`;
  const column =
    /Referenced column "([^"]{1,300})" (?:was )?not found|does not have a column named "([^"]{1,300})"/.exec(
      text,
    );
  return column === null ? undefined : `there is no column "${column[1] ?? column[2]}"`;
}

/** Undefined for what the SELECT is not to blame for. */
function refusedAs(text: string): TidemarkError | undefined {
  const kind = /^([A-Za-z ]{3,30}) Error/.exec(text)?.[1] ?? "";
  if (["Catalog", "Binder", "Parser", "Permission", "Not implemented"].includes(kind))
    return refusedMetric(`DuckDB refuses it: ${firstLines(text)}`);
  // These quote the value of a row.
  if (["Conversion", "Out of Range", "Invalid Input"].includes(kind))
    return refusedMetric(`DuckDB stopped with a ${kind} Error: a value does not fit an expression of it`);
  return undefined;
}

/** What is wrong and where: names and words of the SELECT itself, as no row was read yet. */
function firstLines(text: string): string {
  const [what = "", ...rest] = text.split("\n").filter(line => line.trim() !== "");
  const at = rest.find(line => /^LINE \d+:/.test(line));
  const place = at === undefined ? "" : ` (${at.slice(0, 120)})`;
  return `${what.slice(0, 300)}${place}`;
}

function told(error: unknown): string {
  const text = String((error as { message?: unknown } | null)?.message ?? error);
  return text.replace(/^Failed to extract statements: /, "");
}
