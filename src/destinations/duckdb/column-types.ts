/** dlt column → DuckDB type. Source: dlt 1.31 DuckDbTypeMapper. */
import { TidemarkError } from "../../pipeline/errors";
import { C_DLT_ID } from "../../schema/system-tables";
import type { CompleteColumn } from "../table-chains";
import { DUCKDB_CAPABILITIES } from "./capabilities";

const MAX_DIGITS = 38;

/** @throws TidemarkError DESTINATION_UNSUPPORTED for a precision that DuckDB has no type for */
export function columnType(table: string, column: CompleteColumn): string {
  switch (column.data_type) {
    case "text":
      return "VARCHAR";
    case "double":
      return "DOUBLE";
    case "bool":
      return "BOOLEAN";
    case "date":
      return "DATE";
    case "time":
      return "TIME";
    case "binary":
      return "BLOB";
    case "json":
      return "JSON";
    case "bigint":
      return integerType(table, column);
    case "decimal":
      return decimalType(table, column, DUCKDB_CAPABILITIES.decimal_precision);
    case "wei":
      return decimalType(table, column, DUCKDB_CAPABILITIES.wei_precision);
    case "timestamp":
      return timestampType(table, column);
  }
}

/**
 * Row ids are random: weighing compressions for them took a third of inserting nested rows, to save a quarter of their
 * bytes (measured; docs/performance.md). All else DuckDB chooses.
 */
export function columnStorage({ name }: CompleteColumn): string {
  return name === C_DLT_ID ? " USING COMPRESSION uncompressed" : "";
}

/** Precision counts bits. */
function integerType(table: string, column: CompleteColumn): string {
  const bits = column.precision ?? 64;
  if (bits <= 8) return "TINYINT";
  if (bits <= 16) return "SMALLINT";
  if (bits <= 32) return "INTEGER";
  if (bits <= 64) return "BIGINT";
  if (bits <= 128) return "HUGEINT";
  throw badPrecision(table, column, "at most 128 bits");
}

function decimalType(table: string, column: CompleteColumn, defaults: [number, number]): string {
  const precision = column.precision ?? defaults[0];
  const scale = column.scale ?? defaults[1];
  if (precision > MAX_DIGITS || scale < 0 || scale > precision) {
    throw new TidemarkError(
      "DESTINATION_UNSUPPORTED",
      `Column "${table}.${column.name}": DuckDB has no decimal of precision ${precision} and scale ${scale}; at most ${MAX_DIGITS} ` +
        'digits, and no more of them behind the point than there are. Give the column another type (columns: data_type "double" or "text"), or leave it out.',
      { dltException: "TerminalValueError" },
    );
  }
  return `DECIMAL(${precision},${scale})`;
}

/** With a time zone DuckDB has one precision only, and the hint is ignored. */
function timestampType(table: string, column: CompleteColumn): string {
  if (column.timezone !== false) return "TIMESTAMP WITH TIME ZONE";
  const digits = column.precision ?? 6;
  if (digits === 0) return "TIMESTAMP_S";
  if (digits <= 3) return "TIMESTAMP_MS";
  if (digits <= 6) return "TIMESTAMP";
  if (digits <= 9) return "TIMESTAMP_NS";
  throw badPrecision(table, column, "at most 9 digits");
}

function badPrecision(table: string, column: CompleteColumn, valid: string): TidemarkError {
  return new TidemarkError(
    "DESTINATION_UNSUPPORTED",
    `Column "${table}.${column.name}": DuckDB has no ${column.data_type} of precision ${column.precision}; ${valid}.`,
    { dltException: "TerminalValueError" },
  );
}
