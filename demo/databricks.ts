/**
 * `npm run demo:databricks`: the demo with Databricks as its destination. Without DATABRICKS_HOST a stand-in for a SQL
 * warehouse is started for it (real Spark and Delta behind Databricks' protocol) and stopped at its end, with all its
 * tables; with it, the demo loads into that warehouse.
 */
import { loadConfig } from "../src/config";
import { connectionEnv, specOn } from "../test/support/databricks/connection";
import { loadClaimsSample } from "../test/support/databricks/samples";
import { startStandin } from "../test/support/databricks/standin";
import { runDemo } from "./run-demo";

const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function main(): Promise<number> {
  const options = { live: process.argv.includes("--live"), keep: false };
  const { DATABRICKS_HOST } = loadConfig().env;
  if (DATABRICKS_HOST) {
    process.env.DLT_DESTINATION = "databricks";
    return await runDemo(loadConfig(), { ...options, database: `Databricks, ${DATABRICKS_HOST}` });
  }
  say("Starting the stand-in for a SQL warehouse (real Spark and Delta; some seconds)");
  const standin = await startStandin({ DBX_WARM: "1" });
  try {
    const rows = await loadClaimsSample(specOn(standin));
    say(`Stand-in on port ${standin.port}, ${rows} rows in samples.healthverity.claims_sample_synthetic`);
    Object.assign(process.env, connectionEnv(specOn(standin)));
    return await runDemo(loadConfig(), {
      ...options,
      database: "the stand-in for a SQL warehouse, which is stopped now",
    });
  } finally {
    await standin.stop();
  }
}

main().then(
  code => process.exit(code),
  error => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
