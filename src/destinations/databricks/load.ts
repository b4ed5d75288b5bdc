/**
 * Table chains into Databricks. There is no transaction over tables, so every statement is one commit that may be
 * repeated, and a repetition of the whole from any point comes to the same rows.
 */
import { TidemarkError } from "../../pipeline/errors";
import type { LoadedTable } from "../../pipeline/infos";
import type { LoadPlan } from "../destination";
import { refuseSkipped, verifyChains } from "../merge-hints";
import { type Chain, chainsOf } from "../table-chains";
import { DATABRICKS_CAPABILITIES } from "./capabilities";
import type { Warehouse } from "./client";
import { insertStateBeside } from "./complete";
import { isMisfit, isMissing, isStagedFileGone, isSuperseded } from "./errors";
import { dropState, withFence } from "./fence";
import type { ChainLoad, LoadOptions } from "./load-context";
import { explainMisfit, explainNull } from "./load-faults";
import { loadAppend, loadInsert, loadMerge, loadReplace } from "./load-strategies";
import { type Look, lookAt, NO_FACTS } from "./look";
import { together } from "./parallel";
import type { Fence } from "./sql-fence";
import { type Place, qualifiedTable } from "./sql-text";
import { stagePlan } from "./stage";

/**
 * @throws TidemarkError LOAD_SUPERSEDED, DESTINATION_REFUSED, DESTINATION_UNSUPPORTED, PACKAGE_LOST; the signal's reason
 *   when aborted
 */
export async function loadChains(
  db: Warehouse,
  plan: LoadPlan,
  roots: readonly string[],
  options: LoadOptions,
): Promise<LoadedTable[]> {
  const chains = chainsOf(plan).filter(chain => roots.includes(chain.root.name));
  verifyChains(chains, DATABRICKS_CAPABILITIES, options.replace_strategy);
  refuseSkipped(chains);
  // where several steps load a plan's chains, one of them brings the state
  const withState = plan.roots[0] !== undefined && roots.includes(plan.roots[0]);
  const place: Place = { catalog: options.catalog, dataset: plan.dataset };
  const fenced = () =>
    withFence(db, place, plan, fence => attempt(db, plan, chains, withState, options, fence));
  try {
    return await fenced().catch(error => again(error));
  } catch (error) {
    if (isSuperseded(error)) await dropState(db, place, plan);
    throw error;
  }

  async function again(error: unknown): Promise<LoadedTable[]> {
    const gone = options.load_mode === "spark" ? isMissing(error) : isStagedFileGone(error);
    if (!gone) throw await explained(db, plan, chains, options, error);
    // somebody cleared the Volume or the staging dataset: the files are still in the package
    await stagePlan(db, plan, options);
    return await fenced();
  }
}

/** How the rows of a chain come into its tables. */
type Road =
  /** Appended from the Volume: needs no look, since COPY INTO passes over files that it has loaded. */
  | "copy"
  /** Appended from staging tables. */
  | "insert"
  | "replace"
  | "merge";

function roadOf(plan: LoadPlan, chain: Chain, options: LoadOptions): Road {
  if (chain.disposition === "merge") return "merge";
  const emptied = chain.tables.some(table => plan.refresh?.truncate.includes(table.name));
  if (chain.disposition !== "append" || emptied) return "replace";
  return options.load_mode === "spark" ? "insert" : "copy";
}

async function attempt(
  db: Warehouse,
  plan: LoadPlan,
  chains: readonly Chain[],
  withState: boolean,
  options: LoadOptions,
  fence: Fence | undefined,
): Promise<LoadedTable[]> {
  const roads = chains.map(chain => ({ chain, road: roadOf(plan, chain, options) }));
  const checked = roads.filter(({ road }) => road !== "copy");
  const replaced = roads.filter(({ road }) => road === "replace");
  const emptied = new Set(replaced.flatMap(({ chain }) => chain.tables.map(table => table.name)));
  const look = await lookAt(
    db,
    plan,
    checked.map(({ chain }) => chain),
    emptied,
    options,
    fence,
  );
  // without a look every statement compares for itself
  const still = look.compared ? undefined : fence;
  const counts = countsOf(plan, chains);
  if (look.loaded) return [...counts.values()].map(table => ({ ...table, already_loaded: true }));
  await together([
    ...roads.map(({ chain, road }) => loadChain(db, plan, chain, road, look, options, counts, still)),
    ...(withState ? [insertStateBeside(db, plan, options, still)] : []),
  ]);
  for (const { chain } of roads.filter(({ road }) => road === "copy" || road === "insert")) {
    for (const { name } of chain.tables) {
      const count = counts.get(name);
      if (count && count.rows > 0 && count.inserted === 0) count.already_loaded = true;
    }
  }
  return [...counts.values()];
}

function countsOf(plan: LoadPlan, chains: readonly Chain[]): Map<string, LoadedTable> {
  const counts = new Map<string, LoadedTable>();
  for (const { name } of chains.flatMap(chain => chain.tables)) {
    const rows = plan.files.filter(file => file.table === name).reduce((sum, file) => sum + file.rows, 0);
    counts.set(name, { table: name, rows, inserted: 0, updated: 0, deleted: 0 });
  }
  return counts;
}

async function loadChain(
  db: Warehouse,
  plan: LoadPlan,
  chain: Chain,
  road: Road,
  look: Look,
  options: LoadOptions,
  counts: Map<string, LoadedTable>,
  fence: Fence | undefined,
): Promise<void> {
  const place: Place = { catalog: options.catalog, dataset: plan.dataset };
  db.onProgress({ step: "load", subject: chain.root.name, phase: "loading" });
  const load: ChainLoad = {
    db,
    place,
    plan,
    chain,
    options,
    facts: table => look.facts.get(table) ?? NO_FACTS,
    add(table, added) {
      const count = counts.get(table);
      if (!count) return;
      count.inserted += added.inserted ?? 0;
      count.updated += added.updated ?? 0;
      count.deleted += added.deleted ?? 0;
    },
  };
  if (road === "merge") {
    await emptyFirst(load);
    await loadMerge(load);
  } else if (road === "copy") await loadAppend(load, fence);
  else if (road === "insert") await loadInsert(load);
  else await loadReplace(load);
  for (const { name } of chain.tables) {
    const count = counts.get(name);
    if (count) db.onProgress({ step: "load", subject: name, rows: count.inserted + count.updated });
  }
}

/** `refresh: drop_data` of a merge table; the merge that follows does not ask what was loaded before. */
async function emptyFirst(load: ChainLoad): Promise<void> {
  const truncate = load.plan.refresh?.truncate ?? [];
  const tables = load.chain.tables.filter(table => truncate.includes(table.name));
  await together(
    tables.map(table =>
      load.db.run(
        `TRUNCATE TABLE ${qualifiedTable(load.place, table.name)}`,
        `emptying table "${table.name}"`,
      ),
    ),
  );
}

async function explained(
  db: Warehouse,
  plan: LoadPlan,
  chains: readonly Chain[],
  options: LoadOptions,
  error: unknown,
): Promise<unknown> {
  if (db.signal.aborted || !(error instanceof TidemarkError) || error.code !== "DESTINATION_REFUSED")
    return error;
  if (isMisfit(error)) return await explainMisfit(db, plan, chains, options, error);
  return explainNull(plan, chains, error);
}
