/**
 * dlt's extracted package as files that the engine reads. dlt writes rows as lists of JSON, one a line (it calls them
 * typed-jsonl); here each row gets a line of its own. Parquet, from Arrow tables and data frames, stays as it is.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { findList, toLines } from "../../json/list-text";
import { parseJson } from "../../json/parse";
import { orjsonText } from "../../json/print";
import { TidemarkError } from "../../pipeline/errors";
import type { WholeFile } from "../source";

export interface DltFile {
  table: string;
  path: string;
  bytes: number;
  /** "lists", "parquet", or one that is not read. */
  format: string;
  rows?: number;
  columns?: string[];
}

const LINE_FEED = 10;

/** @throws TidemarkError PYTHON_SOURCE for a format that is not read; the signal's reason */
export async function takeFiles(
  files: readonly DltFile[],
  folder: string,
  signal: AbortSignal,
): Promise<WholeFile[]> {
  const taken: WholeFile[] = [];
  for (const [index, file] of files.entries()) {
    signal.throwIfAborted();
    if (file.format === "parquet") {
      const { table, path, bytes, rows = 0, columns = [] } = file;
      taken.push({ table, path, bytes, rows, columns, format: "parquet" });
    } else if (file.format === "lists") {
      const path = join(folder, `${String(index).padStart(5, "0")}.jsonl`);
      taken.push({ table: file.table, ...(await rowsOf(file.path, path, signal)) });
      await rm(file.path, { force: true });
    } else {
      throw new TidemarkError(
        "PYTHON_SOURCE",
        `dlt extracted a file of format "${file.format}" for table "${file.table}" (an imported file or a SQL model); rows, Arrow tables and data frames can be taken. Read the file in the resource and yield its rows.`,
        { step: "extract" },
      );
    }
  }
  return taken;
}

async function rowsOf(from: string, path: string, signal: AbortSignal) {
  const output = createWriteStream(path);
  let rows = 0;
  let failed: Error | undefined;
  output.on("error", error => {
    failed ??= error;
  });
  for await (const line of lines(from)) {
    signal.throwIfAborted();
    const taken = rowLines(line);
    rows += taken.rows;
    if (!output.write(taken.lines) && failed === undefined) {
      await new Promise<void>(drained => {
        output.once("drain", drained);
        output.once("error", () => drained());
      });
    }
    if (failed !== undefined) throw failed;
  }
  output.end();
  await finished(output);
  return { path, rows, bytes: (await stat(path)).size };
}

/** The list as it stands, where every item is an object; else item by item. */
function rowLines(line: Buffer): { lines: Buffer; rows: number } {
  const found = findList(line, []);
  if (found !== undefined) {
    if (found.rows === 0) return { lines: Buffer.alloc(0), rows: 0 };
    // A copy: the stream still holds it when the next line is read.
    return { lines: Buffer.from(toLines(line, found)), rows: found.rows };
  }
  const value = parseJson(line.toString("utf8"));
  const items = Array.isArray(value) ? value : [value];
  return { lines: Buffer.from(items.map(item => `${orjsonText(item)}\n`).join("")), rows: items.length };
}

async function* lines(path: string): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: 1 << 20 });
  const input = (await isGzip(path)) ? file.pipe(createGunzip()) : file;
  let held: Buffer[] = [];
  try {
    for await (const chunk of input as AsyncIterable<Buffer>) {
      let start = 0;
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
        held.push(chunk.subarray(start, end));
        const line = Buffer.concat(held);
        held = [];
        start = end + 1;
        if (line.length > 0) yield line;
      }
      if (start < chunk.length) held.push(chunk.subarray(start));
    }
    const rest = Buffer.concat(held);
    if (rest.length > 0) yield rest;
  } finally {
    file.destroy();
  }
}

async function isGzip(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await file.close();
  }
}
