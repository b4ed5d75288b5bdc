/** PostgreSQL as a destination: COPY, one transaction per package, behind an advisory lock. */
import type { DestinationSpec } from "../../pipeline/spec";
import type { AccessFinding, Destination, DestinationType, OpenDestinationOptions } from "../destination";
import { POSTGRES_CAPABILITIES } from "./capabilities";
import { POSTGRES_DBT } from "./dbt-adapter";
import { checkEnvironment } from "./doctor";
import { POSTGRES_SETTINGS, type PostgresDestination, postgresShape, resolvePostgres } from "./spec";

export function createPostgresDestination(spec: PostgresDestination): Destination {
  return {
    type: "postgres",
    capabilities: {
      ...POSTGRES_CAPABILITIES,
      max_identifier_length: spec.max_identifier_length ?? POSTGRES_CAPABILITIES.max_identifier_length,
      max_column_identifier_length:
        spec.max_column_identifier_length ?? POSTGRES_CAPABILITIES.max_column_identifier_length,
    },
    identity: {
      destination_type: "dlt.destinations.postgres",
      destination_name: spec.destination_name ?? null,
      fingerprint: spec.place,
    },
    async open(options: OpenDestinationOptions) {
      const { openSession } = require("./session") as typeof import("./session");
      return await openSession(spec, options);
    },
    async checkAccess(options): Promise<AccessFinding[]> {
      const { checkAccess } = require("./check-access") as typeof import("./check-access");
      return await checkAccess(spec, options);
    },
  };
}

export const POSTGRES: DestinationType = {
  type: "postgres",
  shape: postgresShape,
  example: "destination: { type: postgres, credentials: { env: WAREHOUSE_DSN } }",
  settings: POSTGRES_SETTINGS,
  resolve: resolvePostgres,
  dbt: POSTGRES_DBT,
  publishes: true,
  checkEnvironment,
  create: (spec: DestinationSpec) => createPostgresDestination(spec as PostgresDestination),
};
