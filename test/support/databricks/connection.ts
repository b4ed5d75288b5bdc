/** The warehouse of the lane, or a stand-in: as a destination, and as the environment of a process. Knows no jest. */
import type { DatabricksDestination } from "../../../src/destinations/databricks/spec";
import type { StandinAddress } from "./standin";

export type Connection = Pick<
  DatabricksDestination,
  "server_hostname" | "http_path" | "catalog" | "port" | "ca_file" | "access_token"
> & { client_id?: string; client_secret?: string };

export function specOn(
  standin: StandinAddress,
  more: Partial<DatabricksDestination> = {},
): DatabricksDestination {
  const connection = {
    server_hostname: standin.host,
    port: standin.port,
    http_path: standin.http_path,
    catalog: standin.catalog,
    access_token: standin.token,
    ca_file: standin.ca,
  };
  return specOf(connection, more);
}

export function specOf(connection: Connection, more: Partial<DatabricksDestination>): DatabricksDestination {
  return {
    type: "databricks",
    ...connection,
    replace_strategy: "truncate-and-insert",
    create_indexes: false,
    staging_dataset_name_layout: "%s_staging",
    enable_dataset_name_normalization: true,
    ...more,
  };
}

export function connectionEnv(to: DatabricksDestination): { [name: string]: string } {
  const secrets: { [name: string]: unknown } =
    to.access_token === undefined
      ? { DATABRICKS_CLIENT_ID: to.client_id, DATABRICKS_CLIENT_SECRET: to.client_secret }
      : { DATABRICKS_TOKEN: to.access_token };
  return {
    DLT_DESTINATION: "databricks",
    DATABRICKS_HOST: to.port === undefined ? to.server_hostname : `${to.server_hostname}:${to.port}`,
    DATABRICKS_HTTP_PATH: to.http_path,
    DATABRICKS_CATALOG: to.catalog,
    ...(to.ca_file === undefined ? {} : { DATABRICKS_CA_FILE: to.ca_file }),
    ...Object.fromEntries(Object.entries(secrets).map(([name, value]) => [name, String(value)])),
  };
}
