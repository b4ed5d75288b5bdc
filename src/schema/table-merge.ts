/** Merging partial tables into the schema (dlt: merge_table and what it calls). Everything happens in place. */
import { isDeepStrictEqual } from "node:util";
import type { TableReference } from "../pipeline/spec";
import { columnOf, isComplete, isCompoundProp, isDefaultValue } from "./column-props";
import type { Naming } from "./naming";
import type { StoredColumn, StoredTable } from "./types";

export type Columns = { [name: string]: StoredColumn };

/** Copies properties of `from` into `into`; `skipDefaults` leaves out those that say nothing. */
export function mergeColumn(into: StoredColumn, from: StoredColumn, skipDefaults = false): StoredColumn {
  for (const [prop, value] of Object.entries(from)) {
    if (!(skipDefaults && isDefaultValue(prop, value))) into[prop] = value;
  }
  return into;
}

/**
 * New columns go to the end; a column that was incomplete and is complete now moves there too.
 * `replaceCompound`: key and cluster hints of `from` replace those of `into` instead of adding to them.
 */
export function mergeColumns(into: Columns, from: Columns, replaceCompound = false): Columns {
  if (replaceCompound) {
    const named = new Set<string>();
    for (const column of Object.values(from)) {
      for (const [prop, value] of Object.entries(column)) {
        if (isCompoundProp(prop) && !isDefaultValue(prop, value)) named.add(prop);
      }
    }
    for (const column of Object.values(into)) for (const prop of named) delete column[prop];
  }
  for (const [name, column] of Object.entries(from)) {
    const existing = Object.hasOwn(into, name) ? into[name] : undefined;
    if (existing !== undefined && isComplete(column) && !isComplete(existing)) delete into[name];
    into[name] = existing === undefined ? column : mergeColumn(existing, column);
  }
  return into;
}

/** Merges columns, references and table hints; nothing is taken away from `table`. */
export function mergeTable(table: StoredTable, partial: StoredTable, replaceCompound = false): void {
  mergeColumns(table.columns, partial.columns, replaceCompound);
  if (partial.references !== undefined) mergeReferences(table, partial.references);
  for (const [key, value] of Object.entries(partial)) {
    if (key === "columns" || key === "references") continue;
    if (!isDeepStrictEqual(table[key], value)) table[key] = value;
  }
}

/** One reference per referenced table; the newer one wins. */
function mergeReferences(table: StoredTable, incoming: TableReference[]): void {
  const pairs = (reference: TableReference) =>
    new Map(reference.columns.map((column, i) => [column, reference.referenced_columns[i]]));
  const known = new Map((table.references ?? []).map(reference => [reference.referenced_table, reference]));
  let changed = false;
  for (const reference of incoming) {
    const existing = known.get(reference.referenced_table);
    if (existing !== undefined && isDeepStrictEqual(pairs(existing), pairs(reference))) continue;
    known.set(reference.referenced_table, reference);
    changed = true;
  }
  if (changed) table.references = [...known.values()];
}

/** Normalises table, parent, column and reference names; columns whose names collide are merged. */
export function normalizeTableNames(table: StoredTable, naming: Naming): StoredTable {
  const result: StoredTable = { ...table, name: naming.path(table.name), columns: {} };
  if (table.parent) result.parent = naming.path(table.parent);
  for (const column of Object.values(table.columns)) {
    const name = naming.path(column.name);
    const existing = columnOf(result, name);
    const renamed = { ...column, name };
    result.columns[name] = existing === undefined ? renamed : mergeColumn(existing, renamed, true);
  }
  if (table.references?.length) {
    const references = new Map<string, TableReference>();
    for (const reference of table.references) {
      const name = naming.path(reference.referenced_table);
      references.set(name, {
        ...reference,
        referenced_table: name,
        columns: reference.columns.map(naming.path),
        referenced_columns: reference.referenced_columns.map(naming.path),
      });
    }
    result.references = [...references.values()];
  }
  return result;
}
