/** What is said of a load package that had begun to load and did not end. */
import { TidemarkError } from "../pipeline/errors";
import type { PackageRecord } from "./package-record";

const quoted = (names: readonly string[]): string => names.map(name => `"${name}"`).join(", ");

/** E.g. `"orders", "lines" (append), "customers" (merge)`; undefined where nothing can have been committed. */
export function partlyLoaded({ loading }: Pick<PackageRecord, "loading">): string | undefined {
  const kinds = Object.entries(loading ?? {}).filter(([, tables]) => tables.length > 0);
  if (kinds.length === 0) return undefined;
  return kinds.map(([disposition, tables]) => `${quoted(tables)} (${disposition})`).join(", ");
}

/** @throws TidemarkError PACKAGE_PARTLY_LOADED */
export function refusePartlyLoaded(records: readonly PackageRecord[]): void {
  for (const record of records) {
    const tables = partlyLoaded(record);
    if (tables === undefined) continue;
    const doubled = record.loading?.append ?? [];
    throw new TidemarkError(
      "PACKAGE_PARTLY_LOADED",
      `Load package ${record.load_id} of pipeline "${record.pipeline_name}" had begun to load: part of its rows may be in ` +
        `${tables} of dataset "${record.dataset}" already. ${
          doubled.length === 0
            ? "Dropped, they would stay there until they are extracted again"
            : `Dropped, they would be extracted again and stand twice in ${quoted(doubled)}`
        }. Nothing was dropped. Run the pipeline, which finishes the package, or drop it all the same with --force.`,
    );
  }
}
