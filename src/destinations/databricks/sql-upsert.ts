/** dlt's merge strategies `upsert`, `insert-only` and `cdc`, one MERGE per table. Pure text. */
import { comparedColumns } from "../table-chains";
import {
  absentCondition,
  GONE,
  insertClause,
  keyless,
  keyName,
  type MergeRoot,
  type MergeTable,
  NEW,
  partitionCondition,
  stagedRootKeys,
  updateClause,
} from "./sql-merge-parts";
import {
  DECIDED,
  isDeleted,
  isNotDeleted,
  quoteName,
  quoteNames,
  SOURCE,
  sameKey,
  TARGET,
  where,
} from "./sql-text";

const LOAD_ID = "_dlt_load_id";

export interface UpsertOptions {
  insertOnly: boolean;
  /** cdc: destination rows absent from the load go, and rows that arrive deleted are not inserted. */
  deleteAbsent: boolean;
  skipUnchanged: boolean;
}

/** Condition of the merge source: insert-only has no `source_filter` in dlt and drops deleted rows beforehand instead. */
function sourceCondition(root: MergeRoot, options: UpsertOptions): string | undefined {
  return options.insertOnly ? root.hardDelete && isNotDeleted(root.hardDelete) : root.sourceFilter;
}

/** Rows that match nothing, and can be told by their load. */
function withoutKey(root: MergeRoot, prefix?: string): string | undefined {
  return root.names.includes(LOAD_ID) ? keyless(root, root.primaryKey, prefix) : undefined;
}

/** The merge source, without the rows of `insertKeyless`. */
function source(root: MergeRoot, options: UpsertOptions): string {
  const without = withoutKey(root);
  const conditions = [sourceCondition(root, options), without && `NOT ${without}`];
  if (conditions.every(condition => condition === undefined)) return root.staged;
  return `(SELECT * FROM ${root.staged} AS f${where(conditions)})`;
}

/**
 * Rows without a key: a MERGE inserts them each time (dlt), so they come by a statement of their own, which knows by the
 * load's id that an earlier attempt brought them. undefined where every row has a key.
 */
export function insertKeyless(root: MergeRoot, options: UpsertOptions): string | undefined {
  const without = withoutKey(root);
  if (without === undefined) return undefined;
  const alive = options.deleteAbsent && root.hardDelete ? isNotDeleted(root.hardDelete) : undefined;
  const brought =
    `SELECT 1 FROM ${root.target} AS ${TARGET} WHERE ${withoutKey(root, `${TARGET}.`)} ` +
    `AND ${sameKey(TARGET, SOURCE, [LOAD_ID])}`;
  const rows = `(SELECT * FROM ${root.staged} AS f${where([sourceCondition(root, options), without, alive])})`;
  return `INSERT INTO ${root.target} (${root.columns}) SELECT ${root.columns} FROM ${rows} AS ${SOURCE} WHERE NOT EXISTS (${brought})`;
}

/** Staged and stored row differ; undefined when every matched row is to be updated. */
function changed(table: MergeTable, options: UpsertOptions): string | undefined {
  if (!options.skipUnchanged) return undefined;
  const columns = comparedColumns(table.table);
  if (columns.length === 0) return undefined;
  // a VARIANT has no order, and so cannot be compared
  const isVariant = (c: string) =>
    table.source.types.json_type === "variant" && table.table.columns[c]?.data_type === "json";
  const value = (alias: string, c: string) =>
    isVariant(c) ? `to_json(${alias}.${quoteName(c)})` : `${alias}.${quoteName(c)}`;
  return columns.map(c => `${value(SOURCE, c)} IS DISTINCT FROM ${value(TARGET, c)}`).join(" OR ");
}

/**
 * Keys of the merge source that the target lacks, kept as a table by the first attempt. Without it a repetition could
 * not tell: a flagged row that had no match is inserted (dlt), one that had is deleted, and after either the next
 * attempt would do the other; equal keys that are new are all inserted (dlt), and would then match twice.
 */
