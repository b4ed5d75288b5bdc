/** The stand-in as the environment of a process that shall load into it. */
import type { Standin } from "./standin";

export function connectionEnv(standin: Standin): { [name: string]: string } {
  return {
    DLT_DESTINATION: "databricks",
    DATABRICKS_HOST: `${standin.host}:${standin.port}`,
    DATABRICKS_HTTP_PATH: standin.http_path,
    DATABRICKS_CATALOG: standin.catalog,
    DATABRICKS_TOKEN: standin.token,
    DATABRICKS_CA_FILE: standin.ca,
  };
}
