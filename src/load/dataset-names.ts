/** Names of the datasets as they are in the destination. The state keeps the name as it was configured. */
import type { ResolvedPipeline } from "../pipeline/spec";
import { snakeCase } from "../schema/naming";

export interface DatasetNames {
  dataset: string;
  staging_dataset: string;
}

/** dlt: normalize_dataset_name, staging_dataset_name_layout. @throws TidemarkError BAD_IDENTIFIER */
export function datasetNames(spec: Pick<ResolvedPipeline, "dataset_name" | "destination">): DatasetNames {
  const { enable_dataset_name_normalization: normalize, staging_dataset_name_layout: layout } =
    spec.destination;
  const { destination } = spec;
  const limits =
    destination.type === "duckdb"
      ? [destination.max_identifier_length, destination.max_column_identifier_length]
      : [];
  const known = limits.filter(limit => limit !== undefined);
  const naming = snakeCase(known.length === 0 ? {} : { maxLength: Math.min(...known) });
  const name = (text: string) => (normalize === false ? text : naming.ident(text));
  return {
    dataset: name(spec.dataset_name),
    staging_dataset: name(
      (typeof layout === "string" ? layout : "%s_staging").replace("%s", spec.dataset_name),
    ),
  };
}
