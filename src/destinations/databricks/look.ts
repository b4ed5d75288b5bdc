/**
 * One look at the staged files and their targets before anything is deleted, updated or merged: the staged rows must
 * equal the package's manifest, or scd2, cdc and replace would take missing rows for deleted ones.
 */
import { TidemarkError } from "../../pipeline/errors";
import type { StoredTable } from "../../schema/types";
import type { LoadPlan } from "../destination";
import { type Chain, hardDeleteOf, mergeStrategyOf, rowKeyOf } from "../table-chains";
import { DATABRICKS_CAPABILITIES } from "./capabilities";
import { numberOf, type Warehouse } from "./client";
import { requireBaseOf } from "./fence";
import type { LoadOptions, TableFacts } from "./load-context";
import { countReturning } from "./sql-delete-insert";
import type { Fence } from "./sql-fence";
import { mergeRoot, mergeTable } from "./sql-merge-parts";
import { stagingTable } from "./sql-staging-table";
import { countLoads } from "./sql-system";
import { isDeleted, type Place, quoteName, quoteNames, quoteText } from "./sql-text";

export interface Look {
  /** The load is committed already. */
  loaded: boolean;
  /** What the package was begun from was compared. */
  compared: boolean;
  facts: Map<string, TableFacts>;
}

export const NO_FACTS: TableFacts = {
  rows: 0,
  duplicates: false,
  flagged: false,
  before: 0,
  returning: undefined,
};

/**
 * @param emptied tables whose rows are counted because the load replaces them all
 * @throws TidemarkError LOAD_SUPERSEDED
 */
export async function lookAt(
  db: Warehouse,
  plan: LoadPlan,
  chains: readonly Chain[],
  emptied: ReadonlySet<string>,
  options: LoadOptions,
  fence: Fence | undefined,
): Promise<Look> {
  const look: Look = { loaded: false, compared: false, facts: new Map() };
  const place: Place = { catalog: options.catalog, dataset: plan.dataset };
  const selects = chains.flatMap(chain =>
    chain.tables.map(table => selectFacts(plan, chain, table, emptied.has(table.name), options)),
  );
  if (selects.length === 0) return look;
  const sql =
    `SELECT l.*, f.* FROM ${fence?.loads ?? `(${countLoads(place, plan.load_id)})`} AS l ` +
    `CROSS JOIN (${selects.join(" UNION ALL ")}) AS f`;
  for (const row of await db.run(sql, "counting the staged rows")) {
    look.loaded = numberOf(row, "n") > 0;
    if (fence !== undefined && !look.loaded) await requireBaseOf(db, place, plan, row);
    look.compared = true;
    const table = String(row.name);
    const rows = numberOf(row, "staged");
    requireManifest(plan, table, rows, options);
    look.facts.set(table, {
      rows,
      duplicates: row.keys !== null && numberOf(row, "keys") < rows,
      flagged: numberOf(row, "flagged") > 0,
      before: numberOf(row, "present"),
      returning: row.returning === null ? undefined : numberOf(row, "returning"),
    });
  }
  return look;
}

function selectFacts(
  plan: LoadPlan,
  chain: Chain,
  table: StoredTable,
  emptied: boolean,
  options: LoadOptions,
): string {
  const isRoot = table.name === chain.root.name;
  const parts = mergeTable(plan, table, options);
  const columns = {
    name: quoteText(table.name),
    staged: "count(*)",
    keys: chain.disposition === "merge" ? distinctKeys(chain, table) : "CAST(NULL AS BIGINT)",
    flagged: "CAST(0 AS BIGINT)",
    present: emptied ? `(SELECT count(*) FROM ${parts.target})` : "CAST(0 AS BIGINT)",
    returning: "CAST(NULL AS BIGINT)",
  };
  if (isRoot && chain.disposition === "merge") {
    const flag = hardDeleteOf(table);
    if (flag) columns.flagged = `count_if(${isDeleted(flag)})`;
    if (mergeStrategyOf(table, DATABRICKS_CAPABILITIES.merge_strategies) === "delete-insert") {
      const root = mergeRoot(plan, table, options);
      // always as if there were duplicates: whether there are is what this look finds out
      const returning = countReturning(root, root.primaryKey.length > 0);
      if (returning !== undefined) columns.returning = `(${returning})`;
    }
  }
  const list = Object.entries(columns).map(([name, value]) => `${value} AS \`${name}\``);
  return `SELECT ${list.join(", ")} FROM ${parts.staged} AS staged`;
}

/** How many rows the key tells apart; NULL where the strategy does not ask. */
function distinctKeys(chain: Chain, table: StoredTable): string {
  const { root } = chain;
  const none = "CAST(NULL AS BIGINT)";
  const strategy = mergeStrategyOf(root, DATABRICKS_CAPABILITIES.merge_strategies);
  if (strategy === "scd2" || strategy === "insert-only") return none;
  if (root["x-stage-data-deduplicated"] === true && strategy === "delete-insert") return none;
  if (table.name !== root.name) return `count(DISTINCT ${quoteName(rowKeyOf(table))})`;
  const key = Object.values(root.columns).filter(c => c.primary_key === true && c.data_type !== undefined);
  return key.length === 0 ? none : `count(DISTINCT struct(${quoteNames(key.map(c => c.name))}))`;
}

function requireManifest(plan: LoadPlan, table: string, staged: number, options: LoadOptions): void {
  const wanted = plan.files.filter(file => file.table === table).reduce((sum, file) => sum + file.rows, 0);
  if (staged === wanted) return;
  const again =
    options.load_mode === "spark"
      ? `Drop ${stagingTable(plan, table, options.catalog)} and run again.`
      : "Remove the load's folder in the staging Volume and run again.";
  throw new TidemarkError(
    "DESTINATION_REFUSED",
    `Load ${plan.load_id}, table "${plan.dataset}.${table}": there are ${staged} staged rows, the package has ${wanted}. ` +
      `Nothing was changed, the cursor did not move. ${again}`,
  );
}
