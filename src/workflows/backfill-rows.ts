/** What a load was as a backfill: whether it was the one that was asked for, and how many rows it loaded. */
import type { LoadInfo } from "../pipeline/infos";
import type { BackfillRequest } from "../pipeline/spec";

/** Those of the resource's own root tables. */
export function backfillRows(info: Pick<LoadInfo, "tables" | "backfill">): number {
  const own = info.backfill?.tables;
  // Results of before the tables were told: the first table that is no child.
  if (own === undefined) return info.tables.find(table => !table.table.includes("__"))?.rows ?? 0;
  return info.tables.filter(({ table }) => own.includes(table)).reduce((rows, table) => rows + table.rows, 0);
}

/** A pending package may be what the same request had begun earlier. */
export function isBackfillOf(info: LoadInfo, { resource, from, to }: BackfillRequest): boolean {
  const { backfill } = info;
  if (backfill === undefined) return false;
  const until = to === undefined ? undefined : String(to);
  return backfill.resource === resource && backfill.from === String(from) && backfill.to === until;
}
