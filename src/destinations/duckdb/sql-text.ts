/** Names and texts in DuckDB SQL. Everything that enters a statement passes through here or is bound. */

/** Where a dataset lives: the attached database and its schema. */
export interface Place {
  catalog: string;
  dataset: string;
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

export function quoteNames(names: readonly string[]): string {
  return names.map(quoteName).join(", ");
}

export function qualifiedDataset(place: Place): string {
  return `${quoteName(place.catalog)}.${quoteName(place.dataset)}`;
}

/** Always with the database's name: `"raw"."t"` would be ambiguous in a file called raw.duckdb. */
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
