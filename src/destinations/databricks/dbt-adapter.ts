/** dbt on the same warehouse: the profile's output `databricks`. */
import type { DbtAdapter } from "../destination";
import type { DatabricksDestination } from "./spec";

export const DATABRICKS_DBT: DbtAdapter = {
  distribution: "dbt-databricks",
  venv: "dbt-databricks",
  setup: "npm run setup:databricks",
  environment(spec) {
    const to = spec as DatabricksDestination;
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
  },
  database: spec => (spec as Partial<DatabricksDestination>).catalog,
};
