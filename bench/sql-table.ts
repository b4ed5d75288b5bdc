/**
 * `npm run bench:sql`: a PostgreSQL table of 1,000,000 rows and 10 columns, loaded in full into DuckDB: Tidemark beside
 * dlt with its fast backend, pyarrow, in turn. The tables that come out are compared. Options: --count N, --rounds N,
 * --json FILE.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { execute, startPostgresServer } from "../demo/postgres-server";
import { toolPaths } from "../src/tools";
import { byPython, byRunningWorker, byWholeProcess, type Measure, option, report } from "./measure";
import { createMeasures } from "./measures-table";

const BY_TEMPORAL = "Tidemark, running worker, by `temporal workflow execute`";

async function main(): Promise<void> {
  const count = option("count", 1_000_000);
  const rounds = option("rounds", 3);
  const { parityPython: python, postgresBin: bin } = toolPaths(process.env);
  if (python === undefined || bin === undefined)
    throw new Error("dlt or PostgreSQL is missing: run `npm run setup -- --parity`.");
  const folder = mkdtempSync(join(tmpdir(), "tidemark-bench-sql-"));
  chmodSync(folder, 0o755);
  const server = await startPostgresServer({ dataDir: join(folder, "postgres"), bin });
  try {
    await execute(server.adminDsn, createMeasures(count));
    process.stderr.write(`${count} rows of 10 columns, ${rounds} rounds\n`);
    const env = { BENCH_SOURCE_DSN: server.adminDsn };
    const results: { [engine: string]: Measure[] } = {
      "dlt with pyarrow, whole process": [],
      "Tidemark, whole process": [],
      [BY_TEMPORAL]: [],
    };
    for (let round = 0; round < rounds; round++) {
      const at = join(folder, String(round));
      const [whole, worker] = [`${at}-whole`, `${at}-worker`];
      results["dlt with pyarrow, whole process"]!.push(await byDlt(python, server.adminDsn, at));
      results["Tidemark, whole process"]!.push(await byWholeProcess(spec(whole), whole, env));
      results[BY_TEMPORAL]!.push(await byRunningWorker(spec(worker), worker, "temporal", env));
      const seconds = Object.entries(results).map(([k, v]) => `${k} ${v[round]!.seconds.toFixed(1)} s`);
      process.stderr.write(`round ${round + 1}: ${seconds.join(", ")}\n`);
      if (round > 0) continue;
      for (const other of [whole, worker])
        await assertEqual(join(at, "dlt.duckdb"), join(other, "ours.duckdb"), count);
      process.stderr.write("results are equal\n");
    }
    report(results);
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

function spec(folder: string): object {
  return {
    pipeline_name: "bench_table",
    dataset_name: "bench",
    destination: { type: "duckdb", path: join(folder, "ours.duckdb") },
    source: {
      type: "sql_table",
      table: "measures",
      backend: "pyarrow",
      write_disposition: "replace",
      credentials: { env: "BENCH_SOURCE_DSN" },
    },
  };
}

async function byDlt(python: string, dsn: string, folder: string): Promise<Measure> {
  mkdirSync(folder, { recursive: true });
  const program = join(__dirname, "dlt_table.py");
  return await byPython(python, [program, dsn, "duckdb", join(folder, "dlt.duckdb"), join(folder, "dlt")]);
}

/** Columns, types, and every value. */
async function assertEqual(dlt: string, ours: string, count: number): Promise<void> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(`ATTACH '${dlt}' AS theirs (READ_ONLY); ATTACH '${ours}' AS ours (READ_ONLY)`);
  const columns = (side: string) =>
    `(SELECT string_agg(column_name || ' ' || data_type || ' ' || is_nullable, ', ' ORDER BY column_index)
      FROM duckdb_columns() WHERE database_name = '${side}' AND table_name = 'measures')`;
  const reader = await connection.runAndReadAll(
    `SELECT (SELECT count(*) FROM theirs.bench.measures) AS rows, ${columns("ours")} = ${columns("theirs")} AS alike,
       (SELECT count(*) FROM (FROM theirs.bench.measures EXCEPT ALL FROM ours.bench.measures)) AS missing,
       (SELECT count(*) FROM (FROM ours.bench.measures EXCEPT ALL FROM theirs.bench.measures)) AS extra`,
  );
  const row = reader.getRowObjectsJson()[0]!;
  connection.closeSync();
  instance.closeSync();
  if (row.missing !== "0" || row.extra !== "0" || row.rows !== String(count) || row.alike !== true)
    throw new Error(`The tables differ: ${JSON.stringify(row)}`);
}

main().then(
  () => process.exit(0),
  error => {
    console.error(error);
    process.exit(1);
  },
);
