/**
 * Rows of one table on their way into files: builders for its columns, row groups, files that roll over by size.
 * A row group is written between documents only, so that a document can be taken back as a whole.
 */
import { copyFile, link, rm } from "node:fs/promises";
import { join } from "node:path";
import type { PackageFile } from "../destinations/destination";
import { safeName } from "../package/safe-name";
import type { StoredColumn } from "../schema/types";
import { builderFor } from "./parquet/builders";
import type { ColumnBuilder } from "./parquet/column-builder";
import type { ValueStyle } from "./parquet/column-type";
import { type NamedColumn, ParquetFile } from "./parquet/parquet-file";
import type { NormalizeCapabilities, NormalizeLimits } from "./types";

/** Values in memory per table before a row group is written. */
const GROUP_BYTES = 8 * 1024 * 1024;
/** DuckDB's own row group; more rows only cost memory. */
const GROUP_ROWS = 122_880;
/** Estimating the size walks over the columns: only every so many rows. */
const CHECK_EVERY = 256;

export class TableSink {
  /** Rows collected for the next row group; the number of the next row. */
  rows = 0;
  /** Rows handed over so far, written and collected. */
  private flushed = 0;
  private readonly builders = new Map<string, ColumnBuilder>();
  private file: { writer: ParquetFile; columns: string[]; types: string; rows: number } | undefined;
  private readonly done: PackageFile[] = [];
  private checkAt = CHECK_EVERY;
  /** Number of the document that wrote here last, and the row it began with. */
  document = -1;
  documentRow = 0;

  constructor(
    readonly table: string,
    /** Asked when the table has columns. */
    private readonly style: () => ValueStyle,
    private readonly place: { out_dir: string; limits: NormalizeLimits; capabilities: NormalizeCapabilities },
  ) {}

  get total(): number {
    return this.flushed + this.rows;
  }

  get files(): readonly PackageFile[] {
    return this.done;
  }

  builder(column: StoredColumn): ColumnBuilder {
    let builder = this.builders.get(column.name);
    if (builder === undefined) {
      builder = builderFor(column, this.place.capabilities, this.style());
      this.builders.set(column.name, builder);
    }
    return builder;
  }

  /** Takes back all rows of the current document. */
  rollback(): void {
    for (const builder of this.builders.values()) builder.rollback(this.documentRow);
    this.rows = this.documentRow;
  }

  /** True when a row group should be written; call between documents. */
  get isFull(): boolean {
    const { limits } = this.place;
    if (this.rows >= GROUP_ROWS || this.rows + (this.file?.rows ?? 0) >= limits.rows_per_file)
      return this.rows > 0;
    if (this.rows < this.checkAt) return false;
    this.checkAt = this.rows + CHECK_EVERY;
    return this.bytes() >= Math.min(GROUP_BYTES, limits.bytes_per_file);
  }

  private bytes(): number {
    let sum = 0;
    for (const builder of this.builders.values()) sum += builder.bytes;
    return sum;
  }

  /** Writes the collected rows; begins a new file when columns or types differ from those of the open one. */
  async flush(): Promise<void> {
    if (this.rows === 0) return;
    const { rows } = this;
    const known = new Set(this.file?.columns ?? []);
    const names = [...this.builders.values()].filter(b => known.has(b.name) || !b.isEmpty).map(b => b.name);
    const columns = names.map(name => ({ name, encoded: this.builders.get(name)!.take(rows) }));
    this.rows = 0;
    this.documentRow = 0;
    this.checkAt = CHECK_EVERY;
    await this.writeGroup(columns, rows);
  }

  /** Writes rows that are encoded already; what was collected before must be flushed. */
  async writeGroup(columns: NamedColumn[], rows: number): Promise<void> {
    const types = JSON.stringify(columns.map(({ name, encoded }) => [name, encoded.type]));
    if (this.file !== undefined && this.file.types !== types) await this.close();
    if (this.file === undefined) {
      const name = `${safeName(this.table)}.${String(this.done.length).padStart(5, "0")}.parquet`;
      this.file = {
        writer: await ParquetFile.create(join(this.place.out_dir, name)),
        columns: columns.map(column => column.name),
        types,
        rows: 0,
      };
    }
    await this.file.writer.writeGroup(columns, rows);
    this.file.rows += rows;
    this.flushed += rows;
    const { limits } = this.place;
    if (this.file.rows >= limits.rows_per_file || this.file.writer.size >= limits.bytes_per_file)
      await this.close();
  }

  /** Takes over a parquet file as it is. What was collected before must be flushed. */
  async adopt(path: string, file: { rows: number; bytes: number; columns: string[] }): Promise<void> {
    await this.close();
    const name = `${safeName(this.table)}.${String(this.done.length).padStart(5, "0")}.parquet`;
    const own = join(this.place.out_dir, name);
    await rm(own, { force: true });
    // The same bytes under another name; a disk without links gets a copy.
    await link(path, own).catch(() => copyFile(path, own));
    this.done.push({ table: this.table, path: own, ...file });
    this.flushed += file.rows;
  }

  /** Completes the open file, if there is one. */
  async close(): Promise<void> {
    if (this.file === undefined) return;
    const { writer, columns, rows } = this.file;
    await writer.finish();
    // Not before: a file that could not be finished is closed by `abandon`.
    this.file = undefined;
    this.done.push({ table: this.table, path: writer.path, rows, bytes: writer.size, columns });
  }

  /** Gives up after a failure: no file handle stays open. */
  async abandon(): Promise<void> {
    await this.file?.writer.abandon();
    this.file = undefined;
  }
}
