/** A session on one open file: what is behind each verb of the interface. */
import type { LoadedTable } from "../../pipeline/infos";
import type {
  DestinationSession,
  LoadPlan,
  MigrationInfo,
  Restored,
  RestoreQuery,
  SelectedNumber,
  SqlWords,
} from "../destination";
import type { Generations } from "../generations";
import { loadPackage } from "../one-transaction/load";
import { migrate } from "../one-transaction/migrate";
import { isLoaded, restore } from "../one-transaction/restore";
import type { SqlVendor } from "../one-transaction/sql-vendor";
import { type Database, type OpenDatabaseOptions, openDatabase, type ResultRow } from "./database";
import { duckdbGenerations } from "./generations";
import { selectNumber } from "./select-number";
import type { DuckDbDestination } from "./spec";
import { duckdbVendor } from "./sql-vendor";
import { duckdbWords } from "./sql-words";
import { makeRoomForColumns } from "./wide-tables";

/** @throws as openDatabase */
export async function openSession(
  path: string,
  spec: DuckDbDestination,
  options: OpenDatabaseOptions,
): Promise<DestinationSession> {
  return new DuckDbSession(await openDatabase(path, options), spec);
}

class DuckDbSession implements DestinationSession {
  readonly words: SqlWords;
  private readonly vendor: SqlVendor;
  readonly generations: Generations;

  constructor(
    private readonly db: Database,
    private readonly options: DuckDbDestination,
  ) {
    this.vendor = duckdbVendor(db, options);
    this.words = duckdbWords(db.catalog);
    this.generations = duckdbGenerations(db);
  }

  restore(query: RestoreQuery): Promise<Restored> {
    return restore(this.db, query);
  }

  isLoaded(dataset: string, loadId: string): Promise<boolean> {
    return isLoaded(this.db, dataset, loadId);
  }

  async migrate(plan: LoadPlan): Promise<MigrationInfo> {
    await this.makeRoom(plan);
    return await migrate(this.vendor, plan);
  }

  async loadChains(plans: readonly LoadPlan[]): Promise<LoadedTable[]> {
    for (const plan of plans) await this.makeRoom(plan);
    return await loadPackage(this.vendor, plans);
  }

  private async makeRoom(plan: LoadPlan): Promise<void> {
    if (this.options.memory_limit === undefined) await makeRoomForColumns(this.db, plan);
  }

  /** Everything was committed together by `loadChains`. */
  async completeLoad(): Promise<void> {}

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
