/**
 * `npm run bench`: 200,000 nested JSON documents over HTTP, merged into DuckDB: Tidemark beside dlt with parquet, in one
 * run, in turn. Reported: whole process, and on a running worker, started by Temporal's command line and by ours; memory
 * of worker + client, the Temporal server apart.
 * Options: --count N, --rounds N, --json FILE.
 */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { toolPaths } from "../src/tools";
import { byRunningWorker, byWholeProcess, firstLine, type Measure, option, report } from "./measure";
import { assertEqualOrders } from "./same-orders";

const run = promisify(execFile);
const PAGE_SIZE = 2_000;
const BY_TEMPORAL = "Tidemark, running worker, by `temporal workflow execute`";
const BY_TIDEMARK = "Tidemark, running worker, by `bin/tidemark run`";

async function main(): Promise<void> {
  const count = option("count", 200_000);
  const rounds = option("rounds", 3);
  const python = toolPaths(process.env).parityPython;
  if (python === undefined) throw new Error("dlt's venv is missing: run `npm run setup -- --parity`.");
  const folder = mkdtempSync(join(tmpdir(), "tidemark-bench-"));
  const server = spawn(
    process.execPath,
    ["--import", "tsx", join(__dirname, "serve-documents.ts"), String(count), String(PAGE_SIZE)],
    {
      stdio: ["ignore", "pipe", "inherit", "ipc"],
    },
  );
  try {
    const port = await firstLine(server);
    const baseUrl = `http://127.0.0.1:${port.trim()}`;
    process.stderr.write(`${count} documents, pages of ${PAGE_SIZE}, ${rounds} rounds\n`);
    const results: { [engine: string]: Measure[] } = {
      "dlt, whole process": [],
      "Tidemark, whole process": [],
      [BY_TEMPORAL]: [],
      [BY_TIDEMARK]: [],
    };
    for (let round = 0; round < rounds; round++) {
      const at = join(folder, String(round));
      results["dlt, whole process"]!.push(await byDlt(python, baseUrl, at));
      results["Tidemark, whole process"]!.push(
        await byWholeProcess(spec(baseUrl, `${at}-whole`), `${at}-whole`),
      );
      results[BY_TEMPORAL]!.push(
        await byRunningWorker(spec(baseUrl, `${at}-worker`), `${at}-worker`, "temporal"),
      );
      results[BY_TIDEMARK]!.push(
        await byRunningWorker(spec(baseUrl, `${at}-client`), `${at}-client`, "tidemark"),
      );
      process.stderr.write(
        `round ${round + 1}: ${Object.entries(results)
          .map(([k, v]) => `${k} ${v[round]!.seconds.toFixed(1)} s`)
          .join(", ")}\n`,
      );
      if (round === 0) {
        for (const other of [`${at}-whole`, `${at}-worker`, `${at}-client`])
          await assertEqualOrders(join(at, "dlt.duckdb"), join(other, "ours.duckdb"));
        process.stderr.write("results are equal\n");
      }
    }
    report(results);
  } finally {
    server.disconnect();
    rmSync(folder, { recursive: true, force: true });
  }
}

function spec(baseUrl: string, folder: string): object {
  return {
    pipeline_name: "bench_orders",
    dataset_name: "bench",
    destination: { type: "duckdb", path: join(folder, "ours.duckdb") },
    source: {
      type: "rest_api",
      name: "bench",
      client: { base_url: baseUrl },
      resources: [
        {
          name: "orders",
          primary_key: "id",
          write_disposition: "merge",
          endpoint: {
            path: "orders",
            data_selector: "data",
            paginator: { type: "page_number", base_page: 0, total_path: null },
          },
        },
      ],
    },
  };
}

async function byDlt(python: string, baseUrl: string, folder: string): Promise<Measure> {
  await run("mkdir", ["-p", folder]);
  const start = performance.now();
  const { stdout } = await run(
    python,
    [
      join(__dirname, "dlt_orders.py"),
      baseUrl,
      join(folder, "dlt.duckdb"),
      join(folder, "dlt"),
      String(PAGE_SIZE),
    ],
    {
      env: { ...process.env, RUNTIME__DLTHUB_TELEMETRY: "false", RUNTIME__LOG_LEVEL: "ERROR" },
      maxBuffer: 1 << 26,
    },
  );
  return { seconds: (performance.now() - start) / 1000, mb: Number(stdout.trim().split("\n").at(-1)) / 1024 };
}

main().then(
  () => process.exit(0),
  error => {
    console.error(error);
    process.exit(1);
  },
);
