/** Names of the datasets as they are in the destination. The state keeps the name as it was configured. */
import type { DatasetNames, ResolvedPipeline } from "../pipeline/spec";
import { snakeCase } from "../schema/naming";

type Named = Pick<ResolvedPipeline, "dataset_name" | "destination" | "stored">;

/**
 * As the spec was resolved; histories of earlier versions lack them.
 * @throws TidemarkError BAD_IDENTIFIER
 */
export function datasetNames(spec: Named): DatasetNames {
  return spec.stored ?? storedNames(spec);
}

/** dlt: normalize_dataset_name, staging_dataset_name_layout. @throws TidemarkError BAD_IDENTIFIER */
export function storedNames({ dataset_name, destination }: Omit<Named, "stored">): DatasetNames {
  const { enable_dataset_name_normalization: normalize, staging_dataset_name_layout: layout } = destination;
  const limits = [destination.max_identifier_length, destination.max_column_identifier_length];
  const known = limits.filter(limit => limit !== undefined);
  const naming = snakeCase(known.length === 0 ? {} : { maxLength: Math.min(...known) });
  const folded = (text: string) => (destination.casefold_identifier === "lower" ? text.toLowerCase() : text);
  const name = (text: string) => folded(normalize === false ? text : naming.ident(text));
  return {
    dataset: name(dataset_name),
    staging_dataset: name((layout ?? "%s_staging").replace("%s", () => dataset_name)),
  };
}