export function createDecision(decision: string, root: MergeRoot, options: UpsertOptions): string {
  const keys = root.primaryKey.map((name, i) => `${SOURCE}.${quoteName(name)} AS ${keyName(i)}`).join(", ");
  return (
    `CREATE TABLE IF NOT EXISTS ${decision} TBLPROPERTIES ('delta.columnMapping.mode' = 'name') AS SELECT DISTINCT ${keys} ` +
    `FROM ${source(root, options)} AS ${SOURCE} WHERE NOT EXISTS (SELECT 1 FROM ${root.target} AS ${TARGET} WHERE ${sameKey(TARGET, SOURCE, root.primaryKey)})`
  );
}

/**
 * Update all columns of matched rows, ids and load id included; insert the rest, duplicates included.
 * @param decision the table of `createDecision`, where there is something to decide
 */
export function mergeRoots(root: MergeRoot, options: UpsertOptions, decision: string | undefined): string {
  if (options.insertOnly) {
    return (
      `MERGE INTO ${root.target} AS ${TARGET} USING ${source(root, options)} AS ${SOURCE} ON ${sameKey(TARGET, SOURCE, root.primaryKey)} ` +
      `WHEN NOT MATCHED THEN ${insertClause(root)}`
    );
  }
  const on = root.primaryKey
    .map((name, i) => `${TARGET}.${quoteName(name)} = ${SOURCE}.${keyName(i)}`)
    .join(" AND ");
  const difference = changed(root, options);
  const arriving = [`NOT ${SOURCE}.${GONE}`];
  if (root.hardDelete) {
    const alive = isNotDeleted(root.hardDelete, `${SOURCE}.`);
    arriving.push(options.deleteAbsent ? alive : `${SOURCE}.${NEW} OR ${alive}`);
  }
  const clauses = [
    `WHEN MATCHED AND ${SOURCE}.${GONE} THEN DELETE`,
    ...(root.hardDelete
      ? [`WHEN MATCHED AND (${isDeleted(root.hardDelete, `${SOURCE}.`)}) THEN DELETE`]
      : []),
    `WHEN MATCHED${difference === undefined ? "" : ` AND (${difference})`} THEN ${updateClause(root)}`,
    `WHEN NOT MATCHED${where(arriving).replace(" WHERE ", " AND ")} THEN ${insertClause(root)}`,
  ];
  return `MERGE INTO ${root.target} AS ${TARGET} USING (${rootSource(root, options, decision)}) AS ${SOURCE} ON ${on} ${clauses.join(" ")}`;
}

function rootSource(root: MergeRoot, options: UpsertOptions, decision: string | undefined): string {
  const nulls = root.names.map(name => `NULL AS ${quoteName(name)}`).join(", ");
  const columns = root.names.map(name => `${SOURCE}.${quoteName(name)}`).join(", ");
  const parts: string[] = [];
  if (decision === undefined) {
    const keys = root.primaryKey.map((name, i) => `${SOURCE}.${quoteName(name)} AS ${keyName(i)}`).join(", ");
    parts.push(
      `SELECT ${keys}, FALSE AS ${NEW}, FALSE AS ${GONE}, ${columns} FROM ${source(root, options)} AS ${SOURCE}`,
    );
  } else {
    // new keys match nothing: what an earlier attempt inserted for them goes, and all their rows come
    const match = root.primaryKey
      .map((name, i) => `${DECIDED}.${keyName(i)} = ${SOURCE}.${quoteName(name)}`)
      .join(" AND ");
    const keys = root.primaryKey
      .map(
        (name, i) =>
          `CASE WHEN ${DECIDED}.${keyName(0)} IS NULL THEN ${SOURCE}.${quoteName(name)} END AS ${keyName(i)}`,
      )
      .join(", ");
    parts.push(
      `SELECT ${keys}, ${DECIDED}.${keyName(0)} IS NOT NULL AS ${NEW}, FALSE AS ${GONE}, ${columns} ` +
        `FROM ${source(root, options)} AS ${SOURCE} LEFT JOIN ${decision} AS ${DECIDED} ON ${match}`,
      `SELECT ${root.primaryKey.map((_, i) => keyName(i)).join(", ")}, FALSE AS ${NEW}, TRUE AS ${GONE}, ${nulls} FROM ${decision}`,
    );
  }
  if (options.deleteAbsent) {
    parts.push(
      `SELECT DISTINCT ${quoteNames(root.primaryKey)}, FALSE AS ${NEW}, TRUE AS ${GONE}, ${nulls} ` +
        `FROM ${root.target}${where(absentRoots(root))}`,
    );
  }
  return parts.join(" UNION ALL ");
}

