/** The contract of a destination on real Spark and Delta behind Databricks' protocol. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CATALOG, freshDataset, warehouse } from "../../support/databricks/use-standin";
import { describeDestination } from "./describe-destination";
import type { DestinationHarness } from "./destination-kit";

describeDestination("Databricks", async (options): Promise<DestinationHarness> => {
  const folder = await mkdtemp(join(tmpdir(), "tidemark-databricks-"));
  const dataset = freshDataset();
  const quoted = (name: string): string => `\`${name.replaceAll("`", "``")}\``;
  return {
    destination: warehouse(options),
    dataset,
    folder,
    quoted,
    timestampText: column => `date_format(${column}, "yyyy-MM-dd HH:mm:ss'+00'")`,
    oddTable: "select",
    qualified: (table, schema = dataset) => `\`${CATALOG}\`.${quoted(schema)}.${quoted(table)}`,
    close: () => rm(folder, { recursive: true, force: true }),
  };
});
