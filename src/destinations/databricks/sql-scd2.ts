/** dlt's merge strategy `scd2`: retiring and adding versions in one MERGE. Pure text. */
import type { StoredTable } from "../../schema/types";
import { type Scd2Hints, scd2HintsOf } from "../merge-hints";
import {
  absentCondition,
  insertClause,
  keyName,
  type MergeRoot,
  type MergeTable,
  NEW,
  partitionCondition,
} from "./sql-merge-parts";
import { quoteName, SOURCE, TARGET, timestamp, where } from "./sql-text";

export interface Scd2 extends Scd2Hints {
  /** SQL of `boundary`. */
  boundary: string;
  /** SQL of `to` in an active row: NULL or a fixed timestamp. */
  active: string;
  /** Condition on a row whose columns have this prefix. */
  isActive(alias?: string): string;
}

export function scd2Of(root: StoredTable, createdAt: string): Scd2 {
  const hints = scd2HintsOf(root, createdAt);
  const { to, activeAt } = hints;
  const active = activeAt === undefined ? "NULL" : timestamp(activeAt);
  return {
    ...hints,
    boundary: timestamp(hints.boundary),
    active,
    isActive: (alias = "") =>
      activeAt === undefined ? `${alias}${quoteName(to)} IS NULL` : `${alias}${quoteName(to)} = ${active}`,
  };
}

/**
 * dlt's retire rule: active versions absent from the load end now, within the scope or the staged merge keys. Staged
 * versions that are not active begin now; equal rows of one load are all inserted, as in dlt.
 */
export function mergeVersions(root: MergeRoot, scd2: Scd2): string {
  const version = quoteName(scd2.version);
  const nulls = root.names.map(name => `NULL AS ${quoteName(name)}`).join(", ");
  const values = root.names
    .map(name => {
      if (name === scd2.from) return `${scd2.boundary} AS ${quoteName(name)}`;
      if (name === scd2.to) return `CAST(${scd2.active} AS TIMESTAMP) AS ${quoteName(name)}`;
      return quoteName(name);
    })
    .join(", ");
  const retired = where([absentCondition(root, [scd2.version]), scd2.isActive(), partitionCondition(root)]);
  // a join and not NOT IN: open-source Delta cannot read the target of a MERGE in a subquery of its source
  const begun =
    `${root.staged} AS ${SOURCE} LEFT ANTI JOIN (SELECT ${version} FROM ${root.target} WHERE ${scd2.isActive()}) ` +
    `AS ${TARGET} ON ${SOURCE}.${version} = ${TARGET}.${version}${where([root.sourceFilter])}`;
  return (
    `MERGE INTO ${root.target} AS ${TARGET} USING (` +
    `SELECT DISTINCT ${version} AS ${keyName(0)}, FALSE AS ${NEW}, ${nulls} FROM ${root.target}${retired} UNION ALL ` +
    `SELECT NULL, TRUE, ${values} FROM ${begun}) AS ${SOURCE} ` +
    `ON ${TARGET}.${version} = ${SOURCE}.${keyName(0)} AND ${scd2.isActive(`${TARGET}.`)} ` +
    `WHEN MATCHED THEN UPDATE SET ${quoteName(scd2.to)} = ${scd2.boundary} ` +
    `WHEN NOT MATCHED AND ${SOURCE}.${NEW} THEN ${insertClause(root)}`
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
    const roots = `SELECT ${quoteName(scd2.rowKey)} FROM ${root.staged} AS r${where([root.sourceFilter])}`;
    return `${quoteName(link.rootKey)} IN (${roots})`;
  }
  if (link.parentKey === undefined) return undefined;
  const parents = `SELECT ${quoteName(link.parentRowKey)} FROM ${link.parent.staged} AS r${where([parentFilter])}`;
  return `${quoteName(link.parentKey)} IN (${parents})`;
}
