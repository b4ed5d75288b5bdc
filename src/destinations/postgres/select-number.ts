/** A SELECT of a user's in a read-only transaction: one statement, as a derived table, where nothing else can stand. */
import { TidemarkError } from "../../pipeline/errors";
import { selectProblem } from "../../pipeline/select-text";
import type { SelectedNumber } from "../destination";
import { oneNumber, refusedMetric } from "../one-number";
import type { PostgresDatabase } from "./database";
import { stateSaid } from "./errors";

/** PostgreSQL's numbers, and the type of a bare NULL. */
const TYPES: { [oid: number]: string } = {
  20: "bigint",
  21: "smallint",
  23: "integer",
  700: "real",
  701: "double precision",
  1700: "numeric",
};

/** @throws TidemarkError GATE_METRIC */
export async function selectNumber(db: PostgresDatabase, sql: string): Promise<SelectedNumber> {
  const problem = selectProblem(sql);
  if (problem !== undefined) throw refusedMetric(problem);
  await db.run("BEGIN READ ONLY");
  try {
    const text = `SELECT * FROM (\n${sql.replace(/[;\s]+$/, "")}\n) AS metric LIMIT 2`;
    const { fields, rows } = await db.query(text, [], "reading a metric");
    const types = fields.map(({ dataTypeID }) => TYPES[dataTypeID] ?? `oid ${dataTypeID}`);
    const isNumber = (i: number) => !types[i]!.startsWith("oid");
    return oneNumber({
      types,
      rows: rows.map(row =>
        Object.values(row as object).map((value, i) =>
          value === null ? null : isNumber(i) ? Number(value) : String(value),
        ),
      ),
    });
  } catch (error) {
    if (!(error instanceof TidemarkError) || error.code !== "DESTINATION_REFUSED") throw error;
    const state = stateSaid(error);
    if (state === "42P01" || state === "3F000") return { missing: "a table that it names is not there" };
    if (state === "42703") return { missing: "a column that it names is not there" };
    throw refusedMetric(error.message.replace(" Nothing was loaded.", ""));
  } finally {
    await db.run("ROLLBACK").catch(() => undefined);
  }
}
