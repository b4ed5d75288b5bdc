/**
 * What a run can be found by in Temporal's UI and in `temporal workflow list`. Where a namespace does not know these
 * search attributes, the same names stand in the run's memo: to be read there, not to be searched.
 * Nothing encrypts search attributes, payload codecs neither: only names, a decision and a count.
 */
export const SEARCH_ATTRIBUTES = {
  /** `pipeline_name`. */
  TidemarkPipeline: "KEYWORD",
  /** Dataset as the spec names it. */
  TidemarkDataset: "KEYWORD",
  /** The gate's: promote, review or block. */
  TidemarkDecision: "KEYWORD",
  /** Rows loaded by the run, its backfills included, without dlt's own tables. */
  TidemarkRows: "INT",
} as const;

/** The server's numbers for the types (temporal.api.enums.v1.IndexedValueType). */
export const SEARCH_ATTRIBUTE_TYPES = { KEYWORD: 2, INT: 3 } as const;

export type SearchAttributeName = keyof typeof SEARCH_ATTRIBUTES;

export type SearchAttributeValues = {
  [name in SearchAttributeName]?: (typeof SEARCH_ATTRIBUTES)[name] extends "INT" ? number : string;
};

/** The SQL stores of Temporal's visibility keep 255 characters of a keyword. */
export const LONGEST_KEYWORD = 255;

/**
 * A list filter of Temporal's visibility for runs (workflow `pipeline`; its loads have no attributes of ours).
 * The server finds no value with a double quote or a backslash (tried with SQLite).
 * @param by values to match, and the execution status as Temporal names it ("Failed", "Completed", …)
 */
export function runsQuery(by: Omit<SearchAttributeValues, "TidemarkRows"> & { status?: string }): string {
  const { status, ...values } = by;
  const named = Object.entries({ ...values, ExecutionStatus: status });
  return named
    .filter((pair): pair is [string, string] => pair[1] !== undefined)
    .map(([name, value]) => `${name} = '${value.replaceAll("'", "''")}'`)
    .join(" AND ");
}
