/** dlt column → PostgreSQL type. Source: dlt 1.31 PostgresTypeMapper. */
import { TidemarkError } from "../../pipeline/errors";
import type { StoredTable } from "../../schema/types";
import type { CompleteColumn } from "../table-chains";
import { POSTGRES_CAPABILITIES } from "./capabilities";

/** @throws TidemarkError DESTINATION_UNSUPPORTED for a precision that PostgreSQL has no type for */
export function columnType(table: StoredTable, column: CompleteColumn): string {
  const { precision } = column;
  switch (column.data_type) {
    case "text":
      return precision === undefined ? "varchar" : `varchar(${precision})`;
    case "double":
      return "double precision";
    case "bool":
      return "boolean";
    case "date":
      return "date";
    case "time":
      return precision === undefined ? "time without time zone" : `time (${precision}) without time zone`;
    case "binary":
      return "bytea";
    case "json":
      // dlt's driver for parquet files knows no jsonb
      return table.file_format === "parquet" ? "json" : "jsonb";
    case "bigint":
      return integerType(table, column);
    case "decimal":
      return numericType(column, POSTGRES_CAPABILITIES.decimal_precision);
    case "wei":
      return numericType(column, POSTGRES_CAPABILITIES.wei_precision);
    case "timestamp":
      return timestampType(table, column);
  }
}

/** Precision counts bits. */
function integerType(table: StoredTable, column: CompleteColumn): string {
  const bits = column.precision ?? 64;
  if (bits <= 16) return "smallint";
  if (bits <= 32) return "integer";
  if (bits <= 64) return "bigint";
  throw badPrecision(table, column, "at most 64 bits");
}

function numericType(column: CompleteColumn, [precision, scale]: [number, number]): string {
  return `numeric(${column.precision ?? precision},${column.scale ?? scale})`;
}

function timestampType(table: StoredTable, column: CompleteColumn): string {
  const { precision, timezone } = column;
  if (precision !== undefined && (precision < 0 || precision > 6))
    throw badPrecision(table, column, "at most 6 digits");
  const digits = precision === undefined ? "" : ` (${precision})`;
  return `timestamp${digits} ${timezone === false ? "without" : "with"} time zone`;
}

function badPrecision(table: StoredTable, column: CompleteColumn, valid: string): TidemarkError {
  return new TidemarkError(
    "DESTINATION_UNSUPPORTED",
    `Column "${table.name}.${column.name}": PostgreSQL has no ${column.data_type} of precision ${column.precision}; ${valid}.`,
    { dltException: "TerminalValueError" },
  );
}
