/** A package into its dataset: all chains, the state row and last the `_dlt_loads` row in one transaction (design law 3). */
import { access } from "node:fs/promises";
import { TidemarkError } from "../../pipeline/errors";
import type { LoadedTable } from "../../pipeline/infos";
import type { LoadPlan } from "../destination";
import { refuseSkipped, verifyChains } from "../merge-hints";
import { type Chain, chainsOf, mergeStrategyOf } from "../table-chains";
import { type ChainLoad, filesOf, rowsOf } from "./load-context";
import { loadDeleteInsert } from "./load-delete-insert";
import { loadAppend, loadReplace } from "./load-plain";
import { loadScd2 } from "./load-scd2";
import { loadUpsert } from "./load-upsert";
import { existingColumns, requireDataset } from "./migrate";
import { isLoaded, requireBaseIn } from "./restore";
import { deleteRows } from "./sql-merge-parts";
import { insertLoad, insertState } from "./sql-system";
import { type Place, qualifiedTable } from "./sql-text";
import type { SqlDatabase, SqlVendor } from "./sql-vendor";

/** Phases at which fault tests strike; also told to a person. */
export const PHASE_IN_TRANSACTION = "in transaction";
export const PHASE_BEFORE_LOADS = "before _dlt_loads";

/**
 * A load id that is committed already changes nothing: the others of its package are loaded all the same.
 * @throws TidemarkError LOAD_SUPERSEDED, DESTINATION_REFUSED, DESTINATION_UNSUPPORTED, PACKAGE_LOST, DISK_FULL: nothing was loaded;
 *   the signal's reason when aborted
 */
export async function loadPackage(vendor: SqlVendor, plans: readonly LoadPlan[]): Promise<LoadedTable[]> {
  const { db } = vendor;
  const loaded: LoadedTable[] = [];
  const due: PlanToLoad[] = [];
  for (const plan of plans) {
    const chains = chainsOf(plan);
    verifyChains(chains, vendor.capabilities, vendor.options.replace_strategy);
    refuseSkipped(chains);
    const counts = countsOf(plan, chains);
    const already = await isLoaded(db, plan.dataset, plan.load_id);
    if (already) for (const table of counts.values()) table.already_loaded = true;
    else due.push({ plan, chains, counts });
    loaded.push(...counts.values());
  }
  for (const { plan } of due) {
    await requireDataset(db, plan.dataset);
    await requireFiles(plan);
  }
  let at: LoadPlan | undefined;
  try {
    await db.transaction("loading the package", async () => {
      for (const one of due) {
        at = one.plan;
        await loadPlan(vendor, one);
      }
    });
  } catch (error) {
    if (at !== undefined && error instanceof TidemarkError && error.code === "DESTINATION_REFUSED") {
      throw await vendor.explainRefusal(at, error);
    }
    throw error;
  }
  return loaded;
}

interface PlanToLoad {
  plan: LoadPlan;
  chains: Chain[];
  /** By table; filled in while it loads. */
  counts: Map<string, LoadedTable>;
}

function countsOf(plan: LoadPlan, chains: readonly Chain[]): Map<string, LoadedTable> {
  const counts = new Map<string, LoadedTable>();
  for (const { name } of chains.flatMap(chain => chain.tables)) {
    counts.set(name, { table: name, rows: rowsOf(plan, name), inserted: 0, updated: 0, deleted: 0 });
  }
  return counts;
}

async function loadPlan(vendor: SqlVendor, { plan, chains, counts }: PlanToLoad): Promise<void> {
  const { db } = vendor;
  await vendor.lock(plan, "loads");
  await requireBaseIn(db, plan);
  const place: Place = db.place(plan.dataset);
  await truncateRefreshed(db, place, plan);
  for (const [i, chain] of chains.entries()) {
    await loadChain({
      vendor,
      db,
      place,
      plan,
      chain,
      add(table, added) {
        const count = counts.get(table);
        if (!count) return;
        count.inserted += added.inserted ?? 0;
        count.updated += added.updated ?? 0;
        count.deleted += added.deleted ?? 0;
      },
    });
    for (const { name } of chain.tables) {
      const count = counts.get(name);
      if (count) db.onProgress({ step: "load", subject: name, rows: count.inserted + count.updated });
    }
    if (i === 0) db.onProgress({ step: "load", subject: chain.root.name, phase: PHASE_IN_TRANSACTION });
  }
  await writeState(db, place, plan);
  db.onProgress({ step: "load", phase: PHASE_BEFORE_LOADS });
  await db.run(
    insertLoad(place),
    [plan.load_id, plan.schema.name, new Date().toISOString(), plan.schema.version_hash],
    "closing the package in _dlt_loads",
  );
}

async function loadChain(load: ChainLoad): Promise<void> {
  const { db, chain } = load;
  db.onProgress({ step: "load", subject: chain.root.name, phase: "loading" });
  if (chain.disposition === "append") await loadAppend(load);
  else if (chain.disposition === "replace") await loadReplace(load);
  else await loadMerge(load);
}

async function loadMerge(load: ChainLoad): Promise<void> {
  const { chain, plan, vendor } = load;
  for (const table of chain.tables) await vendor.stage(table, filesOf(plan, table.name));
  const strategy = mergeStrategyOf(chain.root, vendor.capabilities.merge_strategies);
  if (strategy === "delete-insert") await loadDeleteInsert(load);
  else if (strategy === "scd2") await loadScd2(load);
  else await loadUpsert(load, strategy);
  for (const table of chain.tables) await vendor.unstage(table);
}

/** `refresh: drop_data`. dlt empties the tables before the load; here the old rows stay until the commit. */
async function truncateRefreshed(db: SqlDatabase, place: Place, plan: LoadPlan): Promise<void> {
  const truncate = plan.refresh?.truncate ?? [];
  if (truncate.length === 0) return;
  const existing = await existingColumns(db, plan.dataset);
  for (const table of truncate) {
    if (!existing.has(table.toLowerCase())) continue;
    await db.run(deleteRows(qualifiedTable(place, table)), [], `emptying table "${table}"`);
  }
}

async function writeState(db: SqlDatabase, place: Place, plan: LoadPlan): Promise<void> {
  const { state } = plan;
  if (!state) return;
  await db.run(
    insertState(place),
    [
      BigInt(state.version),
      BigInt(state.engine_version),
      state.pipeline_name,
      state.blob,
      state.created_at,
      state.version_hash,
      plan.load_id,
      state.dlt_id,
    ],
    "storing the pipeline state",
  );
}

async function requireFiles(plan: LoadPlan): Promise<void> {
  for (const file of plan.files) {
    await access(file.path).catch(() => {
      throw new TidemarkError(
        "PACKAGE_LOST",
        `Load package ${plan.load_id}: the file ${file.path} of table "${file.table}" is gone. The run extracts again.`,
      );
    });
  }
}
