/** Facts about column properties (dlt: ColumnPropInfos) and questions about columns. */
import type { StoredColumn, StoredTable } from "./types";

/** Properties a table can have on several columns at once; a hint that names them replaces the old set. */
const COMPOUND = new Set(["partition", "cluster", "primary_key", "merge_key", "incremental"]);

export function isCompoundProp(prop: string): boolean {
  return COMPOUND.has(prop);
}

/** dlt: has_default_column_prop_value. A hint with its default value says nothing. */
export function isDefaultValue(prop: string, value: unknown): boolean {
  switch (prop) {
    case "name":
    case "data_type":
    case "precision":
    case "scale":
    case "x-active-record-timestamp":
      return false;
    case "timezone":
    case "nullable":
      return value === true || value === null || value === undefined;
    default:
      return value === false || value === null || value === undefined;
  }
}

export function isComplete(column: StoredColumn): boolean {
  return Boolean(column.name) && Boolean(column.data_type);
}

export function isNullable(column: StoredColumn): boolean {
  return column.nullable ?? true;
}

/** A column by name. Safe for names that objects inherit, such as "constructor". */
export function columnOf(table: StoredTable, name: string): StoredColumn | undefined {
  return Object.hasOwn(table.columns, name) ? table.columns[name] : undefined;
}

export function tableOf(tables: { [name: string]: StoredTable }, name: string): StoredTable | undefined {
  return Object.hasOwn(tables, name) ? tables[name] : undefined;
}

/** Names of columns on which the property is set, in column order. */
export function columnsWith(table: StoredTable, prop: string, includeIncomplete = false): string[] {
  return Object.entries(table.columns)
    .filter(
      ([, column]) =>
        prop in column && !isDefaultValue(prop, column[prop]) && (includeIncomplete || isComplete(column)),
    )
    .map(([name]) => name);
}

/** dlt: is_new_table. Not there, or without any complete column. */
export function isNewTable(tables: { [name: string]: StoredTable }, name: string): boolean {
  const table = tableOf(tables, name);
  return table === undefined || !Object.values(table.columns).some(isComplete);
}
