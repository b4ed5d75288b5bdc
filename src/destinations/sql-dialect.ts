/** What the SQL of all destinations shares once names are quoted as each wants it. Pure text. */
import type { HardDelete } from "./table-chains";

/** Where a dataset lives: catalog (DuckDB: the attached database; empty: not to be named) and schema. */
export interface Place {
  catalog: string;
  dataset: string;
}

/** Conditions joined by AND; an empty list is no WHERE at all. */
export function where(conditions: readonly (string | undefined)[]): string {
  const given = conditions.filter((c): c is string => c !== undefined && c !== "");
  return given.length === 0 ? "" : ` WHERE ${given.map(c => `(${c})`).join(" AND ")}`;
}

export function sqlDialect(quoteName: (name: string) => string) {
  const qualifiedDataset = (place: Place): string =>
    place.catalog === ""
      ? quoteName(place.dataset)
      : `${quoteName(place.catalog)}.${quoteName(place.dataset)}`;
  return {
    qualifiedDataset,

    quoteNames: (names: readonly string[]): string => names.map(quoteName).join(", "),

    /** Always with the catalog's name: `raw.t` would be ambiguous in a DuckDB file called raw.duckdb. */
    qualifiedTable: (place: Place, table: string): string => `${qualifiedDataset(place)}.${quoteName(table)}`,

    /** `a = b AND …` over the same columns of two row sources. */
    sameKey: (left: string, right: string, columns: readonly string[]): string =>
      columns.map(c => `${left}.${quoteName(c)} = ${right}.${quoteName(c)}`).join(" AND "),

    /** The staged row is a delete (dlt: `= TRUE` for bool, else not null). */
    isDeleted(flag: HardDelete, alias = ""): string {
      const column = `${alias}${quoteName(flag.column)}`;
      return flag.isBool ? `${column} = TRUE` : `${column} IS NOT NULL`;
    },

    isNotDeleted(flag: HardDelete, alias = ""): string {
      const column = `${alias}${quoteName(flag.column)}`;
      return flag.isBool ? `${column} IS NULL OR ${column} = FALSE` : `${column} IS NULL`;
    },
  };
}
