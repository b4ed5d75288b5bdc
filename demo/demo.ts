/** `npm run demo`: four pipelines, dbt and the gate, on the destination that is configured (DuckDB unless set). */
import { defaultFile } from "../src/activities/identity";
import { loadConfig } from "../src/config";
import { runDemo } from "./run-demo";

async function main(): Promise<number> {
  const config = loadConfig();
  return await runDemo(config, {
    live: process.argv.includes("--live"),
    keep: process.argv.includes("--keep"),
    database: defaultFile(config)?.path ?? `${config.destination}, ${config.datasetName}`,
  });
}

main().then(
  code => process.exit(code),
  error => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
