/**
 * SELECT over a reflected table. A table with a primary key is read in key order, so that a retry goes on after the
 * last key (design law 8); with a declared row_order the cursor column leads and the key breaks ties.
 */
import { escapeIdentifier, escapeLiteral } from "pg";
import type { Json } from "../../pipeline/spec";
import type { IncrementalRange } from "../source";
import type { Statement } from "./connection";
import { bindText, cursorDirection, Parameters, rangeCondition } from "./incremental-clauses";

export interface QueryColumn {
  name: string;
  /** As PostgreSQL prints it, e.g. `numeric(10,2)`. */
  type: string;
  nullable: boolean;
}

export interface TableToRead {
  schema: string;
  name: string;
  /** Those to select, in the table's order. */
  columns: readonly QueryColumn[];
  primaryKey: readonly string[];
}

/** Texts of the key columns of the last row of a page, in the order of `keyColumns`. */
export type ResumeKey = string[];

/**
 * Columns whose order is total and without NULL; empty: this read cannot be resumed.
 */
export function keyColumns(table: TableToRead, range?: IncrementalRange): QueryColumn[] {
  const find = (name: string) => table.columns.find(column => column.name === name);
  const names = cursorDirection(range)
    ? [range!.config.cursor_path, ...table.primaryKey.filter(name => name !== range!.config.cursor_path)]
    : [...table.primaryKey];
  const columns = names.map(find);
  const isTotal = table.primaryKey.length > 0 && columns.every(column => column && !column.nullable);
  return isTotal ? (columns as QueryColumn[]) : [];
}

/** `resume` as it was handed out by a page of the same read, or undefined when it is not one. */
export function asResumeKey(resume: Json | undefined, keys: readonly QueryColumn[]): ResumeKey | undefined {
  const fits =
    Array.isArray(resume) &&
    resume.length === keys.length &&
    resume.every(part => typeof part === "string") &&
    keys.length > 0;
  return fits ? (resume as ResumeKey) : undefined;
}

export interface TableSelect {
  range?: IncrementalRange;
  resume?: ResumeKey;
  /** Most rows, in the order of the keys. */
  limit?: number;
  /** What to select instead of the column, by the column's name; only for those that are not selected as they are. */
  expressions?: ReadonlyMap<string, string>;
}

/** The same query without parameters, for statements that take none: values are escaped literals. */
export function tableQueryText(table: TableToRead, select: TableSelect): string {
  return selectText(table, select, value => (value === null ? "NULL" : escapeLiteral(value)));
}

export function tableStatement(table: TableToRead, select: TableSelect = {}): Statement {
  const parameters = new Parameters();
  const text = selectText(table, select, value => parameters.add(value));
  return { text, values: parameters.values };
}

function selectText(
  table: TableToRead,
  { range, resume, limit, expressions }: TableSelect,
  place: (value: string | null) => string,
): string {
  const keys = keyColumns(table, range);
  const direction = cursorDirection(range);
  const quote = escapeIdentifier;
  const conditions: string[] = [];
  const inRange = range && rangeCondition(range, value => place(bindText(value)));
  if (inRange) conditions.push(inRange);
  if (resume) {
    const left = keys.map(({ name }) => quote(name)).join(", ");
    const right = keys.map(({ type }, index) => `CAST(${place(resume[index]!)} AS ${type})`).join(", ");
    conditions.push(`(${left}) ${direction === "DESC" ? "<" : ">"} (${right})`);
  }
  // ORDER BY would take an expression of the same name for the column
  const ordered = (name: string) =>
    expressions?.has(name) ? `${quote(table.name)}.${quote(name)}` : quote(name);
  const order = keys.map(({ name }) => `${ordered(name)} ${direction ?? "ASC"}`);
  if (order.length === 0 && direction) order.push(`${ordered(range!.config.cursor_path)} ${direction}`);
  return [
    `SELECT ${table.columns.map(({ name }) => expressions?.get(name) ?? quote(name)).join(", ")}`,
    `FROM ${quote(table.schema)}.${quote(table.name)}`,
    ...(conditions.length > 0 ? [`WHERE ${conditions.join(" AND ")}`] : []),
    ...(order.length > 0 ? [`ORDER BY ${order.join(", ")}`] : []),
    ...(limit === undefined ? [] : [`LIMIT ${limit}`]),
  ].join(" ");
}
