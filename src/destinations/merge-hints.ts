/**
 * Checks of merge and replace hints before anything is written, and the SQL conditions a user may give
 * (`source_filter`, `destination_scope`). Pure; shared by every destination.
 * dlt: verify_schema_merge_disposition, verify_schema_replace_disposition, validate_merge_condition.
 */
import { TidemarkError } from "../pipeline/errors";
import type { ReplaceStrategy } from "../pipeline/spec";
import type { StoredTable } from "../schema/types";
import type { DestinationCapabilities } from "./destination";
import { type Chain, columnsWith, mergeStrategyOf } from "./table-chains";

/**
 * @throws TidemarkError DESTINATION_UNSUPPORTED naming table, hint and what is valid
 */
export function verifyChains(
  chains: readonly Chain[],
  capabilities: DestinationCapabilities,
  replaceStrategy: ReplaceStrategy,
): void {
  for (const { root, disposition, has_rows } of chains) {
    if (disposition === "replace" && has_rows && !capabilities.replace_strategies.includes(replaceStrategy)) {
      throw unsupported(
        root,
        `replace strategy "${replaceStrategy}" is not supported here; use one of ${capabilities.replace_strategies.join(", ")}`,
        "AssertionError",
      );
    }
    for (const hint of ["hard_delete", "dedup_sort"]) {
      const columns = columnsWith(root, hint);
      if (columns.length > 1) {
        throw unsupported(root, `only one column may have the ${hint} hint, not ${columns.join(", ")}`);
      }
    }
    if (disposition === "merge") verifyMerge(root, capabilities);
  }
}

/**
 * For the load step, after tables were made: dlt notices there that it cannot load what is to be skipped.
 * @throws TidemarkError DESTINATION_UNSUPPORTED
 */
export function refuseSkipped(chains: readonly Chain[]): void {
  for (const { root, disposition, has_rows } of chains) {
    if (disposition !== "skip" || !has_rows) continue;
    throw unsupported(
      root,
      'write_disposition "skip" loads nothing, and there are rows; use append, replace or merge, or leave the resource out',
      "LoadClientUnsupportedWriteDisposition",
    );
  }
}

function verifyMerge(root: StoredTable, capabilities: DestinationCapabilities): void {
  const strategy = mergeStrategyOf(root, capabilities.merge_strategies);
  if (
    (strategy === "upsert" || strategy === "insert-only" || strategy === "cdc") &&
    columnsWith(root, "primary_key").length === 0
  ) {
    throw unsupported(root, `merge strategy "${strategy}" needs a primary_key; set one on the resource`);
  }
  if (strategy === "scd2") {
    for (const hint of ["x-valid-from", "x-valid-to", "x-row-version"]) {
      if (columnsWith(root, hint).length === 0) {
        throw unsupported(root, `merge strategy "scd2" needs a column with the ${hint} hint`);
      }
    }
  }
  sourceFilterOf(root);
  destinationScopeOf(root, { table: "", staging_table: "" });
}

/** The user's condition on staged root rows, or undefined. */
export function sourceFilterOf(root: StoredTable): string | undefined {
  return condition(root, "x-merge-source-filter", "source_filter", {});
}

/** The user's condition on destination rows that a merge may delete or retire, or undefined. */
export function destinationScopeOf(
  root: StoredTable,
  names: { table: string; staging_table: string },
): string | undefined {
  return condition(root, "x-merge-destination-scope", "destination_scope", names);
}

function condition(
  root: StoredTable,
  hint: string,
  option: string,
  values: { [placeholder: string]: string },
): string | undefined {
  const text = root[hint];
  if (text === undefined || text === null || text === "") return undefined;
  const valid = Object.keys(values).map(name => `{${name}}`);
  return String(text).replace(/\{\{|\}\}|\{([^{}]*)\}|[{}]/g, (match, name: string | undefined) => {
    if (match === "{{") return "{";
    if (match === "}}") return "}";
    const value = name === undefined ? undefined : values[name];
    if (value === undefined) {
      throw unsupported(
        root,
        `${option} uses ${match}; ${valid.length > 0 ? `only ${valid.join(" and ")} are` : "no placeholder is"} known. ` +
          "Write a literal brace as {{ or }}",
      );
    }
    return value;
  });
}

function unsupported(
  root: StoredTable,
  what: string,
  dltException = "SchemaCorruptedException",
): TidemarkError {
  return new TidemarkError("DESTINATION_UNSUPPORTED", `Table "${root.name}": ${what}.`, {
    dltException,
  });
}

/** The columns and moments of a table with the merge strategy `scd2`. */
export interface Scd2Hints {
  from: string;
  to: string;
  version: string;
  /** Row key of the root; the version column itself unless the user chose another version column. */
  rowKey: string;
  /** Moment at which versions retire and begin. ISO; without an offset it is UTC, as in dlt. */
  boundary: string;
  /** Moment that stands in `to` of an active row; undefined: NULL does. */
  activeAt: string | undefined;
}

/** @param createdAt package creation time, the boundary unless the table sets one. ISO, UTC. */
export function scd2HintsOf(root: StoredTable, createdAt: string): Scd2Hints {
  const version = columnsWith(root, "x-row-version")[0] as string;
  const active = columnsWith(root, "x-active-record-timestamp")[0];
  const activeAt = active === undefined ? undefined : root.columns[active]?.["x-active-record-timestamp"];
  return {
    from: columnsWith(root, "x-valid-from")[0] as string,
    to: columnsWith(root, "x-valid-to")[0] as string,
    version,
    rowKey: columnsWith(root, "row_key")[0] ?? version,
    boundary: String(root["x-boundary-timestamp"] ?? createdAt),
    activeAt: activeAt === undefined || activeAt === null ? undefined : String(activeAt),
  };
}
