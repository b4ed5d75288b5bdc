/**
 * `samples.healthverity.claims_sample_synthetic`, which every workspace has, on the stand-in: the columns of the real
 * table, filled from the generated file that is dbt's seed on DuckDB. Sent through our own driver and Volume.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { openWarehouse } from "../../../src/destinations/databricks/client";
import type { DatabricksDestination } from "../../../src/destinations/databricks/spec";
import { quoteName, quoteText } from "../../../src/destinations/databricks/sql-text";

const CLAIMS = join(__dirname, "..", "..", "..", "dbt", "seeds", "claims_sample_synthetic.csv");
const TABLE = "samples.healthverity.claims_sample_synthetic";

/** @returns the number of rows */
export async function loadClaimsSample(spec: DatabricksDestination): Promise<number> {
  const head = readFileSync(CLAIMS, "utf8").split("\n", 1)[0] as string;
  const columns = head.split(",").map(name => `${quoteName(name)} STRING`);
  await using db = await openWarehouse(spec, {
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
  const run = (sql: string) => db.run(sql, "filling the stand-in's samples");
  const volume = "/Volumes/samples/healthverity/seed/claims.csv";
  await run("CREATE SCHEMA IF NOT EXISTS samples.healthverity");
  await run("CREATE VOLUME IF NOT EXISTS samples.healthverity.seed");
  await db.put(CLAIMS, volume, "filling the stand-in's samples");
  await run(`CREATE OR REPLACE TABLE ${TABLE} (${columns.join(", ")})`);
  await run(
    `COPY INTO ${TABLE} FROM ${quoteText(volume)} FILEFORMAT = CSV FORMAT_OPTIONS ('header' = 'true') COPY_OPTIONS ('force' = 'true')`,
  );
  const [row] = await run(`SELECT count(*) AS n FROM ${TABLE}`);
  return Number(row?.n);
}
