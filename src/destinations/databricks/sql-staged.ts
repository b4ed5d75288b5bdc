/**
 * Staged rows in the types of the target, read from where they are staged. On a warehouse that is the files themselves:
 * no staging table, so nothing that a repeated COPY INTO could leave empty, and no statements to fill it. Pure text.
 */
import type { StoredTable } from "../../schema/types";
import { completeColumns } from "../table-chains";
import { columnType, stagedValue, type TypeOptions } from "./column-types";
import { quoteName, quoteNames, quoteText } from "./sql-text";
import type { StagedGroup } from "./staged-paths";

/**
 * Order of arrival: batches or files by name, blocks of a file, rows of a block. Normalised names hold no colon, so
 * these never meet a column of a user.
 */
const ARRIVAL = ["tidemark:file", "tidemark:block", "tidemark:row"] as const;
const ARRIVAL_IN_FILES = [
  "_metadata.file_name",
  "_metadata.file_block_start",
  "monotonically_increasing_id()",
];
const RANK = quoteName("tidemark:rank");

/** COPY INTO takes at most so many names in FILES. */
const FILES_PER_COPY = 1_000;

/** Rows that are read together. */
export interface StagedPart {
  /** What stands after FROM. */
  from: string;
  /** Columns that it has. */
  columns: ReadonlySet<string>;
  /** SQL of the order of arrival. */
  arrival: readonly string[];
}

export interface StagedTable {
  table: StoredTable;
  /** Empty when no row is staged. */
  parts: readonly StagedPart[];
  types: TypeOptions;
}

export function folderPart(group: StagedGroup): StagedPart {
  return { from: `parquet.${quoteName(group.folder)}`, columns: group.columns, arrival: ARRIVAL_IN_FILES };
}

/** A derived table, to be given an alias. */
export function stagedRows(staged: StagedTable): string {
  return `(${selectStaged(staged, false)})`;
}

function selectStaged({ table, parts, types }: StagedTable, withArrival: boolean): string {
  const arrival = (values: readonly string[]): string[] =>
    withArrival ? ARRIVAL.map((name, i) => `${values[i] ?? "NULL"} AS ${quoteName(name)}`) : [];
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
  if (parts.length === 0) return `SELECT ${[select(() => false), ...arrival([])].join(", ")} WHERE false`;
  return parts
    .map(
      part =>
        `SELECT ${[select(name => part.columns.has(name)), ...arrival(part.arrival)].join(", ")} FROM ${part.from}`,
    )
    .join(" UNION ALL ");
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
    ...ARRIVAL.map(quoteName),
  ].join(", ");
  return (
    `SELECT ${columns} FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY ${quoteNames(key)} ORDER BY ${order}) AS ${RANK} ` +
    `FROM (${selectStaged(staged, true)}) AS a) AS s WHERE ${RANK} = 1${conditions.replace(/^ WHERE /, " AND ")}`
  );
}

/**
 * Appends the files of one group, named one by one so that a dead attempt's file is never taken in; a file that was
 * loaded before is passed over. Several statements where FILES would hold more names than it may.
 */
export function copyInto(target: string, staged: StagedTable, group: StagedGroup): string[] {
  const columns = completeColumns(staged.table).filter(column => group.columns.has(column.name));
  const select = columns
    .map(column => {
      const name = quoteName(column.name);
      return `${stagedValue(staged.table.name, column, name, staged.types)} AS ${name}`;
    })
    .join(", ");
  const statements: string[] = [];
  for (let i = 0; i < group.files.length; i += FILES_PER_COPY) {
    const names = group.files.slice(i, i + FILES_PER_COPY).map(file => quoteText(file.name));
    statements.push(
      `COPY INTO ${target} FROM (SELECT ${select} FROM ${quoteText(`${group.folder}/`)}) ` +
        `FILEFORMAT = PARQUET FILES = (${names.join(", ")})`,
    );
  }
  return statements;
}
