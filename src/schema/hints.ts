/** From the hints of resources to tables in the schema, as dlt does at the start of extract. */
import { TidemarkError } from "../pipeline/errors";
import type {
  ColumnHint,
  ContractSetting,
  MergeStrategy,
  ResourceHints,
  SourceSpec,
  WriteDisposition,
} from "../pipeline/spec";
import { columnOf, columnsWith, isNewTable, tableOf } from "./column-props";
import { applyContract, type ContractFilter, contractFor } from "./contracts";
import { type Naming, snakeCase } from "./naming";
import { newSchema } from "./stored-schema";
import { C_DLT_ID } from "./system-tables";
import { propagateRootKey } from "./table-chain";
import { mergeColumns, mergeTable, normalizeTableNames } from "./table-merge";
import type { StoredColumn, StoredSchema, StoredTable } from "./types";

export interface SchemaCapabilities {
  max_identifier_length: number;
  max_column_identifier_length: number;
  merge_strategies: readonly MergeStrategy[];
}

/** Run-level overrides (dlt: arguments of `pipeline.run`). They win over the hints of every resource. */
export interface RunHints {
  write_disposition?: WriteDisposition;
  schema_contract?: ContractSetting;
  primary_key?: string[];
  merge_key?: string[];
  columns?: ColumnHint[];
  table_name?: string;
  file_format?: string;
}

export interface HintOptions {
  run?: RunHints;
  /** Cursor path of the resource's incremental, if it has one. */
  cursor_path?: string;
  capabilities: SchemaCapabilities;
  /** Root tables that another resource of this run has made, and whether the contract refused them. */
  made?: ReadonlyMap<string, boolean>;
}

export interface AppliedHints {
  /** The changed schema; the one passed in is left alone. Version and hash are not touched (see bumpVersion). */
  schema: StoredSchema;
  /** Normalised name of the root table. */
  table: string;
  /** The contract refuses this table: its rows must not be written (modes discard_*). */
  discarded: boolean;
}

/** The naming convention of a schema at a destination. */
export function namingOf(
  schema: StoredSchema,
  capabilities: Pick<SchemaCapabilities, "max_identifier_length" | "max_column_identifier_length">,
): Naming {
  return snakeCase({
    maxLength: Math.min(capabilities.max_identifier_length, capabilities.max_column_identifier_length),
    breakPath: schema.normalizers.use_break_path_on_normalize !== false,
  });
}

/**
 * The schema at the start of extract: the stored one (or a new one) with the source's settings in place of the old.
 * dlt: update_schema + update_normalizers; the stored schema is not changed.
 */
export function beginSchema(
  stored: StoredSchema | undefined,
  name: string,
  source: Pick<SourceSpec, "max_table_nesting" | "root_key" | "schema_contract">,
  options: { run?: Pick<RunHints, "schema_contract">; capabilities: SchemaCapabilities },
): StoredSchema {
  const fresh = newSchema(name);
  const schema = stored === undefined ? fresh : structuredClone(stored);
  schema.settings = { ...fresh.settings };
  const contract = options.run?.schema_contract ?? source.schema_contract;
  if (contract !== undefined) schema.settings.schema_contract = contract;
  const config: NonNullable<StoredSchema["normalizers"]["json"]["config"]> = {};
  if (source.max_table_nesting !== undefined) config.max_nesting = source.max_table_nesting;
  if (source.root_key !== undefined) config.root_key_propagation = source.root_key;
  schema.normalizers.json = { ...fresh.normalizers.json };
  if (Object.keys(config).length > 0) schema.normalizers.json.config = config;
  for (const table of Object.keys(schema.tables))
    propagateRootKey(schema, table, options.capabilities.merge_strategies);
  return schema;
}

/**
 * Applies the hints of one resource to a schema.
 * @throws TidemarkError CONTRACT_VIOLATION at step extract; DESTINATION_UNSUPPORTED for a merge strategy;
 *   SPEC_INVALID when nested hints name a parent that does not exist
 */
