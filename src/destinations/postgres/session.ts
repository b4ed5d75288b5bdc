/** A session on one connection: what is behind each verb of the interface. */
import type { LoadedTable } from "../../pipeline/infos";
import type {
  DestinationSession,
  LoadPlan,
  MigrationInfo,
  OpenDestinationOptions,
  Restored,
  RestoreQuery,
  SelectedNumber,
  SqlWords,
} from "../destination";
import type { Generations } from "../generations";
import { loadPackage } from "../one-transaction/load";
import { migrate } from "../one-transaction/migrate";
import { isLoaded, restore } from "../one-transaction/restore";
import { qualifiedDataset, quoteName } from "../one-transaction/sql-text";
import type { ResultRow, SqlVendor } from "../one-transaction/sql-vendor";
import { openDatabase, type PostgresDatabase } from "./database";
import { postgresGenerations } from "./generations";
import { selectNumber } from "./select-number";
import type { PostgresDestination } from "./spec";
import { postgresVendor } from "./sql-vendor";

/** @throws as openDatabase */
export async function openSession(
  spec: PostgresDestination,
  options: OpenDestinationOptions,
): Promise<DestinationSession> {
  return new PostgresSession(await openDatabase(spec, options), spec);
}

class PostgresSession implements DestinationSession {
  readonly words: SqlWords;
  private readonly vendor: SqlVendor;
  readonly generations: Generations;

  constructor(
    private readonly db: PostgresDatabase,
    spec: PostgresDestination,
  ) {
    this.vendor = postgresVendor(db, spec);
    this.generations = postgresGenerations(db);
    this.words = {
      name: quoteName,
      schema: dataset => qualifiedDataset(db.place(dataset)),
      secondsSince: expression => `EXTRACT(EPOCH FROM now() - ${expression})`,
      catalog: db.catalog,
      columnsView: "information_schema.columns",
    };
  }

  restore(query: RestoreQuery): Promise<Restored> {
    return restore(this.db, query);
  }

  isLoaded(dataset: string, loadId: string): Promise<boolean> {
    return isLoaded(this.db, dataset, loadId);
  }

  migrate(plan: LoadPlan): Promise<MigrationInfo> {
    return migrate(this.vendor, plan);
  }

  loadChains(plans: readonly LoadPlan[]): Promise<LoadedTable[]> {
    return loadPackage(this.vendor, plans);
  }

  /** Everything was committed together by `loadChains`. */
  async completeLoad(): Promise<void> {}

  selectNumber(sql: string): Promise<SelectedNumber> {
    return selectNumber(this.db, sql);
  }

  query(sql: string, params: (string | number)[] = []): Promise<ResultRow[]> {
    return this.db.rows(sql, params);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.db[Symbol.asyncDispose]();
  }
}
