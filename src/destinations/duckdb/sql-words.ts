/** How SQL for a DuckDB file is written by other rooms. */
import type { SqlWords } from "../destination";
import { qualifiedDataset, quoteName } from "../one-transaction/sql-text";

export const duckdbWords = (catalog: string): SqlWords => ({
  name: quoteName,
  schema: dataset => qualifiedDataset({ catalog, dataset }),
  secondsSince: expression => `epoch(now()) - epoch(${expression})`,
  catalog,
  // one list for all attached files
  columnsView: "information_schema.columns",
});
