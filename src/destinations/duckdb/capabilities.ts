import type { DestinationCapabilities } from "../destination";

/** dlt 1.31: destinations/impl/duckdb/factory.py. `staging-optimized` is not to be had on DuckDB. */
export const DUCKDB_CAPABILITIES: DestinationCapabilities = {
  max_identifier_length: 65536,
  max_column_identifier_length: 65536,
  merge_strategies: ["delete-insert", "upsert", "scd2", "insert-only", "cdc"],
  replace_strategies: ["truncate-and-insert", "insert-from-staging"],
  commits: "package",
  needs_staging: false,
  decimal_precision: [38, 9],
  wei_precision: [38, 0],
  literal_files: true,
};
