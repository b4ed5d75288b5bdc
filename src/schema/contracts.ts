/** Schema contracts: which changes of the schema are allowed (dlt: apply_schema_contract). */
import { isDeepStrictEqual } from "node:util";
import { TidemarkError } from "../pipeline/errors";
import type { ContractMode, SchemaContract } from "../pipeline/spec";
import { columnOf, isComplete, isNewTable, tableOf } from "./column-props";
import { isSystemName } from "./system-tables";
import { inheritedHint } from "./table-chain";
import type { StoredSchema, StoredTable } from "./types";

export type FullContract = Required<SchemaContract>;

/** What the contract takes out of the data from now on. */
export type ContractFilter =
  | { entity: "tables"; name: string }
  | { entity: "columns"; name: string; mode: "discard_row" | "discard_value" };

const TYPE_PROPS = ["data_type", "nullable", "precision", "scale", "timezone"] as const;

/** The short form applies to all entities; what a contract does not name evolves. */
export function expandContract(contract: SchemaContract | ContractMode | undefined): FullContract {
  const named: SchemaContract =
    typeof contract === "string"
      ? { tables: contract, columns: contract, data_type: contract }
      : (contract ?? {});
  return {
    tables: named.tables ?? "evolve",
    columns: named.columns ?? "evolve",
    data_type: named.data_type ?? "evolve",
  };
}

/**
 * The contract that holds for a table: its own or its parents', else the schema's, as a whole.
 * `definition`: a table about to be added or changed.
 */
export function contractFor(schema: StoredSchema, table: string, definition?: StoredTable): FullContract {
  if (isSystemName(table)) return expandContract(undefined);
  const tables = definition === undefined ? schema.tables : { ...schema.tables, [table]: definition };
  const own = inheritedHint(tables, table, "schema_contract") as SchemaContract | ContractMode | undefined;
  return expandContract(own ?? schema.settings.schema_contract);
}

export function evolvesFreely(contract: FullContract): boolean {
  return contract.tables === "evolve" && contract.columns === "evolve" && contract.data_type === "evolve";
}

/**
 * Checks the changes in `partial` and takes out the refused ones (in place). Undefined: the whole table is refused.
 * @throws TidemarkError CONTRACT_VIOLATION (dlt: DataValidationError) where the mode is freeze
 */
export function applyContract(
  schema: StoredSchema,
  contract: FullContract,
  partial: StoredTable,
): { partial: StoredTable | undefined; filters: ContractFilter[] } {
  if (evolvesFreely(contract)) return { partial, filters: [] };
  const existing = tableOf(schema.tables, partial.name);
  const isNew = isNewTable(schema.tables, partial.name);
  if (isNew && contract.tables !== "evolve") {
    if (contract.tables === "freeze") throw violation("tables", partial.name);
    return { partial: undefined, filters: [{ entity: "tables", name: partial.name }] };
  }
  const once = existing?.["x-normalizer"]?.["evolve-columns-once"] === true;
  const columnMode: ContractMode = isNew || once ? "evolve" : contract.columns;
  const filters: ContractFilter[] = [];
  const refuse = (entity: "columns" | "data_type", mode: ContractMode, name: string): void => {
    if (mode === "freeze") throw violation(entity, partial.name, name);
    filters.push({ entity: "columns", name, mode: mode as "discard_row" | "discard_value" });
    delete partial.columns[name];
  };
  for (const [name, column] of Object.entries(partial.columns)) {
    if (isSystemName(name)) continue;
    const variant = Boolean(column.variant);
    const known = existing && columnOf(existing, name);
    const isNewColumn = known === undefined || !isComplete(known);
    if (columnMode !== "evolve" && !variant && isNewColumn) refuse("columns", columnMode, name);
    const retyped =
      !isNewColumn &&
      !variant &&
      TYPE_PROPS.some(
        prop => prop in column && !isDeepStrictEqual(column[prop] ?? null, known?.[prop] ?? null),
      );
    if (contract.data_type !== "evolve" && (variant || retyped))
      refuse("data_type", contract.data_type, name);
  }
  return { partial, filters };
}

function violation(
  entity: "tables" | "columns" | "data_type",
  table: string,
  column?: string,
): TidemarkError {
  const what =
    entity === "tables"
      ? `New table "${table}" refused: \`tables\` are frozen.`
      : entity === "columns"
        ? `New column "${column}" in table "${table}" refused: \`columns\` are frozen.`
        : `Another type in column "${column}" of table "${table}" refused: \`data_type\` is frozen.`;
  return new TidemarkError(
    "CONTRACT_VIOLATION",
    `${what} Nothing of this load was written. Allow it in \`schema_contract\` (evolve, discard_row or discard_value), or correct the source.`,
    { dltException: "DataValidationError" },
  );
}
