/**
 * A SELECT of a user's on a warehouse, which has no read-only transaction: `selectProblem` has looked at its tokens, and
 * here it stands as a derived table, where no other statement can. What is left is the principal's own rights, which a
 * gate needs for SELECT only (docs/gate.md).
 */
import { selectProblem } from "../../pipeline/select-text";
import type { SelectedNumber } from "../destination";
import { oneNumber, refusedMetric } from "../one-number";
import type { Warehouse } from "./client";
import { DatabricksError, isMissing, isRefused } from "./errors";

/** @throws TidemarkError GATE_METRIC */
export async function selectNumber(db: Warehouse, sql: string): Promise<SelectedNumber> {
  const problem = selectProblem(sql);
  if (problem !== undefined) throw refusedMetric(problem);
  try {
    // The name of the column is known this way, and that there is one.
    const rows = await db.run(
      `SELECT typeof(\`value\`) AS \`type\`, try_cast(\`value\` AS DOUBLE) AS \`value\` FROM (\n${sql}\n) AS metric(\`value\`) LIMIT 2`,
      "reading a metric",
    );
    const type = String(rows[0]?.type ?? "double");
    const isNumber = NUMBERS.test(type);
    return oneNumber({ types: [type], rows: rows.map(row => [isNumber ? row.value : String(row.value)]) });
  } catch (error) {
    if (!(error instanceof DatabricksError)) throw error;
    if (isMissing(error)) return { missing: "a table that it names is not there" };
    if (/^UNRESOLVED_COLUMN/.test(error.condition)) return { missing: "a column that it names is not there" };
    if (/NUM_COLUMNS|ASSIGNMENT_ARITY/.test(error.condition))
      throw refusedMetric("it gives several columns, and must give one row with one number");
    if (isRefused(error)) throw refusedMetric(error.message);
    throw error;
  }
}

/** Names of Spark's types; `void` is that of a bare NULL. */
const NUMBERS = /^(tinyint|smallint|int|bigint|float|double|decimal|void)/;
