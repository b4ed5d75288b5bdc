/** dbt on the same warehouse: the profile's output `databricks`. */
import { TidemarkError } from "../../pipeline/errors";
import type { DbtAdapter, DbtVariables } from "../destination";
import { loginOf, type ProfileName } from "./cli-profile";
import type { DatabricksDestination } from "./spec";

export const DATABRICKS_DBT: DbtAdapter = {
  distribution: "dbt-databricks",
  venv: "dbt-databricks",
  setup: "npm run setup:databricks",
  environment: async spec => dbtVariables(await withLogin(spec as DatabricksDestination)),
  database: spec => (spec as Partial<DatabricksDestination>).catalog,
};

/** @throws TidemarkError SPEC_INVALID without a warehouse, which a load through the task's session does not need */
export function dbtVariables(to: DatabricksDestination): DbtVariables {
  if (to.http_path === "") {
    throw new TidemarkError(
      "SPEC_INVALID",
      "dbt builds on a SQL warehouse, and none is set: rows were loaded through this task's Spark session. Set DATABRICKS_WAREHOUSE_ID, or run with --no-transform.",
    );
  }
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

/** dbt gets what the loader has. A token of the CLI lasts about an hour, and dbt cannot ask for the next one. */
async function withLogin(to: DatabricksDestination): Promise<DatabricksDestination> {
  if (to.profile === undefined) return to;
  const login = await loginOf(to as ProfileName);
  return "token" in login ? { ...to, access_token: login.token } : { ...to, ...login };
}
