/**
 * `npm run test:postgres`: a PostgreSQL server of its own, parity cases on it beside real dlt's destination `postgres`.
 * Options go to run_postgres.py (`--all`, `--only TEXT`, `--jobs N`).
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { toolPaths } from "../../../src/tools";
import { startTestPostgres } from "../../support/postgres";

async function main(): Promise<number> {
  const python = toolPaths(process.env).parityPython;
  if (python === undefined) throw new Error("Run `node setup/main.mjs --parity` first.");
  const server = await startTestPostgres();
  try {
    const args = [join(__dirname, "run_postgres.py"), "--dsn", server.adminDsn, ...process.argv.slice(2)];
    const run = spawn(python, args, { stdio: "inherit" });
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => run.kill(signal));
    return await new Promise<number>(done => run.once("exit", code => done(code ?? 1)));
  } finally {
    await server.stop();
  }
}

main().then(code => process.exit(code));
