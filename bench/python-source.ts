/**
 * `npm run bench:python`: 200,000 nested rows out of a Python generator, merged into DuckDB: Tidemark with source type
 * `dlt` beside dlt alone (with parquet), in turn. Extraction is Python's own time in both and stands apart. The tables
 * that come out are compared. Options: --count N, --page N (rows per yield), --rounds N, --json FILE.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toolPaths } from "../src/tools";
import {
  byPython,
  byRunningWorker,
  byWholeProcess,
  type Measure,
  option,
  report,
  reportSteps,
} from "./measure";
import { assertEqualOrders } from "./same-orders";

const PROGRAM = "python_orders.py";
const ENGINES = ["dlt, whole process", "Tidemark, running worker", "Tidemark, whole process"] as const;

async function main(): Promise<void> {
  const count = option("count", 200_000);
  const rounds = option("rounds", 3);
  const python = toolPaths(process.env).parityPython;
  if (python === undefined) throw new Error("dlt's venv is missing: run `npm run setup -- --parity`.");
  const folder = mkdtempSync(join(tmpdir(), "tidemark-bench-python-"));
  const env = { BENCH_ROWS: String(count), BENCH_PAGE: String(option("page", 1_000)) };
  const results: { [engine: string]: Measure[] } = Object.fromEntries(ENGINES.map(name => [name, []]));
  try {
    process.stderr.write(`${count} rows, ${env.BENCH_PAGE} per yield, ${rounds} rounds\n`);
    for (let round = 0; round < rounds; round++) {
      const [at, worker, whole] = ["dlt", "worker", "whole"].map(name => join(folder, `${round}-${name}`));
      const args = [join(__dirname, PROGRAM), `${at}.duckdb`, at!];
      const measures = [
        await byPython(python, args, env),
        await byRunningWorker(spec(python, worker!), worker!, "tidemark", env),
        await byWholeProcess(spec(python, whole!), whole!, env),
      ];
      for (const [i, name] of ENGINES.entries()) results[name]!.push(measures[i]!);
      const said = ENGINES.map((name, i) => `${name} ${measures[i]!.seconds.toFixed(1)} s`);
      process.stderr.write(`round ${round + 1}: ${said.join(", ")}\n`);
      if (round > 0) continue;
      for (const other of [worker, whole])
        await assertEqualOrders(`${at}.duckdb`, join(other!, "ours.duckdb"));
      process.stderr.write("results are equal\n");
    }
    report(results);
    reportSteps(results);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function spec(python: string, folder: string): object {
  return {
    pipeline_name: "bench_orders",
    dataset_name: "bench",
    destination: { type: "duckdb", path: join(folder, "ours.duckdb") },
    source: { type: "dlt", module: PROGRAM, source: "bench", project_dir: __dirname, python },
  };
}

main().then(
  () => process.exit(0),
  error => {
    console.error(error);
    process.exit(1);
  },
);
