/**
 * What the dbt profile reads, from the destination that the pipeline loaded: both sides then mean the same place, also
 * where the pipeline's own variables have dlt's names or the connection stands in the spec. Pure.
 */
import type { DatabricksDestination, DestinationSpec } from "../pipeline/spec";

/**
 * Names and values for dbt's environment, the only way in for a secret: nothing of it is written to a file or an
 * argument list.
 * @param destination with its secrets in place of their references
 */
export function dbtEnvironment(dataset: string, destination: DestinationSpec): { [name: string]: string } {
  const sources = { DLT_DATASET_NAME: dataset, DLT_DESTINATION: destination.type };
  return destination.type === "duckdb"
    ? { ...sources, DUCKDB_PATH: String(destination.path) }
    : { ...sources, ...connection(destination) };
}

function connection(to: DatabricksDestination): { [name: string]: string } {
  const port = to.port === undefined ? "" : `:${to.port}`;
  const token = to.access_token !== undefined;
  return {
    DATABRICKS_HOST: `${to.server_hostname}${port}`,
    DATABRICKS_HTTP_PATH: to.http_path,
    DATABRICKS_CATALOG: to.catalog,
    DATABRICKS_CA_FILE: to.ca_file ?? "",
    // The same choice as the loader's: with a token, a service principal that is also there is not used.
    DATABRICKS_TOKEN: token ? String(to.access_token) : "",
    DATABRICKS_CLIENT_ID: token ? "" : String(to.client_id ?? ""),
    DATABRICKS_CLIENT_SECRET: token ? "" : String(to.client_secret ?? ""),
  };
}
