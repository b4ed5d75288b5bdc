/** Names and texts in Databricks SQL. Everything that enters a statement passes through here. */

/** Where a dataset lives: catalog and schema of Unity Catalog. */
export interface Place {
  catalog: string;
  dataset: string;
}

export function quoteName(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

/** Backslash escapes are on in Databricks' literals. */
export function quoteText(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

export function quoteNames(names: readonly string[]): string {
  return names.map(quoteName).join(", ");
}

export function qualifiedDataset(place: Place): string {
  return `${quoteName(place.catalog)}.${quoteName(place.dataset)}`;
}

export function qualifiedTable(place: Place, table: string): string {
  return `${qualifiedDataset(place)}.${quoteName(table)}`;
}

/** `a = b AND …` over the same columns of two row sources. */
export function sameKey(left: string, right: string, columns: readonly string[]): string {
  return columns.map(c => `${left}.${quoteName(c)} = ${right}.${quoteName(c)}`).join(" AND ");
}

/** Conditions joined by AND; an empty list is no WHERE at all. */
export function where(conditions: readonly (string | undefined)[]): string {
  const given = conditions.filter((c): c is string => c !== undefined && c !== "");
  return given.length === 0 ? "" : ` WHERE ${given.map(c => `(${c})`).join(" AND ")}`;
}

/** A moment of UTC, from ISO text or anything dlt takes for one; a text without an offset is UTC. */
export function timestamp(text: string): string {
  const zoned = /(?:Z|[+-]\d\d:?\d\d)$/.test(text) || /^\d{4}-\d\d-\d\d$/.test(text);
  return `CAST(${quoteText(zoned ? text : `${text}Z`)} AS TIMESTAMP)`;
}
