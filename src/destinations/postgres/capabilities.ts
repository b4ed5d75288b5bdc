import type { DestinationCapabilities } from "../destination";

/** dlt 1.31: destinations/impl/postgres/factory.py. */
export const POSTGRES_CAPABILITIES: DestinationCapabilities = {
  max_identifier_length: 63,
  max_column_identifier_length: 63,
  merge_strategies: ["delete-insert", "upsert", "scd2", "insert-only", "cdc"],
  replace_strategies: ["truncate-and-insert", "insert-from-staging", "staging-optimized"],
  commits: "package",
  needs_staging: false,
  decimal_precision: [38, 9],
  wei_precision: [156, 78],
  literal_files: true,
  long_decimals: true,
};
