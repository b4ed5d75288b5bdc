/** How many rows a backfill loaded: those of its resource's own root tables. */
import type { LoadInfo } from "../pipeline/infos";

export function backfillRows(info: Pick<LoadInfo, "tables" | "backfill">): number {
  const own = info.backfill?.tables;
  // Results of before the tables were told: the first table that is no child.
  if (own === undefined) return info.tables.find(table => !table.table.includes("__"))?.rows ?? 0;
  return info.tables.filter(({ table }) => own.includes(table)).reduce((rows, table) => rows + table.rows, 0);
}
