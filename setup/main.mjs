/**
 * Sets up what is asked for and says what it does:
 *   node setup/main.mjs --node-modules --venv --temporal --postgres [--parity] [--dbt-databricks] [--parity-databricks]
 * --node-modules builds dist/ too. With all in place it takes some 50 ms, starts no program and touches no network. Exit code 1: a prerequisite is missing.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import build from "./build.cjs";
import { ensureNodeModules } from "./node-modules.mjs";
import { ensurePostgres } from "./postgres.mjs";
import { ensureVenv } from "./python-venv.mjs";
import { SetupError, seconds } from "./run-command.mjs";
import { ensureTemporal } from "./temporal.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const log = line => console.log(line);

/** In this order: the Temporal download needs node_modules. */
const STEPS = {
  "node-modules": async () => {
    await ensureNodeModules({ log, root });
    await build.ensureBuild({ log });
  },
  venv: () => ensureVenv({ log, kind: "dbt" }),
  temporal: () => ensureTemporal({ log }),
  postgres: () => ensurePostgres({ log }),
  parity: () => ensureVenv({ log, kind: "parity" }),
  "dbt-databricks": () => ensureVenv({ log, kind: "dbt-databricks" }),
  "parity-databricks": () => ensureVenv({ log, kind: "parity-databricks" }),
};

async function main() {
  const started = performance.now();
  const options = Object.fromEntries(Object.keys(STEPS).map(name => [name, { type: "boolean" }]));
  const { values } = parseArgs({ options });
  for (const [name, step] of Object.entries(STEPS)) if (values[name]) await step();
  log(`Set-up: done (${seconds(started)})`);
}

main().catch(error => {
  const expected = error instanceof SetupError || error.code?.startsWith("ERR_PARSE_ARGS");
  console.error(`Set-up stopped: ${expected ? error.message : error.stack}`);
  process.exitCode = 1;
});
