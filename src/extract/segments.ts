/**
 * Rows of one resource on disk: segments of JSON lines, or of pages of columns. Only a counted prefix of a file is ever trusted: an attempt that was
 * given up may still be alive and appending to its own file.
 */
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { encodePage, readPages } from "../columns/column-file";
import type { ColumnPage } from "../columns/column-page";
import { pageRows } from "../columns/column-values";
import { decodeLine, encodeLine } from "../json/typed-json";
import type { Row } from "../json/values";
import { onDisk, packageError } from "../package/files";
import { damaged } from "../package/shape";
import { assertSize, writeFully } from "../package/write-fully";
import { TidemarkError } from "../pipeline/errors";

export interface Segment {
  /** Relative to the resource's folder in the package. */
  path: string;
  /** Bytes that count; the file may be longer. */
  bytes: number;
  rows: number;
  /** Pages of columns (columns/column-file.ts), or parquet as it goes to the destination; absent: JSON lines. */
  format?: "columns" | "parquet";
  /** Root table, where one folder holds the rows of several. */
  table?: string;
  /** Of a parquet file. */
  columns?: string[];
}

/** One write() per this many characters: 1 MB keeps system calls rare without holding many rows. */
const BUFFER_CHARACTERS = 1 << 20;
const READ_BYTES = 1 << 20;

export class SegmentWriter {
  #file: FileHandle | null = null;
  #current: Segment | null = null;
  #buffer = "";
  #buffered = 0;

  /**
   * @param folder the resource's folder
   * @param attempt name of the attempt's own folder below it
   * @param maxBytes a new segment begins once one has this size
   */
  constructor(
    private readonly folder: string,
    private readonly attempt: string,
    private readonly maxBytes: number,
  ) {}

  readonly #segments: Segment[] = [];
  #tail: Promise<Segment[]> = Promise.resolve([]);
  /** Bytes written in this attempt. */
  bytes = 0;

  /** @throws TidemarkError INTEGER_TOO_LARGE, ROW_NOT_STORABLE, DISK_FULL */
  async write(rows: Row[]): Promise<void> {
    for (const row of rows) {
      this.#buffer += encodeLine(row);
      this.#buffer += "\n";
      this.#buffered++;
      if (this.#buffer.length >= BUFFER_CHARACTERS) await this.flush();
    }
  }

  /**
   * Hands what was written so far to the operating system, in order; rows of later calls are not part of it.
   * @returns the segments as they are then
   */
  flush(): Promise<Segment[]> {
    const text = this.#buffer;
    const rows = this.#buffered;
    this.#buffer = "";
    this.#buffered = 0;
    this.#tail = this.#tail.then(() => this.#append([Buffer.from(text)], rows));
    return this.#tail;
  }

  /** Rows that are JSON lines already, after all rows so far. Resolves when they are with the operating system. */
  async writeLines(lines: Buffer, rows: number): Promise<void> {
    this.flush();
    this.#tail = this.#tail.then(() => this.#append([lines], rows));
    await this.#tail;
  }

  /** A page of columns, after all rows so far. Resolves when it is with the operating system: pages are large. */
  async writeColumns(page: ColumnPage): Promise<void> {
    this.flush();
    this.#tail = this.#tail.then(() => this.#append(encodePage(page), page.rows, "columns"));
    await this.#tail;
  }

  async #append(parts: Uint8Array[], rows: number, format?: "columns"): Promise<Segment[]> {
    if (rows > 0) {
      const size = parts.reduce((sum, part) => sum + part.length, 0);
      try {
        const current = this.#current;
        if (current === null || current.bytes >= this.maxBytes || current.format !== format)
          await this.#next(format);
        await writeFully(this.#file!, parts);
      } catch (error) {
        throw packageError(error, "writing extracted rows");
      }
      this.#current!.bytes += size;
      this.#current!.rows += rows;
      this.bytes += size;
    }
    return this.#segments.map(segment => ({ ...segment }));
  }

  /** The last segment is whole on its disk. @throws TidemarkError DISK_FAILED */
  async settle(): Promise<void> {
    await this.#tail;
    const [file, current] = [this.#file, this.#current];
    if (file === null || current === null) return;
    await onDisk(`looking at ${basename(current.path)}`, () => assertSize(file, current.path, current.bytes));
  }

  async #next(format: "columns" | undefined): Promise<void> {
    if (this.#file !== null) await assertSize(this.#file, this.#current!.path, this.#current!.bytes);
    await this.#file?.close();
    this.#file = null;
    await mkdir(join(this.folder, this.attempt), { recursive: true });
    for (let number = this.#segments.length + 1; ; number++) {
      const path = `${this.attempt}/${String(number).padStart(5, "0")}.${format ?? "jsonl"}`;
      try {
        this.#file = await open(
          join(this.folder, path),
          constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
        );
      } catch (error) {
        // An earlier call under the same attempt name left this file.
        if ((error as NodeJS.ErrnoException).code === "EEXIST") continue;
        throw error;
      }
      this.#current = { path, bytes: 0, rows: 0, ...(format === undefined ? {} : { format }) };
      this.#segments.push(this.#current);
      return;
    }
  }

  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = null;
  }
}

