/** The schema while rows go through it: coercion of rows, contracts, new tables and columns. Follows dlt row by row. */
import { decodeTyped } from "../json/typed-json";
import type { Value } from "../json/values";
import { TidemarkError } from "../pipeline/errors";
import type { DataType, MergeStrategy } from "../pipeline/spec";
import { coerce, inferType, type Physical, REFUSED, typeOf } from "../schema/coerce";
import { columnOf, isComplete, isDefaultValue, isNullable, tableOf } from "../schema/column-props";
import { applyContract, contractFor, type FullContract } from "../schema/contracts";
import type { Naming } from "../schema/naming";
import { propagateRootKey } from "../schema/table-chain";
import { mergeColumn, mergeTable } from "../schema/table-merge";
import type { StoredColumn, StoredSchema, StoredTable } from "../schema/types";

/** Column name to value, in the order in which columns would be created. Null: present, but null. */
export type FlatRow = Map<string, Value>;
export type CoercedRow = Map<string, Physical>;

type Mode = "discard_row" | "discard_value";

/**
 * Columns of one table. dlt has no such limit, but DuckDB holds a block of 256 KB for each while it commits and rewrites
 * as many with every merge (measured: 8 s for one row of 8,000 columns). What grows like that has values in its keys.
 */
const MAX_COLUMNS = 4_000;

export class EvolvingSchema {
  private readonly contracts = new Map<string, FullContract>();
  private readonly filteredTables = new Set<string>();
  private readonly filteredColumns = new Map<string, Map<string, Mode>>();
  private readonly hints: { prop: string; matches: (name: string) => boolean }[];
  private readonly notNull: (name: string) => boolean;
  private readonly preferred: { matches: (name: string) => boolean; type: DataType }[];
  private readonly detections: string[];
  /** Told after every change of a table. */
  onChange: (table: string) => void = () => {};

  constructor(
    readonly schema: StoredSchema,
    readonly naming: Naming,
    private readonly strategies: readonly MergeStrategy[],
  ) {
    const defaults = Object.entries(schema.settings.default_hints ?? {});
    this.hints = defaults
      .filter(([hint]) => hint !== "not_null")
      .map(([prop, patterns]) => ({ prop, matches: matcher(patterns) }));
    this.notNull = matcher(schema.settings.default_hints?.not_null ?? []);
    this.preferred = Object.entries(schema.settings.preferred_types ?? {}).map(([pattern, type]) => ({
      matches: matcher([pattern]),
      type,
    }));
    this.detections = schema.settings.detections ?? [];
  }

  table(name: string): StoredTable | undefined {
    return tableOf(this.schema.tables, name);
  }

  isFiltered(table: string): boolean {
    return this.filteredTables.has(table);
  }

  /** Contracts have thrown something out of this table: columns seen in the data may be missing on purpose. */
  hasFilters(table: string): boolean {
    return this.filteredTables.has(table) || this.filteredColumns.has(table);
  }

  preferredType(column: string): DataType | undefined {
    return this.preferred.find(preferred => preferred.matches(column))?.type;
  }

  /** dlt: is_nested_type. Dicts and lists in this place stay whole. */
  staysWhole(table: string, column: string, level: number): boolean {
    if (level <= 0) return true;
    const definition = this.table(table);
    const known = definition && columnOf(definition, column);
    return (known?.data_type ?? this.preferredType(column)) === "json";
  }

  /** dlt: should_be_nested. Tables nobody declared are nested. */
  isNested(table: string): boolean {
    const known = this.table(table);
    return known === undefined || Boolean(known.parent);
  }

  /**
   * Takes one row into the schema. Undefined: the row is dropped, and its children with it.
   * @throws TidemarkError CONTRACT_VIOLATION, NULL_IN_KEY, CANNOT_COERCE
   */
  accept(table: string, parent: string | undefined, row: FlatRow, typed: boolean): CoercedRow | undefined {
    if (this.filteredTables.has(table)) return undefined;
    const known = this.filteredColumns.get(table);
    if (known !== undefined && !filterColumns(known, row)) return undefined;
    if (typed) decodeRow(row);
    const { coerced, partial } = this.coerceRow(table, parent, row);
    if (partial === undefined) return coerced;
    const contract = this.contractOf(table, parent);
    const { partial: allowed, filters } = applyContract(this.schema, contract, partial);
    for (const filter of filters) {
      if (filter.entity === "tables") this.filteredTables.add(filter.name);
      else this.filtersOf(table).set(filter.name, filter.mode);
    }
    if (allowed === undefined) return undefined;
    this.checkWidth(table, allowed);
    this.update(allowed);
    const active = this.filteredColumns.get(table);
    if (active !== undefined && filters.length > 0 && !filterColumns(active, coerced)) return undefined;
    return coerced;
  }

  private checkWidth(table: string, partial: StoredTable): void {
    const known = this.table(table)?.columns ?? {};
    const added = Object.keys(partial.columns).filter(name => !Object.hasOwn(known, name)).length;
    if (added === 0 || Object.keys(known).length + added <= MAX_COLUMNS) return;
    throw new TidemarkError(
      "ROW_NOT_STORABLE",
      `Table "${table.slice(0, 100)}" would get more than ${MAX_COLUMNS} columns; its rows seem to have values as keys. ` +
        'Give the column above them the data_type "json", lower max_table_nesting, or freeze the contract of columns.',
    );
  }

