/**
 * `npm run bench:small`: a run of 20 rows, merged, and one without news, again and again on one warm worker and DuckDB
 * file: seconds from the start of the client's process to its end. Options: --rounds N (20).
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Table from "cli-table3";
import { type ClientProgram, ended, option, type RunningWorker, startWorker } from "./measure";

/** What a fresh worker still loads and compiles. */
const WARM_UP = 3;

async function main(): Promise<void> {
  const rounds = option("rounds", 20);
  const folder = mkdtempSync(join(tmpdir(), "tidemark-bench-small-"));
  let version = 0;
  const api = createServer((_, response) => {
    const rows = Array.from({ length: 20 }, (_, id) => ({
      id,
      name: `row ${id}`,
      version,
      seen: "2026-01-01",
    }));
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(rows));
  });
  await new Promise<void>(done => api.listen(0, "127.0.0.1", done));
  const base = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  const worker = await startWorker(folder);
  try {
    const table = new Table({ head: ["run", "client", "seconds (median)", "fastest", "slowest"] });
    for (const [run, incremental] of [
      ["20 rows, merged", false],
      ["nothing new", true],
    ] as const) {
      for (const by of ["temporal", "tidemark"] as const) {
        const file = writeSpec(folder, base, `${by}_${incremental ? "idle" : "merge"}`, incremental);
        const seconds: number[] = [];
        for (let round = 0; round < rounds + WARM_UP; round++) {
          version++;
          const took = await timed(worker, file, by, `${by}-${incremental}-${round}`);
          if (round >= WARM_UP) seconds.push(took);
        }
        seconds.sort((a, b) => a - b);
        const told = [seconds[Math.floor(rounds / 2)]!, seconds[0]!, seconds.at(-1)!];
        const client = by === "temporal" ? "`temporal workflow execute`" : "`bin/tidemark run`";
        table.push([run, client, ...told.map(one => one.toFixed(2))]);
      }
    }
    process.stdout.write(`${table.toString()}\n`);
  } finally {
    await worker.stop();
    api.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function timed(worker: RunningWorker, file: string, by: ClientProgram, id: string): Promise<number> {
  const start = performance.now();
  const client = worker.run(file, by, id);
  client.stdout!.resume();
  await ended(client);
  return (performance.now() - start) / 1000;
}

function writeSpec(folder: string, base: string, name: string, incremental: boolean): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.json`);
  const cursor = incremental ? { incremental: { cursor_path: "seen", initial_value: "2020-01-01" } } : {};
  const endpoint = { path: "rows", data_selector: "$", paginator: "single_page", ...cursor };
  const spec = {
    pipeline_name: name,
    dataset_name: "bench",
    destination: { type: "duckdb", path: join(folder, `${name}.duckdb`) },
    source: {
      type: "rest_api",
      client: { base_url: base },
      resources: [{ name: "rows", primary_key: "id", write_disposition: "merge", endpoint }],
    },
  };
  writeFileSync(file, JSON.stringify(spec));
  return file;
}

main().then(
  () => process.exit(0),
  error => {
    console.error(error);
    process.exit(1);
  },
);