export function applyResourceHints(
  stored: StoredSchema,
  resource: string,
  hints: ResourceHints,
  options: HintOptions,
): AppliedHints {
  const naming = namingOf(stored, options.capabilities);
  const merged = withRunHints(hints, options.run);
  const root = rootTable(resource, merged, options.cursor_path);
  root.name = naming.path(root.name);
  // dlt computes a table once a run: the hints of a second resource that writes to it have no effect.
  const made = options.made?.get(root.name);
  if (made !== undefined) return { schema: stored, table: root.name, discarded: made };
  const schema = structuredClone(stored);
  const computed = [root, ...nestedTables(resource, root.name, merged, naming)].map(table =>
    normalizeTableNames(table, naming),
  );
  const discarded = new Set<string>();
  for (const table of computed) {
    for (const filter of addTable(schema, table, options.capabilities.merge_strategies)) {
      if (filter.entity === "tables") discarded.add(filter.name);
    }
  }
  return { schema, table: computed[0]!.name, discarded: discarded.has(computed[0]!.name) };
}

function withRunHints(hints: ResourceHints, run: RunHints | undefined): ResourceHints {
  const merged = structuredClone(hints);
  if (run === undefined) return merged;
  if (run.table_name !== undefined) merged.table_name = run.table_name;
  if (run.write_disposition !== undefined) merged.write_disposition = run.write_disposition;
  if (run.columns !== undefined) {
    const columns = mergeColumns(columnsByName(merged.columns), columnsByName(run.columns));
    merged.columns = Object.values(columns) as ColumnHint[];
  }
  if (run.primary_key !== undefined) merged.primary_key = run.primary_key;
  if (run.merge_key !== undefined) merged.merge_key = run.merge_key;
  if (run.schema_contract !== undefined) merged.schema_contract = run.schema_contract;
  if (run.file_format !== undefined) merged.file_format = run.file_format;
  return merged;
}

function columnsByName(hints: ColumnHint[] | undefined): { [name: string]: StoredColumn } {
  const columns: { [name: string]: StoredColumn } = {};
  for (const hint of hints ?? []) columns[hint.name] = { ...hint };
  return columns;
}

function rootTable(resource: string, hints: ResourceHints, cursorPath: string | undefined): StoredTable {
  const table = tableFromHints(hints.table_name ?? resource, {
    ...hints,
    write_disposition:
      hints.write_disposition ?? (hints.parent_table_name ? undefined : { disposition: "append" }),
  });
  if (!table.parent) table.resource = resource;
  const cursor = cursorPath === undefined ? undefined : simpleField(cursorPath);
  if (cursor !== undefined)
    table.columns[cursor] = { ...(columnOf(table, cursor) ?? { name: cursor }), incremental: true };
  return table;
}

/** dlt: compute_nested_table_schemas. Shorter paths first, so that parents precede their children. */
function nestedTables(resource: string, root: string, hints: ResourceHints, naming: Naming): StoredTable[] {
  const entries = Object.entries(hints.nested_hints ?? {}).map(([key, nested]) => ({
    path: nestedPath(key),
    nested,
  }));
  entries.sort((a, b) => a.path.length - b.path.length);
  return entries.map(({ path, nested }) => {
    const fragments = [root, ...path.map(naming.ident)];
    const table = tableFromHints(naming.join(fragments), nested);
    const keyed =
      columnsWith(table, "primary_key", true).length + columnsWith(table, "merge_key", true).length > 0;
    if (!table.parent && !keyed) table.parent = naming.join(fragments.slice(0, -1));
    if (!table.parent) table.resource = resource;
    return table;
  });
}

/** dlt: one text is the name of one list; its tuples, for lists in lists, are written as a JSON array. */
function nestedPath(key: string): string[] {
  return key.startsWith("[") ? (JSON.parse(key) as string[]) : [key];
}

function tableFromHints(name: string, hints: ResourceHints): StoredTable {
  const table: StoredTable = { name, columns: columnsByName(hints.columns) };
  if (hints.primary_key !== undefined) setKey(table, "primary_key", hints.primary_key);
  if (hints.merge_key !== undefined) setKey(table, "merge_key", hints.merge_key);
  if (hints.write_disposition !== undefined) setWriteDisposition(table, hints.write_disposition);
  if (hints.parent_table_name) table.parent = hints.parent_table_name;
  if (hints.schema_contract !== undefined) table.schema_contract = hints.schema_contract;
  if (hints.table_format) table.table_format = hints.table_format;
  if (hints.file_format) table.file_format = hints.file_format;
  if (hints.references?.length) table.references = hints.references;
  if (hints.max_table_nesting !== undefined) table["x-normalizer"] = { max_nesting: hints.max_table_nesting };
  for (const [hint, value] of Object.entries(hints.extra ?? {})) table[hint] = value;
  return table;
}

