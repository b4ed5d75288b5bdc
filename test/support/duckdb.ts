/** Parts for tests around DuckDB files: parquet inputs, scratch folders, processes that hold a file. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import type { PackageFile } from "../../src/destinations/destination";

export async function scratchFolder(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "tidemark-duckdb-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

export type TestValue = string | number | bigint | boolean | null;

/** Writes rows as the normalizer would: `columns` maps names to DuckDB types of the parquet file. */
export async function writeParquet(
  path: string,
  table: string,
  columns: { [name: string]: string },
  rows: TestValue[][],
): Promise<PackageFile> {
  const names = Object.keys(columns);
  const select = names
    .map((n, i) => `CAST(c${i} AS ${columns[n]}) AS "${n.replaceAll('"', '""')}"`)
    .join(", ");
  const values = rows.map(row => `(${row.map(literal).join(", ")})`).join(", ");
  const source =
    rows.length > 0
      ? `(VALUES ${values}) AS t(${names.map((_, i) => `c${i}`).join(", ")})`
      : `(SELECT ${names.map((_, i) => `NULL AS c${i}`).join(", ")} WHERE false)`;
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    await connection.run(`COPY (SELECT ${select} FROM ${source}) TO ${literal(path)} (FORMAT parquet)`);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
  return { table, path, rows: rows.length, bytes: (await stat(path)).size, columns: names };
}

function literal(value: TestValue): string {
  if (value === null) return "NULL";
  if (typeof value === "string") return `'${value.replaceAll("'", "''")}'`;
  return String(value);
}

const HOLD = `
const { DuckDBInstance } = require(process.argv[1]);
DuckDBInstance.create(process.argv[2], { access_mode: process.argv[3] }).then(async instance => {
  const connection = await instance.connect();
  process.stdout.write("held\\n");
  process.stdin.once("data", () => { connection.closeSync(); instance.closeSync(); process.exit(0); });
});`;

/** Another process with the file open, until `release`. */
export async function holdFile(
  path: string,
  mode: "READ_WRITE" | "READ_ONLY" = "READ_WRITE",
): Promise<{ pid: number; release(): Promise<void> }> {
  const child: ChildProcess = spawn(
    process.execPath,
    ["-e", HOLD, require.resolve("@duckdb/node-api"), path, mode],
    {
      stdio: ["pipe", "pipe", "inherit"],
    },
  );
  await once(child.stdout as NodeJS.ReadableStream, "data");
  return {
    pid: child.pid as number,
    async release() {
      if (child.exitCode !== null) return;
      child.stdin?.write("go\n");
      await once(child, "exit");
    },
  };
}