/** True when every file holds at least the bytes that are counted (false after a power cut: nothing is fsynced). */
export async function segmentsAreWhole(folder: string, segments: readonly Segment[]): Promise<boolean> {
  for (const segment of segments) {
    const size = await stat(join(folder, segment.path)).then(
      found => found.size,
      () => -1,
    );
    if (size < segment.bytes) return false;
  }
  return true;
}

/**
 * Reads rows back in order, in batches of the same size every time.
 * @throws TidemarkError PACKAGE_LOST when a file is missing or too short, PACKAGE_DAMAGED when it holds something else
 */
export async function* readSegments(
  folder: string,
  segments: readonly Segment[],
  batchRows = 1000,
): AsyncGenerator<Row[]> {
  let batch: Row[] = [];
  for (const segment of segments) {
    if (segment.rows === 0) continue;
    let rows = 0;
    for await (const some of rowBlocks(join(folder, segment.path), segment)) {
      for (const row of some) {
        batch.push(row);
        rows++;
        if (batch.length === batchRows) {
          yield batch;
          batch = [];
        }
      }
    }
    if (rows !== segment.rows) {
      throw new TidemarkError(
        "PACKAGE_LOST",
        `${segment.path} of the load package holds ${rows} rows instead of ${segment.rows}. Its disk lost data; the run must extract again.`,
      );
    }
  }
  if (batch.length > 0) yield batch;
}

async function* rowBlocks(path: string, { bytes, format }: Segment): AsyncGenerator<Iterable<Row>> {
  if (format === undefined) {
    for await (const lines of lineBlocks(path, bytes)) yield decodedLines(lines, path);
    return;
  }
  const file = await onDisk(`opening ${basename(path)}`, () => open(path));
  try {
    const pages = readPages(file, bytes);
    for (;;) {
      const next = await onDisk(`reading ${basename(path)}`, () => pages.next());
      if (next.done) return;
      yield next.value === undefined ? [] : pageRows(next.value);
    }
  } finally {
    await file.close();
  }
}

function* decodedLines(lines: readonly string[], path: string): Generator<Row> {
  for (const line of lines) {
    let row: Row;
    try {
      row = decodeLine(line);
    } catch {
      throw damaged(path, "a line of it is no JSON");
    }
    yield row;
  }
}

/** Lines of a file's first `bytes`. Only \n ends a line: other line ends stand inside texts as they are. */
async function* lineBlocks(path: string, bytes: number): AsyncGenerator<string[]> {
  const file = await onDisk(`opening ${basename(path)}`, () => open(path));
  try {
    let rest = Buffer.alloc(0);
    for (let at = 0; at < bytes; ) {
      const block = Buffer.allocUnsafe(Math.min(READ_BYTES, bytes - at));
      const reading = `reading ${basename(path)}`;
      const { bytesRead } = await onDisk(reading, () => file.read(block, 0, block.length, at));
      if (bytesRead === 0) return;
      at += bytesRead;
      const data = Buffer.concat([rest, block.subarray(0, bytesRead)]);
      const end = data.lastIndexOf(10);
      rest = data.subarray(end + 1);
      if (end >= 0) yield data.toString("utf8", 0, end).split("\n");
    }
  } finally {
    await file.close();
  }
}
