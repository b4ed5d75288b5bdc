/**
 * Takes the rows of a superseded package out of tables that are appended to. Root rows carry the load's id. Nested rows
 * do not, and their parents may not have come: they are known by their own and their parent's row id, as the package's
 * files have them.
 */
import type { StoredTable } from "../../schema/types";
import type { LoadPlan, TakenBack } from "../destination";
import { type Chain, chainsOf, columnsWith, completeColumns, rowKeyOf } from "../table-chains";
import { numberOf, type Warehouse } from "./client";
import { dropDecisions } from "./decisions";
import { isSuperseded } from "./errors";
import { dropState, requireBaseNow } from "./fence";
import type { LoadOptions } from "./load-context";
import { ifThere, isLoaded } from "./restore";
import { mergeTable } from "./sql-merge-parts";
import { type Place, quoteName, quoteText, SOURCE, sameKey, TARGET } from "./sql-text";
import { stagePlan, sweepStaged } from "./stage";

const LOAD_ID = "_dlt_load_id";

/** @throws TidemarkError PACKAGE_LOST, DESTINATION_* */
export async function takeBack(db: Warehouse, plan: LoadPlan, options: LoadOptions): Promise<TakenBack[]> {
  const place: Place = { catalog: options.catalog, dataset: plan.dataset };
  if (!(await isSupersededNow(db, place, plan)) || (await isLoaded(db, place, plan.load_id))) return [];
  const taken: TakenBack[] = [];
  const chains = chainsOf(plan).filter(chain => chain.disposition === "append");
  if (chains.some(chain => chain.tables.length > 1)) await stagePlan(db, plan, options);
  for (const chain of chains) taken.push(...(await takeChain(db, plan, chain, options)));
  await dropState(db, place, plan);
  await dropDecisions(db, plan, options);
  if (plan.files.length > 0) {
    await sweepStaged(db, plan, options).catch(error => {
      if (db.signal.aborted) throw error;
    });
  }
  return taken;
}

async function isSupersededNow(db: Warehouse, place: Place, plan: LoadPlan): Promise<boolean> {
  try {
    await requireBaseNow(db, place, plan);
    return false;
  } catch (error) {
    if (!isSuperseded(error)) throw error;
    return true;
  }
}

async function takeChain(
  db: Warehouse,
  plan: LoadPlan,
  { root, tables }: Chain,
  options: LoadOptions,
): Promise<TakenBack[]> {
  const left = (table: StoredTable): TakenBack => ({ table: table.name, deleted: null });
  if (!completeColumns(root).some(column => column.name === LOAD_ID)) return tables.map(left);
  const nested = tables.filter(table => table.name !== root.name);
  const unclear = nested.length > 0 && (await hasOthersRows(db, plan, root, nested, options));
  const taken: TakenBack[] = [];
  for (const table of nested) taken.push(unclear ? left(table) : await takeNested(db, plan, table, options));
  const { target } = mergeTable(plan, root, options);
  const sql = `DELETE FROM ${target} WHERE ${quoteName(LOAD_ID)} = ${quoteText(plan.load_id)}`;
  const rows = await ifThere(db.run(sql, taking(root)));
  return [...taken, { table: root.name, deleted: numberOf(rows?.[0], "num_affected_rows") }];
}

/**
 * Row ids may come from the source, and then other loads may have the same ones. A nested row is the package's when its
 * parent is, so it is enough that no id of the package stands with another load or under another parent.
 */
async function hasOthersRows(
  db: Warehouse,
  plan: LoadPlan,
  root: StoredTable,
  nested: readonly StoredTable[],
  options: LoadOptions,
): Promise<boolean> {
  const counts = [root, ...nested].map(table => {
    const { target, staged } = mergeTable(plan, table, options);
    const another =
      table === root
        ? `${TARGET}.${quoteName(LOAD_ID)} <> ${quoteText(plan.load_id)}`
        : `NOT (${sameKey(TARGET, SOURCE, [parentKeyOf(table)])})`;
    return (
      `SELECT count(*) AS n FROM ${target} AS ${TARGET} JOIN ${staged} AS ${SOURCE} ` +
      `ON ${sameKey(TARGET, SOURCE, [rowKeyOf(table)])} WHERE ${another}`
    );
  });
  const sql = `SELECT sum(n) AS n FROM (${counts.join(" UNION ALL ")})`;
  const rows = await ifThere(db.run(sql, "looking for rows of other loads"));
  // a table of the chain is gone: what is left cannot be judged
  return rows === undefined || numberOf(rows[0], "n") > 0;
}

async function takeNested(
  db: Warehouse,
  plan: LoadPlan,
  table: StoredTable,
  options: LoadOptions,
): Promise<TakenBack> {
  const { target, staged } = mergeTable(plan, table, options);
  const keys = [rowKeyOf(table), parentKeyOf(table)];
  const ids = `(SELECT DISTINCT ${keys.map(quoteName).join(", ")} FROM ${staged} AS a)`;
  const sql = `MERGE INTO ${target} AS ${TARGET} USING ${ids} AS ${SOURCE} ON ${sameKey(TARGET, SOURCE, keys)} WHEN MATCHED THEN DELETE`;
  const rows = await db.run(sql, taking(table));
  return { table: table.name, deleted: numberOf(rows[0], "num_deleted_rows") };
}

const parentKeyOf = (table: StoredTable): string => columnsWith(table, "parent_key")[0] ?? "_dlt_parent_id";

const taking = (table: StoredTable): string => `taking rows back out of table "${table.name}"`;
