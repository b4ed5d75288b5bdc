/**
 * `npm run bench`: the documents into DuckDB beside dlt, dbt's steps warm beside cold, then loads into Databricks beside
 * dlt. The last part needs the stand-in (1 GB, Java): it runs where `npm run bench:databricks` or
 * `npm run test:databricks` has set that up. Options go to the first part.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import toolPaths from "../setup/tool-paths.js";
import { standinHome } from "../test/support/databricks/setup.mjs";

if (process.argv.includes("--help")) {
  console.log(
    "npm run bench [-- --count N] [--rounds N] [--json FILE] [--only documents]\n" +
      "200,000 nested documents into DuckDB beside dlt, 3 rounds; then dbt's steps, then Databricks' stand-in, which\n" +
      "--only documents leaves out.",
  );
  process.exit(0);
}

function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: "inherit", shell: false });
  if (status !== 0) process.exit(status ?? 1);
}

run(process.execPath, ["--import", "tsx", "bench/orders.ts", ...process.argv.slice(2)]);
if (process.argv.includes("documents")) process.exit(0);
run(process.execPath, ["--import", "tsx", "bench/dbt.ts"]);
if (existsSync(join(standinHome(), toolPaths.READY_FILE)))
  run("npm", ["run", "--silent", "bench:databricks"]);
else
  console.log(
    "Loads into Databricks: `npm run bench:databricks` sets up its stand-in (Java, 1 GB) and measures them.",
  );
