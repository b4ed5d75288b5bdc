/** Names and texts in Databricks SQL. Everything that enters a statement passes through here. */
import type { SqlWords } from "../destination";
import { sqlDialect } from "../sql-dialect";

export { type Place, where } from "../sql-dialect";

export function quoteName(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

/** Backslash escapes are on in Databricks' literals. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

/**
 * Aliases of a table's rows, of staged rows, and of what was kept for a repetition. Inside a subquery Spark takes `s.id`
 * for a field of an inner column `s` rather than for the alias outside; normalised names hold no colon, so these never
 * meet a column.
 */
export const TARGET = quoteName(":target");
export const SOURCE = quoteName(":source");
export const DECIDED = quoteName(":decided");

export const { isDeleted, isNotDeleted, qualifiedDataset, qualifiedTable, quoteNames, sameKey } =
  sqlDialect(quoteName);

/** A moment of UTC, from ISO text or anything dlt takes for one; a text without an offset is UTC. */
export function timestamp(text: string): string {
  const moment = /^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00` : text;
  const zoned = /(?:Z|[+-]\d\d:?\d\d)$/.test(moment);
  return `CAST(${quoteText(zoned ? moment : `${moment}Z`)} AS TIMESTAMP)`;
}

export const databricksWords = (catalog: string): SqlWords => ({
  name: quoteName,
  schema: dataset => qualifiedDataset({ catalog, dataset }),
  secondsSince: expression => `unix_timestamp(current_timestamp()) - unix_timestamp(${expression})`,
  catalog,
  columnsView: `${quoteName(catalog)}.information_schema.columns`,
});
