/**
 * What the profile reads, from the destination that the pipeline loaded: both sides then mean the same place, also where
 * the pipeline's own variables have dlt's names or the connection stands in the spec.
 */
export interface DbtDestination {
  type: string;
  /** Also the only way in for a secret: nothing of it is written to a file or an argument list. */
  environment: { [name: string]: string };
  /** The database as dbt's manifest names it; undefined: not known here. */
  database?: string;
}

/** What dbt gets of a run beside the worker's own environment. */
export function dbtEnvironment(dataset: string, destination: DbtDestination): { [name: string]: string } {
  return { DLT_DATASET_NAME: dataset, DLT_DESTINATION: destination.type, ...destination.environment };
}
