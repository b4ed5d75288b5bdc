/**
 * `npm run demo`: four pipelines, dbt and the gate, on the destination that is configured (DuckDB unless set). With
 * DLT_DESTINATION=postgres and no word on where that is, a server of the demo's own holds the data and keeps it.
 */
import { dirname, join } from "node:path";
import { defaultFile } from "../src/activities/identity";
import { type Config, loadConfig } from "../src/config";
import { lookUpPath } from "../src/dlt-project/look-up";
import { readDltSettings } from "../src/dlt-project/settings-files";
import { toolPaths } from "../src/tools";
import { demoDataDir } from "./postgres";
import { type PostgresServer, startPostgresServer } from "./postgres-server";
import { runDemo } from "./run-demo";

const CREDENTIALS = "DESTINATION__POSTGRES__CREDENTIALS";
const SAID = /^(PG(HOST|HOSTADDR|DATABASE|SERVICE)|(DESTINATION__(POSTGRES__)?)?CREDENTIALS(__.+)?)$/;

async function main(): Promise<number> {
  const config = loadConfig();
  const options = { live: process.argv.includes("--live"), keep: process.argv.includes("--keep") };
  const warehouse = await startWarehouse(config);
  if (warehouse === undefined) return await runDemo(config, { ...options, database: databaseOf(config) });
  try {
    process.env[CREDENTIALS] = warehouse.adminDsn;
    process.stderr.write(`Destination: a PostgreSQL server of the demo's own, port ${warehouse.port}\n`);
    const database = `postgres, ${config.datasetName}: the demo's own server, stopped now; files in ${WAREHOUSE}`;
    return await runDemo(loadConfig(), { ...options, database });
  } finally {
    await warehouse.stop();
  }
}

const databaseOf = (config: Config) =>
  defaultFile(config)?.path ?? `${config.destination}, ${config.datasetName}`;

const WAREHOUSE = join(dirname(demoDataDir()), "warehouse");

/** undefined: not wanted, as the destination is another one or somebody said where it is. */
async function startWarehouse({ destination, dlt, env }: Config): Promise<PostgresServer | undefined> {
  const settings = readDltSettings(dlt, env);
  const said =
    Object.keys(env).some(name => env[name] && SAID.test(name)) ||
    lookUpPath(settings, "destination.postgres.credentials") !== undefined;
  const bin = toolPaths(process.env).postgresBin;
  if (destination !== "postgres" || said || bin === undefined) return undefined;
  return await startPostgresServer({ dataDir: WAREHOUSE, bin });
}

main().then(
  code => process.exit(code),
  error => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  },
);
