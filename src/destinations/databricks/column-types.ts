/** dlt column → Databricks type. Source: dlt 1.31 DatabricksTypeMapper. */
import { TidemarkError } from "../../pipeline/errors";
import type { CompleteColumn } from "../table-chains";
import { DATABRICKS_CAPABILITIES } from "./capabilities";

export interface TypeOptions {
  /** json columns as VARIANT in place of STRING. */
  json_type?: "string" | "variant";
}

/** @throws TidemarkError DESTINATION_UNSUPPORTED for a precision that Databricks has no type for */
export function columnType(table: string, column: CompleteColumn, options: TypeOptions): string {
  switch (column.data_type) {
    case "text":
    case "time":
      return "STRING";
    case "json":
      return options.json_type === "variant" ? "VARIANT" : "STRING";
    case "double":
      return "DOUBLE";
    case "bool":
      return "BOOLEAN";
    case "date":
      return "DATE";
    case "binary":
      return "BINARY";
    case "bigint":
      return integerType(table, column);
    case "decimal":
      return decimalType(table, column, DATABRICKS_CAPABILITIES.decimal_precision);
    case "wei":
      return decimalType(table, column, DATABRICKS_CAPABILITIES.wei_precision);
    case "timestamp":
      // both kinds hold microseconds, whatever precision is asked
      return column.timezone === false ? "TIMESTAMP_NTZ" : "TIMESTAMP";
  }
}

/** Precision counts bits. */
function integerType(table: string, column: CompleteColumn): string {
  const bits = column.precision ?? 64;
  if (bits <= 8) return "TINYINT";
  if (bits <= 16) return "SMALLINT";
  if (bits <= 32) return "INT";
  if (bits <= 64) return "BIGINT";
  throw badPrecision(table, column, "at most 64 bits; use data_type decimal or wei");
}

function decimalType(table: string, column: CompleteColumn, defaults: [number, number]): string {
  const precision = column.precision ?? defaults[0];
  const scale = column.scale ?? defaults[1];
  if (precision > 38) throw badPrecision(table, column, "at most 38 digits");
  return `DECIMAL(${precision},${scale})`;
}

function badPrecision(table: string, column: CompleteColumn, valid: string): TidemarkError {
  return new TidemarkError(
    "DESTINATION_UNSUPPORTED",
    `Column "${table}.${column.name}": Databricks has no ${column.data_type} of precision ${column.precision}; ${valid}.`,
  );
}

/** A value of a staged file in the type of the table's column. */
export function stagedValue(
  table: string,
  column: CompleteColumn,
  name: string,
  options: TypeOptions,
): string {
  if (column.data_type === "time") return timeText(name);
  const type = columnType(table, column, options);
  return type === "VARIANT" ? `parse_json(${name})` : `CAST(${name} AS ${type})`;
}

/** Microseconds since midnight as dlt prints a time: 01:02:03, or 01:02:03.000004. No time zone has a say in it. */
function timeText(name: string): string {
  const seconds = `format_string('%02d:%02d:%02d', ${name} div 3600000000, ${name} div 60000000 % 60, ${name} div 1000000 % 60)`;
  const micros = `CASE WHEN ${name} % 1000000 = 0 THEN '' ELSE format_string('.%06d', ${name} % 1000000) END`;
  return `CASE WHEN ${name} IS NOT NULL THEN concat(${seconds}, ${micros}) END`;
}
