/**
 * Throughput of normalize alone: JSON lines on disk to Parquet files, one thread.
 *   npx tsx bench/normalize.ts [documents]
 */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeLine } from "../src/json/typed-json";
import type { Row } from "../src/json/values";
import { WholeFloat } from "../src/json/values";
import { normalizePackage } from "../src/normalize/normalize";
import type { NormalizeInput } from "../src/normalize/types";
import { applyResourceHints } from "../src/schema/hints";
import { newSchema } from "../src/schema/stored-schema";

const CAPABILITIES = {
  max_identifier_length: 65536,
  max_column_identifier_length: 65536,
  decimal_precision: [38, 9] as [number, number],
  wei_precision: [38, 0] as [number, number],
  merge_strategies: ["delete-insert", "upsert", "scd2"] as const,
};

/** About 420 bytes: ten columns at the root, three child rows. Every fifth price is a whole number. */
function document(i: number): Row {
  const price = (k: number): number | WholeFloat =>
    (i + k) % 5 === 0 ? new WholeFloat(i % 90) : ((i * 7 + k) % 10_000) / 100 + 0.001;
  return {
    id: i,
    created_at: `2024-0${1 + (i % 9)}-1${i % 10}T0${i % 10}:15:${10 + (i % 50)}.123Z`,
    status: ["open", "paid", "shipped", "closed"][i % 4]!,
    customer: {
      id: i % 5000,
      firstName: `Name${i % 700}`,
      address: { city: `City ${i % 97}`, zip: String(10_000 + (i % 80_000)) },
    },
    total: price(0),
    paid: i % 3 === 0,
    note: i % 4 === 0 ? null : `A note about order number ${i}`,
    lines: [0, 1].map(k => ({
      sku: `SKU-${(i * 3 + k) % 2000}`,
      quantity: 1 + ((i + k) % 9),
      price: price(k),
    })),
    tags: [`t${i % 13}`],
  };
}

async function main(): Promise<void> {
  const documents = Number(process.argv[2] ?? 200_000);
  const folder = await mkdtemp(join(tmpdir(), "tidemark-bench-"));
  try {
    const path = join(folder, "orders.jsonl");
    const out = createWriteStream(path);
    for (let i = 0; i < documents; i++) {
      if (!out.write(`${encodeLine(document(i))}\n`)) await once(out, "drain");
    }
    out.end();
    await once(out, "finish");
    const { size } = await stat(path);
    const { schema } = applyResourceHints(
      newSchema("bench"),
      "orders",
      { primary_key: ["id"], write_disposition: { disposition: "merge" } },
      { capabilities: CAPABILITIES },
    );
    const input: NormalizeInput = {
      load_id: "1700000000.1",
      schema,
      resources: [
        { resource: "orders", table: "orders", segments: [{ path, bytes: size, rows: documents }] },
      ],
      out_dir: folder,
      capabilities: CAPABILITIES,
      limits: { rows_per_file: 1_000_000, bytes_per_file: 128 * 1024 * 1024 },
      signal: new AbortController().signal,
      onProgress: () => {},
    };
    const before = process.memoryUsage().rss;
    let peak = before;
    const watch = setInterval(() => {
      peak = Math.max(peak, process.memoryUsage().rss);
    }, 20);
    const cpu = process.cpuUsage();
    const started = performance.now();
    const result = await normalizePackage(input, { referenceOnly: process.argv[3] === "reference" });
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    clearInterval(watch);
    const rows = result.tables.reduce((sum, table) => sum + table.rows, 0);
    const bytes = result.files.reduce((sum, file) => sum + file.bytes, 0);
    console.log(
      JSON.stringify({
        documents,
        rows,
        files: result.files.length,
        jsonl_mb: Math.round(size / 1e6),
        parquet_mb: Math.round(bytes / 1e6),
        seconds: Number(seconds.toFixed(2)),
        cpu_seconds: Number(((user + system) / 1e6).toFixed(2)),
        documents_per_second: Math.round(documents / seconds),
        rows_per_second: Math.round(rows / seconds),
        mb_per_second: Math.round(size / 1e6 / seconds),
        peak_rss_mb: Math.round(peak / 1e6),
        rss_before_mb: Math.round(before / 1e6),
      }),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

void main();
