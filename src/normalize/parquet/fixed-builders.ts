/** Builders for values of fixed width. */
import type { Physical } from "../../schema/coerce";
import { decimalParts } from "../../schema/coerce";
import { ColumnBuilder } from "./column-builder";
import { decimalType, type FileType, fileType, type Shape, TEXT, type ValueStyle } from "./column-type";

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_DECIMAL = 10n ** 38n;

/** Integers, timestamps, times: 64 bits. An integer beyond them turns the column of this row group wider. */
export class Int64Builder extends ColumnBuilder {
  private words = new Int32Array(2048);
  /** Values beyond 64 bits by position. */
  private wide = new Map<number, bigint>();

  override get bytes(): number {
    return this.count * 8;
  }

  /** The fast way in for safe integers. */
  writeNumber(row: number, value: number): void {
    this.at(row);
    const at = this.room();
    this.words[at] = value;
    // A shift would cut to 32 bits; the quotient keeps the sign.
    this.words[at + 1] = Math.floor(value / 4294967296);
    this.count++;
  }

  protected override push(value: Physical): void {
    const at = this.room();
    const integer = typeof value === "bigint" ? value : BigInt(value as number);
    if (integer < MIN_INT64 || integer > MAX_INT64) this.wide.set(this.count, integer);
    this.words[at] = Number(integer & 0xffffffffn);
    this.words[at + 1] = Number((integer >> 32n) & 0xffffffffn);
    this.count++;
  }

  private room(): number {
    const at = this.count * 2;
    if (at >= this.words.length) {
      const larger = new Int32Array(this.words.length * 2);
      larger.set(this.words);
      this.words = larger;
    }
    return at;
  }

  protected override shrinkTo(count: number): void {
    for (const position of this.wide.keys()) if (position >= count) this.wide.delete(position);
  }

  protected override encodeValues(): { type: FileType; values: Buffer } {
    if (this.wide.size > 0) return wideIntegers(this.all());
    return this.plain(Buffer.from(this.words.buffer, 0, this.count * 8));
  }

  private all(): bigint[] {
    const view = new BigInt64Array(this.words.buffer, 0, this.count);
    return Array.from(view, (value, position) => this.wide.get(position) ?? value);
  }
}

/** dlt fails in the load step for them: the file carries them, the destination refuses them. */
function wideIntegers(values: bigint[]): { type: FileType; values: Buffer } {
  const fits = values.every(value => value > -MAX_DECIMAL && value < MAX_DECIMAL);
  return fits
    ? { type: decimalType(38, 0), values: fixed16(values) }
    : { type: TEXT, values: texts(values.map(String)) };
}

function fixed16(values: bigint[]): Buffer {
  const out = Buffer.alloc(values.length * 16);
  values.forEach((value, i) => {
    out.writeBigInt64BE(value >> 64n, i * 16);
    out.writeBigUInt64BE(BigInt.asUintN(64, value), i * 16 + 8);
  });
  return out;
}

function texts(values: string[]): Buffer {
  const parts: Buffer[] = [];
  for (const value of values) {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    parts.push(length, bytes);
  }
  return Buffer.concat(parts);
}

/** Stands for NaN and infinities in a file of literals. dlt fails in the load step for them, and so must the destination. */
const NO_LITERAL = "no number";

export class DoubleBuilder extends ColumnBuilder {
  private values = new Float64Array(1024);
  /** Whether NaN or an infinity may be among the values. */
  private odd = false;

  constructor(
    name: string,
    shape: Shape,
    private readonly style: ValueStyle,
  ) {
    super(name, shape);
  }

  override get bytes(): number {
    return this.count * 8;
  }

  writeNumber(row: number, value: number): void {
    this.at(row);
    this.add(value);
  }

  override write(row: number, value: Physical): void {
    if (this.style === "json" && !Number.isFinite(value)) return;
    super.write(row, value);
  }

  protected override push(value: Physical): void {
    this.add(value as number);
  }

