/** Growing buffers, one per column of a page under way. Every row calls exactly one of the methods. */
import type { ColumnKind, PageColumn } from "./column-page";

const FIRST_BYTES = 64 * 1024;

export class ColumnWriter {
  protected bytes = Buffer.allocUnsafe(FIRST_BYTES);
  protected view = viewOf(this.bytes);
  protected used = 0;
  protected count = 0;
  private rows = 0;
  /** Made at the first null. */
  private present: Uint8Array | undefined;

  constructor(
    readonly name: string,
    readonly type: ColumnKind,
  ) {}

  get size(): number {
    return this.used;
  }

  writeNull(): void {
    if (this.present === undefined) {
      this.present = new Uint8Array(Math.max(1024, this.rows * 2));
      this.present.fill(1, 0, this.rows);
    }
    this.mark(0);
  }

  /** A 64-bit value in two halves. */
  writeHalves(high: number, low: number): void {
    this.room(8);
    this.view.setInt32(this.used, low, true);
    this.view.setInt32(this.used + 4, high, true);
    this.used += 8;
    this.mark(1);
  }

  /** @param value a safe integer */
  writeInteger(value: number): void {
    // setInt32 keeps the low 32 bits of whatever it is given
    this.writeHalves(Math.floor(value / 4294967296), value);
  }

  writeDouble(value: number): void {
    this.room(8);
    this.view.setFloat64(this.used, value, true);
    this.used += 8;
    this.mark(1);
  }

  writeDays(value: number): void {
    this.room(4);
    this.view.setInt32(this.used, value, true);
    this.used += 4;
    this.mark(1);
  }

  writeBool(value: boolean): void {
    const at = this.count >> 3;
    if ((this.count & 7) === 0) {
      this.room(1);
      this.bytes[at] = 0;
      this.used = at + 1;
    }
    if (value) this.bytes[at]! |= 1 << (this.count & 7);
    this.mark(1);
  }

  /** An unscaled decimal that is a safe integer. */
  writeSmallDecimal(value: number): void {
    this.room(16);
    const high = value < 0 ? -1 : 0;
    this.view.setInt32(this.used, high);
    this.view.setInt32(this.used + 4, high);
    this.view.setInt32(this.used + 8, Math.floor(value / 4294967296));
    this.view.setUint32(this.used + 12, value);
    this.used += 16;
    this.mark(1);
  }

  writeDecimal(value: bigint): void {
    this.room(16);
    this.view.setBigInt64(this.used, value >> 64n);
    this.view.setBigUint64(this.used + 8, BigInt.asUintN(64, value));
    this.used += 16;
    this.mark(1);
  }

  /** Bytes of another buffer, behind their length. */
  writeBytes(from: Uint8Array, start: number, end: number): void {
    const size = end - start;
    this.room(size + 4);
    const { bytes } = this;
    let to = this.used;
    this.view.setUint32(to, size, true);
    to += 4;
    // a call into the copy of typed arrays costs more than copying a few dozen bytes
    if (size < 40) for (let i = start; i < end; i++) bytes[to++] = from[i]!;
    else bytes.set(from.subarray(start, end), to);
    this.used += size + 4;
    this.mark(1);
  }

  writeText(text: string): void {
    this.room(text.length * 3 + 4);
    const size = this.bytes.write(text, this.used + 4, "utf8");
    this.view.setUint32(this.used, size, true);
    this.used += size + 4;
    this.mark(1);
  }

  /** The column so far; the writer begins anew with buffers of its own. */
  take(): PageColumn {
    const column: PageColumn = {
      name: this.name,
      type: this.type,
      present: this.present?.subarray(0, this.rows),
      count: this.count,
      data: this.bytes.subarray(0, this.used),
    };
    this.bytes = Buffer.allocUnsafeSlow(Math.max(FIRST_BYTES, this.used + (this.used >> 3)));
    this.view = viewOf(this.bytes);
    this.used = 0;
    this.count = 0;
    this.rows = 0;
    this.present = undefined;
    return column;
  }

  private mark(present: 0 | 1): void {
    if (this.present !== undefined) {
      if (this.rows >= this.present.length) {
        const larger = new Uint8Array(this.present.length * 2);
        larger.set(this.present);
        this.present = larger;
      }
      this.present[this.rows] = present;
    }
    this.rows++;
    this.count += present;
  }

  private room(bytes: number): void {
    const needed = this.used + bytes;
    if (needed <= this.bytes.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.bytes.length * 2));
    this.bytes.copy(larger, 0, 0, this.used);
    this.bytes = larger;
    this.view = viewOf(larger);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
