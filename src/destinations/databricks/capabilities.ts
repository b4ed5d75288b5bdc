import type { DestinationCapabilities } from "../destination";

/** dlt 1.31: destinations/impl/databricks/factory.py. Unity Catalog limits names to 255 characters. */
export const DATABRICKS_CAPABILITIES: DestinationCapabilities = {
  max_identifier_length: 255,
  max_column_identifier_length: 255,
  merge_strategies: ["delete-insert", "upsert", "scd2", "insert-only", "cdc"],
  replace_strategies: ["truncate-and-insert", "insert-from-staging", "staging-optimized"],
  commits: "chain",
  needs_staging: true,
  decimal_precision: [38, 9],
  wei_precision: [38, 0],
  // Spark refuses Parquet's TIME; the column is a STRING, as in dlt's jsonl (dlt refuses it in parquet)
  times_as_microseconds: true,
};
