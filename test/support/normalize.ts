/** Normalize as a function of documents, and its Parquet files read back by DuckDB. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { encodeLine } from "../../src/json/typed-json";
import type { Row } from "../../src/json/values";
import { normalizePackage } from "../../src/normalize/normalize";
import type { NormalizeCapabilities, NormalizeInput, NormalizeOutput } from "../../src/normalize/types";
import type { StoredSchema } from "../../src/schema/types";

export const DUCKDB_CAPABILITIES: NormalizeCapabilities = {
  max_identifier_length: 65536,
  max_column_identifier_length: 65536,
  decimal_precision: [38, 9],
  wei_precision: [38, 0],
  merge_strategies: ["delete-insert", "upsert", "insert-only", "cdc", "scd2"],
  literal_files: true,
};

export interface Normalized extends NormalizeOutput {
  folder: string;
}

export interface RunOptions {
  referenceOnly?: boolean;
  rowsPerFile?: number;
  input?: Partial<NormalizeInput>;
  table?: string;
  /** JSON text of the rows, in place of the one that extract writes. */
  textOf?: (row: Row) => string;
}

const folders: string[] = [];

/** Removes what `normalizeRows` made; call after all tests. */
export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

export async function normalizeRows(
  schema: StoredSchema,
  rows: Row[],
  options: RunOptions = {},
): Promise<Normalized> {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-normalize-"));
  folders.push(folder);
  const path = join(folder, "rows.jsonl");
  writeFileSync(path, rows.map(row => `${(options.textOf ?? encodeLine)(row)}\n`).join(""));
  const table = options.table ?? "items";
  const output = await normalizePackage(
    {
      load_id: "1700000000.25",
      schema,
      resources: [
        { resource: table, table, segments: [{ path, bytes: statSync(path).size, rows: rows.length }] },
      ],
      out_dir: folder,
      capabilities: DUCKDB_CAPABILITIES,
      limits: { rows_per_file: options.rowsPerFile ?? 1_000_000, bytes_per_file: 100_000_000 },
      signal: new AbortController().signal,
      onProgress: () => {},
      ...options.input,
    },
    { referenceOnly: options.referenceOnly },
  );
  return { ...output, folder };
}

export interface FileRows {
  columns: string[];
  types: string[];
  rows: { [column: string]: string | null }[];
}

/** Rows of a table in file order, values as text in DuckDB's spelling (UTC). */
export async function readTable(output: NormalizeOutput, table: string): Promise<FileRows> {
  const files = output.files.filter(file => file.table === table).map(file => `'${file.path}'`);
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  try {
    await connection.run("SET timezone = 'UTC'");
    const source = `read_parquet([${files.join(", ")}], union_by_name = true)`;
    const described = await connection.runAndReadAll(`DESCRIBE SELECT * FROM ${source}`);
    const columns = described.getRows().map(row => String(row[0]));
    const select = columns.map(column => `CAST("${column}" AS VARCHAR)`).join(", ");
    const read = await connection.runAndReadAll(`SELECT ${select} FROM ${source}`);
    return {
      columns,
      types: described.getRows().map(row => String(row[1])),
      rows: read
        .getRows()
        .map(row => Object.fromEntries(row.map((value, i) => [columns[i]!, value as string | null]))),
    };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
