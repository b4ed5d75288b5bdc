/**
 * `load_mode: "spark"`: staged rows in a table instead of files. A batch of rows travels as one JSON text of texts, which
 * costs the parser one token where VALUES costs one per value, and every column is cast once, exactly. Pure text.
 */
import type { StoredTable } from "../../schema/types";
import type { LoadPlan } from "../destination";
import { type CompleteColumn, completeColumns } from "../table-chains";
import { columnType } from "./column-types";
import type { StagedPart } from "./sql-staged";
import { qualifiedTable, quoteName, quoteText } from "./sql-text";
import { stagingName, stagingPlace } from "./staging-names";

/** Normalised names hold no colon, so these never meet a column of a user. */
const BATCH = quoteName("tidemark:batch");
const ROW = quoteName("tidemark:row");
const LOCAL_EPOCH = "TIMESTAMP_NTZ '1970-01-01 00:00:00'";

export function stagingTable(plan: LoadPlan, table: string, catalog: string): string {
  return qualifiedTable(stagingPlace(plan, catalog), stagingName("rows", plan, table));
}

/** Columns of a table that the package's files have. */
export function stagedColumns(plan: LoadPlan, table: StoredTable): CompleteColumn[] {
  const inFiles = new Set(plan.files.filter(file => file.table === table.name).flatMap(file => file.columns));
  return completeColumns(table).filter(column => inFiles.has(column.name));
}

export function stagingTableParts(plan: LoadPlan, table: StoredTable, catalog: string): StagedPart[] {
  const columns = stagedColumns(plan, table).map(column => column.name);
  if (columns.length === 0) return [];
  return [
    {
      from: stagingTable(plan, table.name, catalog),
      columns: new Set(columns),
      arrival: [BATCH, "0", ROW],
    },
  ];
}

/** The type that a package file gives the column; the statements that read it cast to the type of the target. */
function stagingType(table: string, column: CompleteColumn): string {
  switch (column.data_type) {
    case "bigint":
    case "time":
      return "BIGINT";
    case "json":
      return "STRING";
    default:
      return columnType(table, column, {});
  }
}

export function createStagingTable(
  staging: string,
  table: StoredTable,
  columns: readonly CompleteColumn[],
): string {
  const definitions = columns.map(column => `${quoteName(column.name)} ${stagingType(table.name, column)}`);
  return `CREATE TABLE IF NOT EXISTS ${staging} (${[`${BATCH} BIGINT`, `${ROW} BIGINT`, ...definitions].join(", ")})`;
}

/** Columns `batch` and `n` of the batches that are there. */
export function countBatches(staging: string): string {
  return `SELECT ${BATCH} AS batch, count(*) AS n FROM ${staging} GROUP BY ${BATCH}`;
}

/**
 * Writes one batch in place of what is there of it, in one commit, so that a repetition leaves it once.
 * @param rows values as src/package-rows renders them, in the order of `columns`
 */
export function writeBatch(
  staging: string,
  table: StoredTable,
  columns: readonly CompleteColumn[],
  batch: number,
  rows: readonly (readonly (string | null)[])[],
): string {
  // Spark replaces ${…} in the text of a statement
  const json = JSON.stringify(rows).replaceAll("$", "\\u0024");
  const values = columns.map(
    (column, i) => `${fromText(table.name, column, `r[${i}]`)} AS ${quoteName(column.name)}`,
  );
  const list = [`CAST(${batch} AS BIGINT) AS ${BATCH}`, `CAST(p AS BIGINT) AS ${ROW}`, ...values].join(", ");
  return (
    `INSERT INTO ${staging} REPLACE WHERE ${BATCH} = ${batch} SELECT ${list} ` +
    `FROM (SELECT posexplode(from_json(${quoteText(json)}, 'ARRAY<ARRAY<STRING>>')) AS (p, r))`
  );
}

function fromText(table: string, column: CompleteColumn, value: string): string {
  switch (column.data_type) {
    case "text":
    case "json":
      return value;
    case "binary":
      return `unhex(${value})`;
    case "date":
      return `date_from_unix_date(CAST(${value} AS INT))`;
    case "timestamp":
      return column.timezone === false
        ? `${LOCAL_EPOCH} + make_dt_interval(0, 0, 0, CAST(CAST(${value} AS DECIMAL(20, 0)) / 1000000 AS DECIMAL(18, 6)))`
        : `timestamp_micros(CAST(${value} AS BIGINT))`;
    default:
      return `CAST(${value} AS ${stagingType(table, column)})`;
  }
}
