/** Names and texts in DuckDB SQL. Everything that enters a statement passes through here or is bound. */
import type { SqlWords } from "../destination";
import { sqlDialect } from "../sql-dialect";

export { type Place, where } from "../sql-dialect";

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export const { isDeleted, isNotDeleted, qualifiedDataset, qualifiedTable, quoteNames, sameKey } =
  sqlDialect(quoteName);

export const duckdbWords = (catalog: string): SqlWords => ({
  name: quoteName,
  schema: dataset => qualifiedDataset({ catalog, dataset }),
  secondsSince: expression => `epoch(now()) - epoch(${expression})`,
  catalog,
  // one list for all attached files
  columnsView: "information_schema.columns",
});
