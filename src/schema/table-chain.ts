/** Relations between tables of a schema, and what follows from them: merge strategy and root keys. */
import { TidemarkError } from "../pipeline/errors";
import type { MergeStrategy } from "../pipeline/spec";
import { columnsWith, tableOf } from "./column-props";
import { C_DLT_ID, C_DLT_ROOT_ID, isSystemName } from "./system-tables";
import type { StoredSchema, StoredTable } from "./types";

type Tables = { [name: string]: StoredTable };

/** The table itself, or the root it hangs from. */
export function rootOf(tables: Tables, name: string): StoredTable {
  let table = tableOf(tables, name)!;
  while (table.parent) {
    const parent = tableOf(tables, table.parent);
    if (parent === undefined) break;
    table = parent;
  }
  return table;
}

/** The root and all its descendants, in one pass: it is asked for at each new table, and there may be hundreds. */
export function chainOf(tables: Tables, root: string): StoredTable[] {
  const children = new Map<string, StoredTable[]>();
  for (const table of Object.values(tables)) {
    if (!table.parent) continue;
    const siblings = children.get(table.parent);
    if (siblings === undefined) children.set(table.parent, [table]);
    else siblings.push(table);
  }
  const chain = [tableOf(tables, root)!];
  for (let i = 0; i < chain.length; i++) chain.push(...(children.get(chain[i]!.name) ?? []));
  return chain;
}

/** A table hint, or the nearest one up the parents (dlt: get_inherited_table_hint); undefined when nobody has it. */
export function inheritedHint(tables: Tables, name: string, hint: string): unknown {
  let table = tableOf(tables, name);
  while (table !== undefined) {
    if (table[hint] !== undefined) return table[hint];
    table = table.parent ? tableOf(tables, table.parent) : undefined;
  }
  return undefined;
}

/**
 * The strategy a merge table uses; undefined for other dispositions.
 * @throws TidemarkError DESTINATION_UNSUPPORTED
 */
export function mergeStrategyOf(
  tables: Tables,
  table: StoredTable,
  supported: readonly MergeStrategy[],
): MergeStrategy | undefined {
  if (table.write_disposition !== "merge" || supported.length === 0) return undefined;
  const own = (table["x-merge-strategy"] ?? inheritedHint(tables, table.name, "x-merge-strategy")) as
    | MergeStrategy
    | undefined;
  const strategy = own ?? supported[0]!;
  if (!supported.includes(strategy)) {
    throw new TidemarkError(
      "DESTINATION_UNSUPPORTED",
      `The destination does not support the merge strategy "${strategy}" asked for by table "${table.name}". It supports: ${supported.join(", ")}.`,
      { dltException: "DestinationCapabilitiesException" },
    );
  }
  return strategy;
}

const ROOT_KEY_STRATEGIES = new Set<MergeStrategy | undefined>([
  "delete-insert",
  "upsert",
  "insert-only",
  "cdc",
]);

/** dlt: extend_table. Records that descendants of this table's root carry the root's row id. */
export function propagateRootKey(
  schema: StoredSchema,
  tableName: string,
  supported: readonly MergeStrategy[],
): void {
  const root = rootOf(schema.tables, tableName);
  if (!requiresRootKey(schema, root, supported)) return;
  const json = schema.normalizers.json;
  json.config ??= {};
  json.config.propagation ??= {};
  json.config.propagation.tables ??= {};
  const rowKey = columnsWith(root, "row_key", true)[0] ?? C_DLT_ID;
  const tables = json.config.propagation.tables;
  tables[root.name] = {
    ...(Object.hasOwn(tables, root.name) ? tables[root.name] : {}),
    [rowKey]: C_DLT_ROOT_ID,
  };
}

function requiresRootKey(
  schema: StoredSchema,
  root: StoredTable,
  supported: readonly MergeStrategy[],
): boolean {
  if (!isSystemName(root.name)) {
    const strategy = mergeStrategyOf(schema.tables, root, supported);
    const setting = schema.normalizers.json.config?.root_key_propagation;
    if (setting ?? ROOT_KEY_STRATEGIES.has(strategy)) return true;
  }
  return chainOf(schema.tables, root.name).some(table => columnsWith(table, "root_key", true).length > 0);
}
