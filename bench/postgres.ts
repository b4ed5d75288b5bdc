/**
 * `npm run bench:postgres`: a table of 1,000,000 rows and 10 columns, loaded in full into PostgreSQL: Tidemark beside
 * dlt's destination `postgres` with INSERTs, its default, and with CSV, its fastest way; in turn. Source and target are
 * databases of one server, and the tables that come out are compared. Options: --count N, --rounds N, --json FILE.
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { execute, startPostgresServer } from "../demo/postgres-server";
import { toolPaths } from "../src/tools";
import { byPython, byRunningWorker, type Measure, option, report, reportSteps } from "./measure";
import { createMeasures } from "./measures-table";

const INSERTS = "dlt, INSERTs (its default)";
const CSV = "dlt, CSV";
const OURS = "Tidemark, running worker";

async function main(): Promise<void> {
  const count = option("count", 1_000_000);
  const rounds = option("rounds", 3);
  const { parityPython: python, postgresBin: bin } = toolPaths(process.env);
  if (python === undefined || bin === undefined)
    throw new Error("dlt or PostgreSQL is missing: run `npm run setup -- --parity`.");
  const folder = mkdtempSync(join(tmpdir(), "tidemark-bench-postgres-"));
  chmodSync(folder, 0o755);
  const server = await startPostgresServer({ dataDir: join(folder, "postgres"), bin });
  const source = server.adminDsn;
  const results: { [engine: string]: Measure[] } = { [INSERTS]: [], [CSV]: [], [OURS]: [] };
  const targets: { [engine: string]: string } = {
    [INSERTS]: "by_inserts",
    [CSV]: "by_csv",
    [OURS]: "by_ours",
  };
  const dsn = (engine: string) => Object.assign(new URL(source), { pathname: `/${targets[engine]}` }).href;
  const byDlt = (engine: string, format: string, round: number) =>
    byPython(python, [
      join(__dirname, "dlt_table.py"),
      source,
      "postgres",
      dsn(engine),
      join(folder, `${format}-${round}`),
      format,
    ]);
  try {
    await execute(source, createMeasures(count));
    process.stderr.write(`${count} rows of 10 columns, ${rounds} rounds\n`);
    for (let round = 0; round < rounds; round++) {
      for (const name of Object.values(targets))
        await execute(source, [`DROP DATABASE IF EXISTS ${name}`, `CREATE DATABASE ${name}`]);
      const ours = join(folder, `ours-${round}`);
      const env = { BENCH_SOURCE_DSN: source, DESTINATION__POSTGRES__CREDENTIALS: dsn(OURS) };
      results[INSERTS]!.push(await byDlt(INSERTS, "insert_values", round));
      results[CSV]!.push(await byDlt(CSV, "csv", round));
      results[OURS]!.push(await byRunningWorker(SPEC, ours, "tidemark", env));
      const seconds = Object.entries(results).map(
        ([name, all]) => `${name} ${all[round]!.seconds.toFixed(1)} s`,
      );
      process.stderr.write(`round ${round + 1}: ${seconds.join(", ")}\n`);
      if (round > 0) continue;
      const expected = await digest(dsn(INSERTS));
      for (const engine of [CSV, OURS]) {
        const found = await digest(dsn(engine));
        if (found !== expected)
          throw new Error(`The tables differ, ${engine}: ${found}\n${INSERTS}: ${expected}`);
      }
      if (!expected.includes(`"rows":"${count}"`)) throw new Error(`Rows are missing: ${expected}`);
      process.stderr.write("results are equal\n");
    }
    report(results);
    reportSteps(results);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

const SPEC = {
  pipeline_name: "bench_table",
  dataset_name: "bench",
  destination: "postgres",
  source: {
    type: "sql_table",
    table: "measures",
    backend: "pyarrow",
    write_disposition: "replace",
    credentials: { env: "BENCH_SOURCE_DSN" },
  },
};

/** Columns and types, number of rows, and the sum of a hash of each row's text. */
async function digest(dsn: string): Promise<string> {
  const client = new Client({ connectionString: dsn });
  await client.connect();
  try {
    const { rows: columns } = await client.query(
      `SELECT column_name AS name, data_type AS type, is_nullable, numeric_precision, numeric_scale
       FROM information_schema.columns WHERE table_schema = 'bench' AND table_name = 'measures' ORDER BY 1`,
    );
    const list = columns.map(({ name }) => `"${name}"`).join(", ");
    const { rows } = await client.query(
      `SELECT count(*) AS rows, sum(hashtextextended(ROW(${list})::text, 0)::numeric) AS hash FROM bench.measures`,
    );
    return JSON.stringify({ columns, ...rows[0] });
  } finally {
    await client.end();
  }
}

main().then(
  () => process.exit(0),
  error => {
    console.error(error);
    process.exit(1);
  },
);
