/** DuckDB as a destination: one file, one writer, one transaction per package. */
import { resolve } from "node:path";
import type { DestinationSpec } from "../../pipeline/spec";
import type {
  Destination,
  DestinationSession,
  DestinationType,
  OpenDestinationOptions,
} from "../destination";
import { DUCKDB_CAPABILITIES } from "./capabilities";
import type { DatabaseSettings } from "./database";
import { DUCKDB_DBT } from "./dbt-adapter";
import { filePlace } from "./file-place";
import { withFileTurn } from "./file-turns";
import { loadReservations } from "./load-reservations";
import { DUCKDB_SETTINGS, type DuckDbDestination, defaultPath, duckdbShape, resolveDuckDb } from "./spec";

export function createDuckDbDestination(spec: DuckDbDestination): Destination {
  const path = resolve(spec.path);
  return {
    type: "duckdb",
    capabilities: {
      ...DUCKDB_CAPABILITIES,
      max_identifier_length: spec.max_identifier_length ?? DUCKDB_CAPABILITIES.max_identifier_length,
      max_column_identifier_length:
        spec.max_column_identifier_length ?? DUCKDB_CAPABILITIES.max_column_identifier_length,
    },
    identity: {
      destination_type: "dlt.destinations.duckdb",
      destination_name: spec.destination_name ?? null,
      fingerprint: path,
    },
    async open(options: OpenDestinationOptions): Promise<DestinationSession> {
      const { openSession } = require("./session") as typeof import("./session");
      return await openSession(path, spec, { ...options, settings: settingsOf(spec) });
    },
    place: told => filePlace(path, told),
    selectProblem: async sql =>
      (require("./select-number") as typeof import("./select-number")).selectProblem(sql),
    reservations: loadReservations(path),
    // dbt's own words for a held file come after seconds, and without an end to the waiting.
    withTurn: (options, work) =>
      withFileTurn(path, options, async () => {
        const { waitUntilFree } = require("./database") as typeof import("./database");
        await waitUntilFree(path, { ...options, settings: settingsOf(spec) });
        return await work();
      }),
  };
}

export const DUCKDB: DestinationType = {
  type: "duckdb",
  shape: duckdbShape,
  example: "destination: { type: duckdb, path: data/shop.duckdb, memory_limit: 2GB }",
  settings: DUCKDB_SETTINGS,
  resolve: resolveDuckDb,
  defaultFile: around => ({ path: defaultPath(around), variable: "DUCKDB_PATH" }),
  dbt: DUCKDB_DBT,
  publishes: true,
  checkEnvironment: around => ({ ok: true, detail: `duckdb, file ${defaultPath(around)}` }),
  create: (spec: DestinationSpec) => createDuckDbDestination(spec as DuckDbDestination),
};

function settingsOf(spec: DuckDbDestination): Partial<DatabaseSettings> {
  const { memory_limit, threads, busy_timeout_seconds } = spec;
  return {
    ...(memory_limit === undefined ? {} : { memory_limit }),
    ...(threads === undefined ? {} : { threads }),
    ...(busy_timeout_seconds === undefined ? {} : { busy_timeout_seconds }),
  };
}
