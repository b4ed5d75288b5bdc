/**
 * Rows of a package file as texts, for a destination that can read no files. Parquet is read by DuckDB, which is here
 * already: its reader streams, and prints 64-bit integers and decimals with every digit.
 */
import { DuckDBInstance } from "@duckdb/node-api";

/**
 * How a value is told, so that no digit and no time zone gets lost: as DuckDB prints it, as hexadecimal digits, or as a
 * whole number of days or microseconds since 1970-01-01 (UTC, or local time for a timestamp without a zone).
 */
export type Rendering = "text" | "hex" | "days" | "microseconds";

export interface RenderedColumn {
  name: string;
  as: Rendering;
}

export type TextRow = (string | null)[];

/** Rows are read one after the other; more memory would only be idle. */
const SETTINGS = {
  threads: "1",
  memory_limit: "256MB",
  preserve_insertion_order: "true",
  autoinstall_known_extensions: "false",
};

/** Reads several files, one after the other or interleaved. To be closed. */
export class RowReader implements Disposable {
  private constructor(private readonly instance: DuckDBInstance) {}

  static async open(): Promise<RowReader> {
    return new RowReader(await DuckDBInstance.create(":memory:", SETTINGS));
  }

  /**
   * Rows in the order of the file, some thousands at a time.
   * @param columns of the file, in the order of the rows' values
   * @throws the reader's error when the file is not readable
   */
  async *rows(path: string, columns: readonly RenderedColumn[]): AsyncGenerator<TextRow[]> {
    const connection = await this.instance.connect();
    try {
      const list = columns.map(({ name, as }) => rendered(`"${name.replaceAll('"', '""')}"`, as)).join(", ");
      const file = `'${path.replaceAll("'", "''")}'`;
      const result = await connection.stream(`SELECT ${list} FROM read_parquet([${file}])`);
      for (;;) {
        const chunk = await result.fetchChunk();
        if (chunk === null || chunk.rowCount === 0) return;
        yield chunk.getRows() as TextRow[];
      }
    } finally {
      connection.closeSync();
    }
  }

  [Symbol.dispose](): void {
    this.instance.closeSync();
  }
}

function rendered(name: string, as: Rendering): string {
  switch (as) {
    case "text":
      return `CAST(${name} AS VARCHAR)`;
    case "hex":
      return `hex(${name})`;
    case "days":
      return `CAST(date_diff('day', DATE '1970-01-01', ${name}) AS VARCHAR)`;
    case "microseconds":
      return `CAST(epoch_us(${name}) AS VARCHAR)`;
  }
}
