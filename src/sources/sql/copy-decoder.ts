/** PostgreSQL's binary COPY format into columns (PostgreSQL manual: COPY, "Binary Format"). */
import type { ColumnWriter } from "../../columns/column-writers";

/** Writes the value in `bytes[start, end)` to the writer. */
export type Decoder = (from: Source, start: number, end: number, to: ColumnWriter) => void;

export interface Source {
  bytes: Buffer;
  view: DataView;
}

/** Signature of 11 bytes, flags; the length of a header extension follows. */
const HEADER_BYTES = 15;

export class CopyDecoder {
  private rest: Buffer = Buffer.alloc(0);
  private headerDone = false;
  /** The trailer was read. */
  ended = false;

  constructor(private readonly columns: readonly { decode: Decoder; to: ColumnWriter }[]) {}

  /**
   * Takes a chunk, decodes at most `most` whole rows of what it holds then.
   * @returns the number of rows
   */
  decode(chunk: Buffer | undefined, most: number): number {
    if (chunk !== undefined) this.rest = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk]);
    const bytes = this.rest;
    const from: Source = { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length) };
    let at = this.header(from.view);
    let rows = 0;
    while (rows < most && !this.ended) {
      const end = this.rowEnd(from.view, at);
      if (end < 0) break;
      if (this.ended) break;
      this.row(from, at);
      at = end;
      rows++;
    }
    this.rest = bytes.subarray(at);
    return rows;
  }

  private header(view: DataView): number {
    if (this.headerDone || view.byteLength < HEADER_BYTES + 4) return 0;
    const extension = view.getInt32(HEADER_BYTES);
    this.headerDone = true;
    return HEADER_BYTES + 4 + extension;
  }

  /** Negative: the row is not here as a whole. */
  private rowEnd(view: DataView, start: number): number {
    const end = view.byteLength;
    if (!this.headerDone || start + 2 > end) return -1;
    const fields = view.getInt16(start);
    if (fields < 0) {
      this.ended = true;
      return start;
    }
    let at = start + 2;
    for (let field = 0; field < fields; field++) {
      if (at + 4 > end) return -1;
      const size = view.getInt32(at);
      at += size < 0 ? 4 : 4 + size;
    }
    return at > end ? -1 : at;
  }

  private row(from: Source, start: number): void {
    const { columns } = this;
    let at = start + 2;
    for (let field = 0; field < columns.length; field++) {
      const { decode, to } = columns[field]!;
      const size = from.view.getInt32(at);
      at += 4;
      if (size < 0) to.writeNull();
      else {
        decode(from, at, at + size, to);
        at += size;
      }
    }
  }
}
