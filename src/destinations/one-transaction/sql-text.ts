/** Names and texts in SQL with double quotes. Everything that enters a statement passes through here or is bound. */
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
