/** Names that Unity Catalog cannot hold, before anything is made: it folds case, and takes 255 characters. */
import { TidemarkError } from "../../pipeline/errors";
import type { LoadPlan } from "../destination";
import { chainsOf, completeColumns } from "../table-chains";
import { DATABRICKS_CAPABILITIES } from "./capabilities";

/** @throws TidemarkError DESTINATION_UNSUPPORTED */
export function verifyNames(plan: LoadPlan): void {
  const tables = chainsOf(plan).flatMap(chain => chain.tables);
  verify(
    tables.map(table => table.name),
    `tables of dataset "${plan.dataset}"`,
  );
  for (const table of tables) {
    verify(
      completeColumns(table).map(column => column.name),
      `columns of table "${plan.dataset}.${table.name}"`,
    );
  }
}

function verify(names: readonly string[], of: string): void {
  const seen = new Map<string, string>();
  const longest = DATABRICKS_CAPABILITIES.max_identifier_length;
  for (const name of names) {
    if (name.length > longest) {
      throw refusal(
        `${of}: the name "${name.slice(0, 40)}…" has ${name.length} characters, Databricks takes ${longest}. Shorten it.`,
      );
    }
    const other = seen.get(name.toLowerCase());
    if (other !== undefined) {
      throw refusal(
        `${of}: "${other}" and "${name}" differ only by case, which Databricks does not tell apart. Rename one.`,
      );
    }
    seen.set(name.toLowerCase(), name);
  }
}

const refusal = (text: string): TidemarkError => new TidemarkError("DESTINATION_UNSUPPORTED", text);