  private add(value: number): void {
    if (this.count >= this.values.length) {
      const larger = new Float64Array(this.values.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.odd ||= value - value !== 0;
    // Minus zero becomes zero.
    this.values[this.count++] = this.style === "literals" ? value + 0 : value;
  }

  protected override shrinkTo(count: number): void {
    if (this.odd) this.odd = this.values.subarray(0, count).some(value => !Number.isFinite(value));
  }

  protected override encodeValues(): { type: FileType; values: Buffer } {
    if (this.odd && this.style === "literals") {
      const values = Array.from(this.values.subarray(0, this.count), double =>
        Number.isFinite(double) ? String(double) : NO_LITERAL,
      );
      return { type: TEXT, values: texts(values) };
    }
    return this.plain(Buffer.from(this.values.buffer, 0, this.count * 8));
  }
}

export class DateBuilder extends ColumnBuilder {
  private values = new Int32Array(1024);

  override get bytes(): number {
    return this.count * 4;
  }

  protected override push(value: Physical): void {
    if (this.count >= this.values.length) {
      const larger = new Int32Array(this.values.length * 2);
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.count++] = value as number;
  }

  protected override shrinkTo(): void {}

  protected override encodeValues(): { type: FileType; values: Buffer } {
    return this.plain(Buffer.from(this.values.buffer, 0, this.count * 4));
  }
}

export class BoolBuilder extends ColumnBuilder {
  private values: boolean[] = [];

  override get bytes(): number {
    return this.count;
  }

  protected override push(value: Physical): void {
    this.values[this.count++] = value as boolean;
  }

  protected override shrinkTo(count: number): void {
    this.values.length = count;
  }

  protected override encodeValues(): { type: FileType; values: Buffer } {
    const bits = Buffer.alloc(Math.ceil(this.count / 8));
    for (let i = 0; i < this.count; i++) if (this.values[i]) bits[i >> 3]! |= 1 << (i & 7);
    return this.plain(bits);
  }
}

/** Decimals at the column's scale, rounded half away from zero as databases do with decimal text. */
export class DecimalBuilder extends ColumnBuilder {
  private readonly scale: number;
  private readonly limit: bigint;
  /** Unscaled; text for what does not fit, which turns the row group's column into text. */
  private values: (bigint | string)[] = [];

  constructor(name: string, shape: Shape & { kind: "decimal" }) {
    super(name, shape);
    this.scale = shape.scale;
    this.limit = 10n ** BigInt(shape.precision);
  }

  override get bytes(): number {
    return this.count * 16;
  }

  protected override push(value: Physical): void {
    const unscaled = this.unscaled(value as string);
    const fits = unscaled !== undefined && unscaled < this.limit && unscaled > -this.limit;
    this.values[this.count++] = fits ? unscaled : (value as string);
  }

  private unscaled(text: string): bigint | undefined {
    const parts = decimalParts(text);
    if (parts === undefined) return undefined;
    const shift = parts.exponent + this.scale;
    if (shift > 100) return parts.digits === 0n ? 0n : undefined;
    let size: bigint;
    if (shift >= 0) size = parts.digits * 10n ** BigInt(shift);
    else if (-shift > 10_000) size = 0n;
    else {
      const divisor = 10n ** BigInt(-shift);
      size = (parts.digits * 2n + divisor) / (divisor * 2n);
    }
    return parts.negative ? -size : size;
  }

  protected override shrinkTo(count: number): void {
    this.values.length = count;
  }

  protected override encodeValues(): { type: FileType; values: Buffer } {
    const numbers = this.values.filter(value => typeof value === "bigint");
    if (numbers.length === this.values.length)
      return { type: fileType(this.shape), values: fixed16(numbers) };
    return { type: TEXT, values: texts(this.values.map(value => this.toText(value))) };
  }

  private toText(value: bigint | string): string {
    return typeof value === "string" ? value : `${value}e-${this.scale}`;
  }
}