/** Key columns are NOT NULL unless their own hint says otherwise. */
function setKey(table: StoredTable, prop: "primary_key" | "merge_key", keys: string[]): void {
  for (const column of Object.values(table.columns)) delete column[prop];
  for (const key of keys) {
    const column = columnOf(table, key) ?? { name: key, nullable: false };
    table.columns[key] = { ...column, [prop]: true, nullable: column.nullable ?? false };
  }
}

const MERGE_HINTS = {
  strategy: "x-merge-strategy",
  deduplicated: "x-stage-data-deduplicated",
  source_filter: "x-merge-source-filter",
  destination_scope: "x-merge-destination-scope",
  skip_unchanged_rows: "x-merge-skip-unchanged-rows",
} as const;

function setWriteDisposition(table: StoredTable, hint: WriteDisposition): void {
  table.write_disposition = hint.disposition;
  if (hint.disposition !== "merge") return;
  for (const [option, name] of Object.entries(MERGE_HINTS)) {
    const value = hint[option as keyof typeof MERGE_HINTS];
    if (value) (table as { [hint: string]: unknown })[name] = value;
  }
  const version = hint.row_version_column_name;
  if (hint.strategy === "scd2") setScd2Columns(table, hint);
  else if (version && hint.skip_unchanged_rows) {
    table.columns[version] = {
      ...columnOf(table, version),
      name: version,
      nullable: false,
      "x-row-version": true,
    };
  }
}

/** dlt: scd2 columns. The row id may repeat there (delete and insert again), so it is neither unique nor row key. */
function setScd2Columns(table: StoredTable, hint: WriteDisposition): void {
  if (hint.boundary_timestamp !== undefined) table["x-boundary-timestamp"] = hint.boundary_timestamp;
  const [from, to] = hint.validity_column_names ?? ["_dlt_valid_from", "_dlt_valid_to"];
  table.columns[from] = { name: from, data_type: "timestamp", nullable: true, "x-valid-from": true };
  table.columns[to] = {
    name: to,
    data_type: "timestamp",
    nullable: true,
    "x-valid-to": true,
    "x-active-record-timestamp": hint.active_record_timestamp ?? null,
  };
  const version = hint.row_version_column_name ?? C_DLT_ID;
  table.columns[version] = {
    name: version,
    nullable: false,
    "x-row-version": true,
    unique: false,
    row_key: false,
  };
}

function addTable(
  schema: StoredSchema,
  table: StoredTable,
  strategies: readonly MergeStrategy[],
): ContractFilter[] {
  const contract = contractFor(schema, table.name, table);
  if (contract.columns !== "evolve" && isNewTable(schema.tables, table.name)) {
    table["x-normalizer"] = { "evolve-columns-once": true };
  }
  const { partial, filters } = atExtract(() => applyContract(schema, contract, table));
  if (partial !== undefined) {
    if (partial.parent && tableOf(schema.tables, partial.parent) === undefined) {
      throw new TidemarkError(
        "SPEC_INVALID",
        `Nested hints for table "${partial.name}" need its parent table "${partial.parent}", which does not exist. Give nested hints for every table in between.`,
        { step: "extract", dltException: "ParentTableNotFoundException" },
      );
    }
    const existing = tableOf(schema.tables, partial.name);
    if (existing === undefined) schema.tables[partial.name] = partial;
    else mergeTable(existing, partial, true);
    propagateRootKey(schema, partial.name, strategies);
  }
  return filters;
}

function atExtract<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof TidemarkError) || error.code !== "CONTRACT_VIOLATION") throw error;
    throw new TidemarkError(error.code, error.message, { step: "extract", dltException: error.dltException });
  }
}

/** dlt: extract_simple_field_name. The column of a cursor that is a plain field; undefined for paths. */
function simpleField(path: string): string | undefined {
  const trimmed = path.trim();
  const quoted = /^(["'])([^"'\\]+)\1$/.exec(trimmed);
  if (quoted !== null) return quoted[2];
  return /^[\p{L}_@][\p{L}\p{N}_@-]*$/u.test(trimmed) ? trimmed : undefined;
}