/** cdc: conditions of destination roots absent from the load, inside their partition. */
function absentRoots(root: MergeRoot): (string | undefined)[] {
  return [absentCondition(root, root.primaryKey), partitionCondition(root)];
}

/** Rows that are not there yet by their own key, never touched again. */
export function insertNew(table: MergeTable, key: readonly string[], condition: string | undefined): string {
  const rows =
    condition === undefined ? table.staged : `(SELECT * FROM ${table.staged} AS f${where([condition])})`;
  return (
    `MERGE INTO ${table.target} AS ${TARGET} USING ${rows} AS ${SOURCE} ON ${sameKey(TARGET, SOURCE, key)} ` +
    `WHEN NOT MATCHED THEN ${insertClause(table)}`
  );
}

/**
 * Nested rows of upsert and cdc by their own row key: update and insert, and delete list elements that are gone, rows of
 * deleted roots and (cdc) of absent roots. With cdc to run before the roots, through which it finds the absent ones.
 * @param duplicates staged rows share a row key: they are all inserted (dlt), in place of what has their key
 */
export function mergeNested(
  nested: MergeTable,
  keys: { rowKey: string; rootKey: string },
  root: MergeRoot,
  rootRowKey: string,
  options: UpsertOptions,
  duplicates: boolean,
): string {
  const rowKey = quoteName(keys.rowKey);
  const rootKey = quoteName(keys.rootKey);
  const key = keyName(0);
  const nulls = nested.names.map(name => `NULL AS ${quoteName(name)}`).join(", ");
  const columns = nested.columns;
  const alive = where([
    root.sourceFilter === undefined ? undefined : `${rootKey} IN (${stagedRootKeys(root, rootRowKey)})`,
    root.hardDelete && `${rootKey} NOT IN (${stagedRootKeys(root, rootRowKey, isDeleted(root.hardDelete))})`,
  ]);
  const staged = `(SELECT * FROM ${nested.staged} AS f${alive})`;
  const roots = [`${rootKey} IN (${stagedRootKeys(root, rootRowKey)})`];
  if (options.deleteAbsent) {
    const absent = `SELECT ${quoteName(rootRowKey)} FROM ${root.target}${where(absentRoots(root))}`;
    roots.push(`${rootKey} IN (${absent})`);
  }
  const gone = where([
    roots.join(" OR "),
    duplicates ? undefined : `${rowKey} NOT IN (SELECT ${rowKey} FROM ${staged} AS k)`,
  ]);
  const difference = changed(nested, options);
  const parts = [
    `SELECT ${duplicates ? "NULL" : rowKey} AS ${key}, FALSE AS ${GONE}, ${columns} FROM ${staged} AS n`,
    `SELECT DISTINCT ${rowKey}, TRUE AS ${GONE}, ${nulls} FROM ${nested.target}${gone}`,
  ];
  const clauses = [
    `WHEN MATCHED AND ${SOURCE}.${GONE} THEN DELETE`,
    `WHEN MATCHED${difference === undefined ? "" : ` AND (${difference})`} THEN ${updateClause(nested)}`,
    `WHEN NOT MATCHED AND NOT ${SOURCE}.${GONE} THEN ${insertClause(nested)}`,
  ];
  return (
    `MERGE INTO ${nested.target} AS ${TARGET} USING (${parts.join(" UNION ALL ")}) AS ${SOURCE} ON ${TARGET}.${rowKey} = ${SOURCE}.${key} ` +
    clauses.join(" ")
  );
}
