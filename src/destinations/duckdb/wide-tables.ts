/** Memory for wide tables: DuckDB holds a block of 256 KB for each column of a table while it commits. */
import { totalmem } from "node:os";
import type { LoadPlan } from "../destination";
import { chainsOf, completeColumns } from "../table-chains";
import type { Database } from "./database";

/** Columns of one package that the default memory limit carries. */
const NARROW = 1_000;
const BASE_MB = 512;
/** Measured: 2,000 columns load and merge below 512 MB, 4,000 below 1 GB, 8,000 below 2 GB. Twice that here. */
const MB_PER_COLUMN = 0.5;

/**
 * The memory limit for a package of so many columns, in megabytes; undefined where the default will do. At most half of
 * the machine: beyond it DuckDB refuses the load with an error that says so.
 */
export function memoryForColumns(columns: number, machineBytes: number): number | undefined {
  if (columns <= NARROW) return undefined;
  const half = Math.floor(machineBytes / 2 / 1_048_576);
  return Math.max(BASE_MB, Math.min(half, Math.ceil(BASE_MB + columns * MB_PER_COLUMN)));
}

/** Raises the limit of an open file for a wide package. Not to be called where the spec sets a limit of its own. */
export async function makeRoomForColumns(db: Database, plan: LoadPlan): Promise<void> {
  const tables = chainsOf(plan).flatMap(chain => chain.tables);
  const columns = tables.reduce((sum, table) => sum + completeColumns(table).length, 0);
  const limit = memoryForColumns(columns, totalmem());
  if (limit !== undefined) await db.run(`SET memory_limit = '${limit}MB'`);
}
