/**
 * Staged rows in the types of the target, read from the files themselves: no staging table, so nothing that a repeated
 * COPY INTO could leave empty, and no statements to fill it. Pure text.
 */
import type { StoredTable } from "../../schema/types";
import { completeColumns } from "../table-chains";
import { columnType, stagedValue, type TypeOptions } from "./column-types";
import { quoteName, quoteNames, quoteText } from "./sql-text";
import type { StagedGroup } from "./staged-paths";

/**
 * Order of arrival: files by name, blocks of a file, rows of a block. Normalised names hold no colon, so these never
 * meet a column of a user.
 */
const ARRIVAL: { [name: string]: string } = {
  "tidemark:file": "_metadata.file_name",
  "tidemark:block": "_metadata.file_block_start",
  "tidemark:row": "monotonically_increasing_id()",
};
const RANK = quoteName("tidemark:rank");

export interface StagedTable {
  table: StoredTable;
  groups: readonly StagedGroup[];
  types: TypeOptions;
}

/** A derived table, to be given an alias. */
export function stagedRows(staged: StagedTable): string {
  return `(${selectStaged(staged, {})})`;
}

function selectStaged({ table, groups, types }: StagedTable, more: { [name: string]: string }): string {
  const extra = Object.entries(more).map(([name, value]) => `${value} AS ${quoteName(name)}`);
  const select = (has: (name: string) => boolean): string =>
    [
      ...completeColumns(table).map(column => {
        const name = quoteName(column.name);
        const value = has(column.name)
          ? stagedValue(table.name, column, name, types)
          : `CAST(NULL AS ${columnType(table.name, column, types)})`;
        return `${value} AS ${name}`;
      }),
    ].join(", ");
  if (groups.length === 0) {
    const nulls = Object.keys(more).map(name => `NULL AS ${quoteName(name)}`);
    return `SELECT ${[select(() => false), ...nulls].join(", ")} WHERE false`;
  }
  return groups
    .map(
      group =>
        `SELECT ${[select(name => group.columns.has(name)), ...extra].join(", ")} FROM ${readFolder(group)}`,
    )
    .join(" UNION ALL ");
}

export function readFolder(group: StagedGroup): string {
  return `parquet.${quoteName(group.folder)}`;
}

/**
 * Staged rows, one per key: by `sort` if given (dlt: dedup_sort), then the first to arrive. dlt leaves the order open
 * without a sort. `conditions` are tested after the choice (dlt: a deleted winner deletes).
 */
export function selectFirstPerKey(
  staged: StagedTable,
  columns: string,
  key: readonly string[],
  sort: { column: string; order: "asc" | "desc" } | undefined,
  conditions: string,
): string {
  const order = [
    // NULLs last either way, as on DuckDB
    ...(sort ? [`${quoteName(sort.column)} ${sort.order.toUpperCase()} NULLS LAST`] : []),
    ...Object.keys(ARRIVAL).map(quoteName),
  ].join(", ");
  return (
    `SELECT ${columns} FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY ${quoteNames(key)} ORDER BY ${order}) AS ${RANK} ` +
    `FROM (${selectStaged(staged, ARRIVAL)}) AS a) AS s WHERE ${RANK} = 1${conditions.replace(/^ WHERE /, " AND ")}`
  );
}

/** Appends the files of one group; a file that was loaded before is passed over. */
export function copyInto(
  target: string,
  staged: StagedTable,
  group: StagedGroup,
  names: readonly string[],
): string {
  const columns = completeColumns(staged.table).filter(column => group.columns.has(column.name));
  const select = columns
    .map(column => {
      const name = quoteName(column.name);
      return `${stagedValue(staged.table.name, column, name, staged.types)} AS ${name}`;
    })
    .join(", ");
  return (
    `COPY INTO ${target} FROM (SELECT ${select} FROM ${quoteText(`${group.folder}/`)}) ` +
    `FILEFORMAT = PARQUET FILES = (${names.map(quoteText).join(", ")})`
  );
}
