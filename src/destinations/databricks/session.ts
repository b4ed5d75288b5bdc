/** One session on a SQL warehouse: the verbs of a load, each over statements that may be repeated. */
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
  StagedFile,
  TakenBack,
} from "../destination";
import type { Generations } from "../generations";
import { openWarehouse, type ResultRow, type Warehouse } from "./client";
import { completeLoad } from "./complete";
import { databricksGenerations } from "./generations";
import { loadChains } from "./load";
import { migrate } from "./migrate";
import { isLoaded, restore } from "./restore";
import { selectNumber } from "./select-number";
import type { DatabricksDestination } from "./spec";
import { databricksWords, quoteText } from "./sql-text";
import { stagePlan } from "./stage";
import { takeBack } from "./take-back";

/** No connection is made before the first statement. */
export async function openSession(
  spec: DatabricksDestination,
  options: OpenDestinationOptions,
): Promise<DestinationSession> {
  return new DatabricksSession(await openWarehouse(spec, options), spec);
}

class DatabricksSession implements DestinationSession {
  readonly words: SqlWords;
  readonly generations: Generations;

  constructor(
    private readonly db: Warehouse,
    private readonly spec: DatabricksDestination,
  ) {
    this.words = databricksWords(spec.catalog);
    this.generations = databricksGenerations(db, spec.catalog);
  }

  restore(query: RestoreQuery): Promise<Restored> {
    return restore(this.db, { catalog: this.spec.catalog, dataset: query.dataset }, query);
  }

  isLoaded(dataset: string, loadId: string): Promise<boolean> {
    return isLoaded(this.db, { catalog: this.spec.catalog, dataset }, loadId);
  }

  migrate(plan: LoadPlan): Promise<MigrationInfo> {
    return migrate(this.db, plan, this.spec);
  }

  stage(plan: LoadPlan): Promise<StagedFile[]> {
    return stagePlan(this.db, plan, this.spec);
  }

  async loadChains(plans: readonly LoadPlan[], roots: readonly string[]): Promise<LoadedTable[]> {
    const loaded: LoadedTable[] = [];
    for (const plan of plans) {
      const mine = plan.roots.filter(root => roots.includes(root));
      if (mine.length > 0) loaded.push(...(await loadChains(this.db, plan, mine, this.spec)));
    }
    return loaded;
  }

  completeLoad(plan: LoadPlan): Promise<void> {
    return completeLoad(this.db, plan, this.spec);
  }

  takeBack(plan: LoadPlan): Promise<TakenBack[]> {
    return takeBack(this.db, plan, this.spec);
  }

  selectNumber(sql: string): Promise<SelectedNumber> {
    return selectNumber(this.db, sql);
  }

  /** Parameters stand for `?` in order. */
  query(sql: string, params: (string | number)[] = []): Promise<ResultRow[]> {
    let next = 0;
    const text = sql.replace(/\?/g, () => {
      const value = params[next++];
      return value === undefined ? "?" : typeof value === "number" ? String(value) : quoteText(value);
    });
    return this.db.run(text, "reading for the gate");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.db[Symbol.asyncDispose]();
  }
}
