/**
 * What a destination reads out of a stored schema: chains (a root table and all its nested tables), write
 * dispositions and the columns that carry a hint. Pure; shared by every destination.
 * Rules follow dlt 1.31: get_nested_tables, get_columns_names_with_prop, get_row_key_col, get_root_key_col.
 */
import { TidemarkError } from "../pipeline/errors";
import type { MergeStrategy, WriteDispositionName } from "../pipeline/spec";
import type { StoredColumn, StoredSchema, StoredTable } from "../schema/types";
import type { LoadPlan } from "./destination";

export const LOADS_TABLE = "_dlt_loads";
export const VERSION_TABLE = "_dlt_version";
export const STATE_TABLE = "_dlt_pipeline_state";
const SYSTEM_TABLES: readonly string[] = [LOADS_TABLE, VERSION_TABLE, STATE_TABLE];

export type CompleteColumn = StoredColumn & { data_type: NonNullable<StoredColumn["data_type"]> };

/** Columns with a data type, in stored order. Incomplete ones never reach a destination. */
export function completeColumns(table: StoredTable): CompleteColumn[] {
  return Object.values(table.columns).filter((c): c is CompleteColumn => c.data_type !== undefined);
}

/** Names of complete columns whose `hint` is set (dlt: present and neither null nor false). */
export function columnsWith(table: StoredTable, hint: string): string[] {
  return completeColumns(table)
    .filter(c => c[hint] !== undefined && c[hint] !== null && c[hint] !== false)
    .map(c => c.name);
}

export function rootOf(schema: StoredSchema, table: string): string {
  let current = tableOf(schema, table);
  while (current.parent) current = tableOf(schema, current.parent);
  return current.name;
}

export function tableOf(schema: StoredSchema, name: string): StoredTable {
  const table = schema.tables[name];
  if (!table) {
    throw new TidemarkError(
      "INTERNAL",
      `Table "${name}" of the load package is not in schema "${schema.name}". Please report this.`,
    );
  }
  return table;
}

/** A root and all tables nested in it, parents before children, seen data or not. */
export function nestedTables(schema: StoredSchema, root: string): StoredTable[] {
  const children = new Map<string, StoredTable[]>();
  for (const table of Object.values(schema.tables)) {
    if (!table.parent) continue;
    const siblings = children.get(table.parent);
    if (siblings) siblings.push(table);
    else children.set(table.parent, [table]);
  }
  const chain: StoredTable[] = [];
  const pending = [tableOf(schema, root)];
  for (let table = pending.pop(); table; table = pending.pop()) {
    chain.push(table);
    pending.push(...(children.get(table.name) ?? []).reverse());
  }
  return chain;
}

export function dispositionOf(schema: StoredSchema, root: string): WriteDispositionName {
  return tableOf(schema, root).write_disposition ?? "append";
}

/** dlt: the first supported strategy is the default. */
export function mergeStrategyOf(root: StoredTable, supported: readonly MergeStrategy[]): MergeStrategy {
  const wanted = root["x-merge-strategy"] ?? supported[0];
  const strategy = supported.find(s => s === wanted);
  if (!strategy) {
    throw new TidemarkError(
      "DESTINATION_UNSUPPORTED",
      `Table "${root.name}": merge strategy "${String(wanted)}" is not supported here; use one of ${supported.join(", ")}.`,
    );
  }
  return strategy;
}

function hasSeenData(table: StoredTable): boolean {
  return table["x-normalizer"]?.["seen-data"] === true;
}

/** One root with everything a load needs to know about its tables. */
export interface Chain {
  root: StoredTable;
  disposition: WriteDispositionName;
  /** Root first, parents before children. */
  tables: StoredTable[];
  /** False: this load has no rows for any of its tables; a replace then only empties them. */
  has_rows: boolean;
}

/**
 * Chains of a plan, in order of the schema. For `merge` and `replace` a chain holds every table that has ever seen
 * data, because nested tables without new rows must be emptied too; for `append` only tables with files
 * (dlt: get_completed_table_chain). `_dlt_pipeline_state` is not a chain: its row is in `plan.state`.
 */