  private filtersOf(table: string): Map<string, Mode> {
    let filters = this.filteredColumns.get(table);
    if (filters === undefined) {
      filters = new Map();
      this.filteredColumns.set(table, filters);
    }
    return filters;
  }

  private contractOf(table: string, parent: string | undefined): FullContract {
    let contract = this.contracts.get(table);
    if (contract === undefined) {
      contract = contractFor(this.schema, this.table(table) === undefined ? (parent ?? table) : table);
      this.contracts.set(table, contract);
    }
    return contract;
  }

  private update(partial: StoredTable): void {
    const existing = this.table(partial.name);
    if (existing === undefined) this.schema.tables[partial.name] = partial;
    else mergeTable(existing, partial);
    propagateRootKey(this.schema, partial.name, this.strategies);
    this.onChange(partial.name);
  }

  private coerceRow(
    table: string,
    parent: string | undefined,
    row: FlatRow,
  ): { coerced: CoercedRow; partial: StoredTable | undefined } {
    const known = this.table(table) ?? newTable(table, parent);
    const coerced: CoercedRow = new Map();
    let partial: StoredTable | undefined;
    for (const [name, value] of row) {
      if (value === null) {
        this.checkNull(known, name);
        continue;
      }
      const existing = columnOf(known, name);
      if (existing?.data_type !== undefined) {
        const fitted = coerce(existing.data_type, value);
        if (fitted !== REFUSED) {
          if (fitted !== null) coerced.set(name, fitted);
          continue;
        }
      }
      const fitted = this.fit(known, name, value, false);
      if (fitted.value !== null) coerced.set(fitted.name, fitted.value);
      if (fitted.column !== undefined) {
        partial ??= { ...known, columns: {} };
        partial.columns[fitted.name] = fitted.column;
      }
    }
    return { coerced, partial };
  }

  /** dlt: _coerce_null_value. */
  private checkNull(table: StoredTable, name: string): void {
    const existing = columnOf(table, name);
    const refused =
      existing !== undefined && isComplete(existing)
        ? !isNullable(existing)
        : existing === undefined && this.notNull(name);
    if (!refused) return;
    throw new TidemarkError(
      "NULL_IN_KEY",
      `Column "${name}" of table "${table.name}" is NOT NULL (a key, usually), but a row has null in it. Exclude such rows at the source, or give the column the hint \`nullable: true\`.`,
      { step: "normalize", dltException: "CannotCoerceNullException" },
    );
  }

  /** dlt: _coerce_non_null_value. New and incomplete columns, and variants of columns the value does not fit. */
  private fit(
    table: StoredTable,
    name: string,
    value: Exclude<Value, null>,
    variant: boolean,
  ): { name: string; value: Physical | null; column?: StoredColumn } {
    const known = columnOf(table, name);
    const existing = known !== undefined && isComplete(known) ? known : undefined;
    const type =
      existing?.data_type ??
      (variant ? undefined : this.preferredType(name)) ??
      inferType(value, this.detections);
    const fitted = coerce(type, value);
    if (fitted === REFUSED) {
      if (variant) {
        throw new TidemarkError(
          "CANNOT_COERCE",
          `A ${typeOf(value)} value fits neither column of table "${table.name}" nor its variant "${name}" of type ${type}. Give the column a data type that takes all its values (text, for example).`,
          { step: "normalize", dltException: "CannotCoerceColumnException" },
        );
      }
      return this.fit(table, this.naming.join([name, `v_${typeOf(value)}`]), value, true);
    }
    if (existing !== undefined) return { name, value: fitted };
    const inferred = this.inferColumn(name, type, variant);
    return { name, value: fitted, column: known === undefined ? inferred : mergeColumn(inferred, known) };
  }

  private inferColumn(name: string, type: DataType, variant: boolean): StoredColumn {
    const column: StoredColumn = { name, data_type: type, nullable: !this.notNull(name) };
    for (const { prop, matches } of this.hints) {
      const value = matches(name);
      if (!isDefaultValue(prop, value)) column[prop] = value;
    }
    if (variant) {
      column.variant = true;
      column.description = `Variant of column ${name} generated by dlt`;
    }
    return column;
  }
}

function newTable(name: string, parent: string | undefined): StoredTable {
  if (parent !== undefined) return { name, columns: {}, parent };
  return { name, columns: {}, write_disposition: "append", resource: name };
}

/** False when the whole row goes. */
function filterColumns(filters: Map<string, Mode>, row: Map<string, unknown>): boolean {
  for (const [name, mode] of filters) {
    if (!row.has(name)) continue;
    if (mode === "discard_row") return false;
    row.delete(name);
  }
  return row.size > 0;
}

function decodeRow(row: FlatRow): void {
  for (const [name, value] of row) {
    if (typeof value === "string" || (value !== null && typeof value === "object"))
      row.set(name, decodeTyped(value));
  }
}

/** dlt's simple regexes: a name, or `re:` and an expression. */
function matcher(patterns: readonly string[]): (name: string) => boolean {
  const names = new Set(patterns.filter(pattern => !pattern.startsWith("re:")));
  const expressions = patterns
    .filter(pattern => pattern.startsWith("re:"))
    .map(pattern => new RegExp(pattern.slice(3)));
  return name => names.has(name) || expressions.some(expression => expression.test(name));
}
