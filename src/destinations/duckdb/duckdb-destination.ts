/** DuckDB as a destination: one file, one writer, one transaction per package. */
import { resolve } from "node:path";
import type { LoadedTable } from "../../pipeline/infos";
import type { DuckDbDestination } from "../../pipeline/spec";
import type {
  Destination,
  DestinationSession,
  DestinationType,
  LoadPlan,
  MigrationInfo,
  OpenDestinationOptions,
  Restored,
  RestoreQuery,
  SelectedNumber,
  SqlWords,
} from "../destination";
import { DUCKDB_CAPABILITIES } from "./capabilities";
import {
  type Database,
  type DatabaseSettings,
  openDatabase,
  type ResultRow,
  waitUntilFree,
} from "./database";
import { filePlace } from "./file-place";
import { withFileTurn } from "./file-turns";
import { loadPackage } from "./load";
import { loadClaims } from "./load-claims";
import { type LoadOptions, migrate } from "./migrate";
import { isLoaded, restore } from "./restore";
import { selectNumber, selectProblem } from "./select-number";
import { qualifiedDataset, quoteName } from "./sql-text";
import { makeRoomForColumns } from "./wide-tables";

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
      return new DuckDbSession(await openDatabase(path, { ...options, settings: settingsOf(spec) }), spec);
    },
    place: () => filePlace(path),
    selectProblem,
    claims: loadClaims(path),
    // dbt's own words for a held file come after seconds, and without an end to the waiting.
    withTurn: (options, work) =>
      withFileTurn(path, options, async () => {
        await waitUntilFree(path, { ...options, settings: settingsOf(spec) });
        return await work();
      }),
  };
}

export const DUCKDB: DestinationType = {
  type: "duckdb",
  create: spec => createDuckDbDestination(spec as DuckDbDestination),
};

function settingsOf(spec: DuckDbDestination): Partial<DatabaseSettings> {
  const { memory_limit, threads, busy_timeout_seconds } = spec;
  return {
    ...(memory_limit === undefined ? {} : { memory_limit }),
    ...(threads === undefined ? {} : { threads }),
    ...(busy_timeout_seconds === undefined ? {} : { busy_timeout_seconds }),
  };
}

class DuckDbSession implements DestinationSession {
  constructor(
    private readonly db: Database,
    private readonly options: LoadOptions & Pick<DuckDbDestination, "memory_limit">,
  ) {}

  restore(query: RestoreQuery): Promise<Restored> {
    return restore(this.db, query);
  }

  isLoaded(dataset: string, loadId: string): Promise<boolean> {
    return isLoaded(this.db, dataset, loadId);
  }

  async migrate(plan: LoadPlan): Promise<MigrationInfo> {
    await this.makeRoom(plan);
    return await migrate(this.db, plan, this.options);
  }

  async loadChains(plans: readonly LoadPlan[]): Promise<LoadedTable[]> {
    for (const plan of plans) await this.makeRoom(plan);
    return await loadPackage(this.db, plans, this.options);
  }

  private async makeRoom(plan: LoadPlan): Promise<void> {
    if (this.options.memory_limit === undefined) await makeRoomForColumns(this.db, plan);
  }

  /** Everything was committed together by `loadChains`. */
  async completeLoad(): Promise<void> {}

  get words(): SqlWords {
    return {
      name: quoteName,
      schema: dataset => qualifiedDataset({ catalog: this.db.catalog, dataset }),
      secondsSince: expression => `epoch(now()) - epoch(${expression})`,
    };
  }

  selectNumber(sql: string): Promise<SelectedNumber> {
    return selectNumber(this.db, sql);
  }

  query(sql: string, params: (string | number)[] = []): Promise<ResultRow[]> {
    // a JavaScript number would be bound as DOUBLE
    const bound = params.map(p => (typeof p === "number" && Number.isSafeInteger(p) ? BigInt(p) : p));
    return this.db.rows(sql, bound, "reading for the gate");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.db[Symbol.asyncDispose]();
  }
}
