/**
 * SELECT over a reflected table. A table with a primary key is read in key order, so that a retry goes on after the
 * last key (design law 8); with a declared row_order the cursor column leads and the key breaks ties.
 */
import { escapeIdentifier } from "pg";
import type { Json } from "../../pipeline/spec";
import type { IncrementalRange } from "../source";
import type { Statement } from "./connection";
import { cursorDirection, Parameters, rangeCondition } from "./incremental-clauses";

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

export function tableStatement(table: TableToRead, range?: IncrementalRange, resume?: ResumeKey): Statement {
  const parameters = new Parameters();
  const keys = keyColumns(table, range);
  const direction = cursorDirection(range);
  const quote = escapeIdentifier;
  const conditions: string[] = [];
  const inRange = range && rangeCondition(range, parameters);
  if (inRange) conditions.push(inRange);
  if (resume) {
    const left = keys.map(({ name }) => quote(name)).join(", ");
    const right = keys
      .map(({ type }, index) => `CAST(${parameters.add(resume[index]!)} AS ${type})`)
      .join(", ");
    conditions.push(`(${left}) ${direction === "DESC" ? "<" : ">"} (${right})`);
  }
  const order = keys.map(({ name }) => `${quote(name)} ${direction ?? "ASC"}`);
  if (order.length === 0 && direction) order.push(`${quote(range!.config.cursor_path)} ${direction}`);
  const text = [
    `SELECT ${table.columns.map(({ name }) => quote(name)).join(", ")}`,
    `FROM ${quote(table.schema)}.${quote(table.name)}`,
    ...(conditions.length > 0 ? [`WHERE ${conditions.join(" AND ")}`] : []),
    ...(order.length > 0 ? [`ORDER BY ${order.join(", ")}`] : []),
  ].join(" ");
  return { text, values: parameters.values };
}
