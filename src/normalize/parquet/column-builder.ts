/**
 * Values of one column, collected until a row group is written. Builders live as long as the table; `take` hands
 * out the encoded column and starts anew. Rows are numbered within the row group; a row without a call is null.
 */
import type { Physical } from "../../schema/coerce";
import { type FileType, fileType, type Shape } from "./column-type";
import { writeVarint } from "./thrift";

export interface EncodedColumn {
  type: FileType;
  rows: number;
  /** PLAIN-encoded dictionary, when the values are indexes into it. */
  dictionary?: { bytes: Buffer; count: number };
  /** Definition levels and values of the one data page. */
  page: Buffer[];
}

export abstract class ColumnBuilder {
  /** Values written, nulls not counted. */
  protected count = 0;
  private present = new Uint8Array(1024);
  /** Row after the last one with a value. */
  private end = 0;

  constructor(
    readonly name: string,
    readonly shape: Shape,
  ) {}

  /** Approximate size of what is collected. */
  abstract get bytes(): number;
  /** Adds a value; every row at most once, rows ascending. */
  protected abstract push(value: Physical): void;
  protected abstract shrinkTo(count: number): void;
  protected abstract encodeValues(): {
    type: FileType;
    values: Buffer;
    dictionary?: { bytes: Buffer; count: number };
  };

  get isEmpty(): boolean {
    return this.count === 0;
  }

  write(row: number, value: Physical): void {
    this.at(row);
    this.push(value);
  }

  /** Marks the row as present; the caller adds the value. */
  protected at(row: number): void {
    if (row >= this.present.length) {
      const larger = new Uint8Array(Math.max(row + 1, this.present.length * 2));
      larger.set(this.present);
      this.present = larger;
    }
    this.present[row] = 1;
    this.end = row + 1;
  }

  /** Forgets everything from `row` on. */
  rollback(row: number): void {
    let values = 0;
    for (let i = row; i < this.end; i++) {
      values += this.present[i]!;
      this.present[i] = 0;
    }
    if (values > 0) this.shrinkTo(this.count - values);
    this.count -= values;
    if (this.end > row) this.end = row;
  }

  /**
   * Encodes the rows collected so far, `rows` in all, and empties the builder. What comes out is the builder's own
   * memory: it must be written before the next row comes.
   */
  take(rows: number): EncodedColumn {
    const levels = definitionLevels(this.present, this.count, rows);
    const { type, values, dictionary } = this.encodeValues();
    this.present.fill(0, 0, this.end);
    this.shrinkTo(0);
    this.count = 0;
    this.end = 0;
    return { type, rows, dictionary, page: [...levels, values] };
  }

  protected plain(values: Buffer): { type: FileType; values: Buffer } {
    return { type: fileType(this.shape), values };
  }
}

/**
 * Which rows have a value, in Parquet's encoding: its length, then runs.
 * @param present one byte per row; rows beyond its end have no value
 * @param count rows with a value
 */
export function definitionLevels(present: Uint8Array | undefined, count: number, rows: number): Buffer[] {
  const header: number[] = [];
  let levels: Buffer;
  if (present === undefined || count === rows || count === 0) {
    writeVarint(header, rows * 2);
    header.push(count === 0 ? 0 : 1);
    levels = Buffer.from(header);
  } else {
    const groups = Math.ceil(rows / 8);
    writeVarint(header, groups * 2 + 1);
    levels = Buffer.alloc(header.length + groups);
    levels.set(header);
    const end = Math.min(rows, present.length);
    for (let row = 0; row < end; row++) {
      if (present[row] === 1) levels[header.length + (row >> 3)]! |= 1 << (row & 7);
    }
  }
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32LE(levels.length);
  return [prefix, levels];
}
