/** Databricks as a destination: Volume staging, one commit per statement, `_dlt_loads` last. */
import type { DestinationSpec } from "../../pipeline/spec";
import type {
  Destination,
  DestinationSession,
  DestinationType,
  LoadPlan,
  OpenDestinationOptions,
} from "../destination";
import { DATABRICKS_CAPABILITIES } from "./capabilities";
import { DATABRICKS_DBT } from "./dbt-adapter";
import { checkBundle, checkEnvironment } from "./doctor";
import {
  conflicts,
  DATABRICKS_SETTINGS,
  type DatabricksDestination,
  databricksShape,
  LOAD_MODES,
  resolveDatabricks,
} from "./spec";

/** The driver takes a good part of a second to load: only what opens a session does, and only then is one closed. */
let connects = false;

export function createDatabricksDestination(spec: DatabricksDestination): Destination {
  return {
    type: "databricks",
    capabilities: DATABRICKS_CAPABILITIES,
    identity: {
      destination_type: "dlt.destinations.databricks",
      destination_name: spec.destination_name ?? null,
      fingerprint: `${spec.server_hostname.toLowerCase()}/${spec.catalog.toLowerCase()}`,
    },
    async open(options: OpenDestinationOptions): Promise<DestinationSession> {
      connects = true;
      const { openSession } = require("./session") as typeof import("./session");
      return await openSession(spec, options);
    },
    async checkAccess(options: OpenDestinationOptions, names: Pick<LoadPlan, "dataset" | "staging_dataset">) {
      connects = true;
      const { checkAccess } = require("./check-access") as typeof import("./check-access");
      const { openWarehouse } = require("./client") as typeof import("./client");
      await using db = await openWarehouse(spec, options);
      return await checkAccess(db, names, spec);
    },
  };
}

export const DATABRICKS: DestinationType = {
  type: "databricks",
  shape: databricksShape,
  example: `destination:
  type: databricks
  server_hostname: adb-1234567890123456.7.azuredatabricks.net
  http_path: /sql/1.0/warehouses/abc
  catalog: main
  access_token: { env: DATABRICKS_TOKEN }`,
  conflicts,
  settings: DATABRICKS_SETTINGS,
  loadModes: LOAD_MODES,
  resolve: (given, { env }, file) => resolveDatabricks(given, env, file),
  dbt: DATABRICKS_DBT,
  publishes: true,
  checkEnvironment,
  checkProject: checkBundle,
  create: (spec: DestinationSpec) => createDatabricksDestination(spec as DatabricksDestination),
  close: async () => {
    if (connects) await (require("./session-pool") as typeof import("./session-pool")).closePools();
  },
};
