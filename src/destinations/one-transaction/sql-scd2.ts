/** dlt's merge strategy `scd2`. Pure text. */
import type { StoredTable } from "../../schema/types";
import { type Scd2Hints, scd2HintsOf } from "../merge-hints";
import { completeColumns } from "../table-chains";
import {
  absentCondition,
  insertRows,
  type MergeRoot,
  type MergeTable,
  partitionCondition,
} from "./sql-merge-parts";
import { quoteName, quoteNames, quoteText, where } from "./sql-text";

export interface Scd2 extends Scd2Hints {
  /** SQL of `boundary`. */
  boundary: string;
  /** SQL of `to` in an active row: NULL or a fixed timestamp. */
  active: string;
  isActive: string;
}

export function scd2Of(root: StoredTable, createdAt: string): Scd2 {
  const hints = scd2HintsOf(root, createdAt);
  const { to, activeAt } = hints;
  const active = activeAt === undefined ? "NULL" : timestamp(activeAt);
  return {
    ...hints,
    boundary: timestamp(hints.boundary),
    active,
    isActive: activeAt === undefined ? `${quoteName(to)} IS NULL` : `${quoteName(to)} = ${active}`,
  };
}

/** Text without an offset is UTC, as in dlt; the session's time zone is UTC. */
function timestamp(text: string): string {
  return `CAST(${quoteText(text)} AS TIMESTAMP WITH TIME ZONE)`;
}

/** dlt's retire rule: active versions absent from the load end now, within the scope or the staged merge keys. */
export function retireVersions(root: MergeRoot, scd2: Scd2): string {
  const conditions = where([absentCondition(root, [scd2.version]), scd2.isActive, partitionCondition(root)]);
  return `UPDATE ${root.target} SET ${quoteName(scd2.to)} = ${scd2.boundary}${conditions}`;
}

/** Staged versions that are not active become active; equal rows of one load are all inserted, as in dlt. */
export function insertVersions(root: MergeRoot, scd2: Scd2): string {
  const columns = completeColumns(root.table)
    .map(c => c.name)
    .filter(name => name !== scd2.from && name !== scd2.to);
  const version = quoteName(scd2.version);
  const conditions = where([
    `${version} NOT IN (SELECT ${version} FROM ${root.target}${where([scd2.isActive])})`,
    root.sourceFilter,
  ]);
  return (
    `INSERT INTO ${root.target} (${quoteNames([...columns, scd2.from, scd2.to])}) ` +
    `SELECT ${quoteNames(columns)}, ${scd2.boundary}, ${scd2.active} FROM ${root.staged} AS s${conditions}`
  );
}

/** Nested rows are only ever added, by their own row key. */
export function insertNestedVersions(nested: MergeTable, rowKey: string, filter: string | undefined): string {
  const key = quoteName(rowKey);
  return insertRows(
    nested,
    `SELECT ${nested.columns} FROM ${nested.staged}${where([`${key} NOT IN (SELECT ${key} FROM ${nested.target})`, filter])}`,
  );
}

/**
 * Condition on staged nested rows whose root passes the source filter. Nested tables of scd2 have no root key as a
 * rule, so each level is filtered through its staged parent.
 */
export function nestedFilter(
  root: MergeRoot,
  scd2: Scd2,
  link: { rootKey?: string; parentKey?: string; parent: MergeTable; parentRowKey: string },
  parentFilter: string | undefined,
): string | undefined {
  if (root.sourceFilter === undefined) return undefined;
  if (link.rootKey !== undefined) {
    const roots = `SELECT ${quoteName(scd2.rowKey)} FROM ${root.staged}${where([root.sourceFilter])}`;
    return `${quoteName(link.rootKey)} IN (${roots})`;
  }
  if (link.parentKey === undefined) return undefined;
  const parents = `SELECT ${quoteName(link.parentRowKey)} FROM ${link.parent.staged}${where([parentFilter])}`;
  return `${quoteName(link.parentKey)} IN (${parents})`;
}
