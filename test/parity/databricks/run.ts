/**
 * `npm run test:parity:databricks`: starts the stand-in, runs parity cases on it, stops it. Options go to
 * run_databricks.py (`--all`, `--only TEXT`, `--jobs N`).
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toolPaths } from "../../../src/tools";
import { specOn } from "../../support/databricks/connection";
import { startStandin } from "../../support/databricks/standin";

async function main(): Promise<number> {
  const python = toolPaths(process.env).parityDatabricksPython;
  if (python === undefined) throw new Error("Run `node setup/main.mjs --parity-databricks` first.");
  const folder = mkdtempSync(join(tmpdir(), "tidemark-parity-databricks-"));
  // Delta remembers every table for an hour: hundreds of cases took 2 GB
  const standin = await startStandin({ DBX_WARM: "1", DBX_MEM: "8g" });
  try {
    const connection = join(folder, "connection.json");
    writeFileSync(connection, JSON.stringify(connectionOf(specOn(standin))), { mode: 0o600 });
    const args = [join(__dirname, "run_databricks.py"), "--connection", connection, ...process.argv.slice(2)];
    const run = spawn(python, args, { stdio: "inherit" });
    process.once("SIGINT", () => run.kill("SIGINT"));
    return await new Promise<number>(done => run.once("exit", code => done(code ?? 1)));
  } finally {
    await standin.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The fields that a parity phase adds to a destination. */
export function connectionOf(spec: ReturnType<typeof specOn>): object {
  const { server_hostname, port, http_path, catalog, access_token, ca_file } = spec;
  return { server_hostname, port, http_path, catalog, access_token, ca_file };
}

if (require.main === module) main().then(code => process.exit(code));
