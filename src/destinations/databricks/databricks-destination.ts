/** Databricks as a destination: Volume staging, one commit per statement, `_dlt_loads` last. */
import type { LoadedTable } from "../../pipeline/infos";
import type { DestinationSpec } from "../../pipeline/spec";
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
  StagedFile,
  TakenBack,
} from "../destination";
import { DATABRICKS_CAPABILITIES } from "./capabilities";
import { checkAccess } from "./check-access";
import { openWarehouse, type ResultRow, type Warehouse } from "./client";
import { completeLoad } from "./complete";
import { DATABRICKS_DBT } from "./dbt-adapter";
import { checkBundle, checkEnvironment } from "./doctor";
import { loadChains } from "./load";
import { migrate } from "./migrate";
import { isLoaded, restore } from "./restore";
import { selectNumber } from "./select-number";
import { closePools } from "./session-pool";
import {
  conflicts,
  DATABRICKS_SETTINGS,
  type DatabricksDestination,
  databricksShape,
  LOAD_MODES,
  resolveDatabricks,
} from "./spec";
import { databricksWords, quoteText } from "./sql-text";
import { stagePlan } from "./stage";
import { takeBack } from "./take-back";

export function createDatabricksDestination(spec: DatabricksDestination): Destination {
  return {
    type: "databricks",
    capabilities: DATABRICKS_CAPABILITIES,
    identity: {
      destination_type: "dlt.destinations.databricks",
      destination_name: spec.destination_name ?? null,
      fingerprint: `${spec.server_hostname.toLowerCase()}/${spec.catalog.toLowerCase()}`,
    },
    /** No connection is made before the first statement. */
    async open(options: OpenDestinationOptions): Promise<DestinationSession> {
      return new DatabricksSession(await openWarehouse(spec, options), spec);
    },
    async checkAccess(options: OpenDestinationOptions, names: Pick<LoadPlan, "dataset" | "staging_dataset">) {
      await using db = await openWarehouse(spec, options);
      return await checkAccess(db, names, spec);
    },
  };
}

export const DATABRICKS: DestinationType = {
  type: "databricks",
  shape: databricksShape,
  conflicts,
  settings: DATABRICKS_SETTINGS,
  loadModes: LOAD_MODES,
  resolve: (given, { env }, file) => resolveDatabricks(given, env, file),
  dbt: DATABRICKS_DBT,
  checkEnvironment,
  checkProject: checkBundle,
  create: (spec: DestinationSpec) => createDatabricksDestination(spec as DatabricksDestination),
  close: closePools,
};

class DatabricksSession implements DestinationSession {
  readonly words: SqlWords;

  constructor(
    private readonly db: Warehouse,
    private readonly spec: DatabricksDestination,
  ) {
    this.words = databricksWords(spec.catalog);
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