export function chainsOf(plan: LoadPlan): Chain[] {
  const withFiles = new Set(plan.files.map(file => file.table));
  const roots = new Set(plan.roots);
  for (const table of withFiles) roots.add(rootOf(plan.schema, table));
  const chains: Chain[] = [];
  for (const root of Object.values(plan.schema.tables)) {
    if (!roots.has(root.name) || SYSTEM_TABLES.includes(root.name)) continue;
    const disposition = dispositionOf(plan.schema, root.name);
    const whole = disposition === "merge" || disposition === "replace";
    const tables = nestedTables(plan.schema, root.name).filter(
      table =>
        completeColumns(table).length > 0 && (withFiles.has(table.name) || (whole && hasSeenData(table))),
    );
    const has_rows = tables.some(table => withFiles.has(table.name));
    if (tables.length > 0) chains.push({ root, disposition, tables, has_rows });
  }
  return chains;
}

/**
 * True when dlt would keep tables of this schema in its staging dataset: a merge table, or a replace table under
 * a staging strategy, that has seen data.
 */
export function needsStagingDataset(schema: StoredSchema, replaceThroughStaging: boolean): boolean {
  return Object.values(schema.tables).some(table => {
    if (table.parent || SYSTEM_TABLES.includes(table.name) || !hasSeenData(table)) return false;
    const disposition = dispositionOf(schema, table.name);
    return disposition === "merge" || (disposition === "replace" && replaceThroughStaging);
  });
}

/** The column that identifies a row: `row_key`, else the first `unique`, else a single primary key. */
export function rowKeyOf(table: StoredTable): string {
  const primaryKey = columnsWith(table, "primary_key");
  const column =
    columnsWith(table, "row_key")[0] ??
    columnsWith(table, "unique")[0] ??
    (primaryKey.length === 1 ? primaryKey[0] : undefined);
  if (column === undefined) {
    throw new TidemarkError(
      "DESTINATION_UNSUPPORTED",
      `Table "${table.name}" cannot be merged: it has no row_key or unique column and no single primary key ` +
        "(normally _dlt_id).",
    );
  }
  return column;
}

/** The column of a nested table that names the root row; a first-level table may use its parent key. */
export function rootKeyOf(table: StoredTable, root: StoredTable): string {
  const column =
    columnsWith(table, "root_key")[0] ??
    (table.parent === root.name ? columnsWith(table, "parent_key")[0] : undefined);
  if (column === undefined) {
    throw new TidemarkError(
      "DESTINATION_UNSUPPORTED",
      `Nested table "${table.name}" has no root_key column (_dlt_root_id), so it cannot be merged with ` +
        `"${root.name}". Leave \`root_key\` of the source unset or set it to true, and load into a new dataset.`,
      { dltException: "MergeDispositionException" },
    );
  }
  return column;
}

export interface HardDelete {
  column: string;
  /** bool columns flag with TRUE, others with any value that is not null. */
  isBool: boolean;
}

export function hardDeleteOf(table: StoredTable): HardDelete | undefined {
  const column = columnsWith(table, "hard_delete")[0];
  return column === undefined ? undefined : { column, isBool: table.columns[column]?.data_type === "bool" };
}

export function dedupSortOf(table: StoredTable): { column: string; order: "asc" | "desc" } | undefined {
  const column = columnsWith(table, "dedup_sort")[0];
  const order = column === undefined ? undefined : table.columns[column]?.dedup_sort;
  return column === undefined || order === undefined ? undefined : { column, order };
}

/**
 * Columns whose difference makes a merged row "changed" (dlt: get_merge_compare_columns): the row version if there
 * is one, else all but keys, the hard delete flag and the load id.
 */
export function comparedColumns(table: StoredTable): string[] {
  const version = columnsWith(table, "x-row-version")[0];
  if (version !== undefined) return [version];
  const keys = new Set(
    ["primary_key", "row_key", "parent_key", "root_key", "hard_delete"].flatMap(hint =>
      columnsWith(table, hint),
    ),
  );
  return completeColumns(table)
    .map(c => c.name)
    .filter(name => name.toLowerCase() !== "_dlt_load_id" && !keys.has(name));
}
