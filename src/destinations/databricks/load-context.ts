/** What the steps of a load share: options, the place, one chain with its staged rows and what was found in them. */
import type { LoadedTable } from "../../pipeline/infos";
import type { LoadPlan } from "../destination";
import type { Chain } from "../table-chains";
import { numberOf, type ResultRow, type Warehouse } from "./client";
import type { DatabricksDestination } from "./spec";
import type { Place } from "./sql-text";

export type LoadOptions = Pick<
  DatabricksDestination,
  | "catalog"
  | "replace_strategy"
  | "create_indexes"
  | "create_comments"
  | "json_type"
  | "staging_volume_name"
  | "keep_staged_files"
  | "staging_upload"
  | "load_mode"
  | "is_staging_external_location"
>;

/** What one look at the staged files and their targets found, before anything is changed. */
export interface TableFacts {
  /** Staged rows; equal to the manifest when the look is over. */
  rows: number;
  /** Some staged rows share the key that identifies them (root: primary key, nested: row key). */
  duplicates: boolean;
  /** Some staged rows are flagged as deleted. */
  flagged: boolean;
  /** Rows of the target, where a strategy empties it. */
  before: number;
  /** Destination roots that the load removes and brings back, where not all are. */
  returning: number | undefined;
}

export interface ChainLoad {
  db: Warehouse;
  place: Place;
  plan: LoadPlan;
  chain: Chain;
  options: LoadOptions;
  facts(table: string): TableFacts;
  /** Adds to the counts of a table. */
  add(table: string, counts: Partial<Pick<LoadedTable, "inserted" | "updated" | "deleted">>): void;
}

/** Counts of a DML result. */
export function dmlCounts(rows: readonly ResultRow[]): {
  inserted: number;
  updated: number;
  deleted: number;
} {
  const row = rows[0];
  return {
    inserted: numberOf(row, "num_inserted_rows"),
    updated: numberOf(row, "num_updated_rows"),
    deleted: numberOf(row, "num_deleted_rows"),
  };
}

/**
 * A removed row whose key comes back is an update, the others are deletes; what was not there before is an insert.
 * @param returning rows that come back; undefined: all that can
 */
export function replacedCounts(
  removed: number,
  written: number,
  returning: number | undefined,
): { inserted: number; updated: number; deleted: number } {
  const updated = Math.min(removed, written, returning ?? removed);
  return { inserted: written - updated, updated, deleted: removed - updated };
}
