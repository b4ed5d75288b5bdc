/** Builder for text and bytes: a dictionary while values repeat, plain from then on. */
import type { Physical } from "../../schema/coerce";
import { ByteDictionary } from "./byte-dictionary";
import { ColumnBuilder } from "./column-builder";
import { type FileType, fileType, type Shape } from "./column-type";
import { writeVarint } from "./thrift";

/** Below this length a loop in JavaScript beats the call into Buffer. */
const SHORT = 48;
/** Longer texts never go into a dictionary. */
const MAX_WORD_CHARACTERS = 256;
const scratch = Buffer.allocUnsafe(MAX_WORD_CHARACTERS * 3);

export class BytesBuilder extends ColumnBuilder {
  private data = Buffer.allocUnsafe(8192);
  private used = 0;
  /** Start of each plain value, for rollback. */
  private starts = new Uint32Array(1024);
  private dictionary: ByteDictionary | undefined;
  private codes = new Uint16Array(1024);

  /** @param options.dropsNul NUL is left out of text */
  constructor(
    name: string,
    shape: Shape,
    private readonly options: { unique: boolean; dropsNul: boolean },
  ) {
    super(name, shape);
    this.dictionary = options.unique || shape.kind === "binary" ? undefined : new ByteDictionary();
  }

  override get bytes(): number {
    return this.dictionary === undefined ? this.used : this.count * 2 + this.dictionary.bytes;
  }

  /** The fast way in for text. */
  writeText(row: number, text: string): void {
    this.at(row);
    this.pushText(text);
  }

  /** The fastest way in: text that is UTF-8 already. */
  writeBytes(row: number, source: Uint8Array, from: number, to: number): void {
    this.at(row);
    if (this.dictionary === undefined) this.appendBytes(source, from, to);
    else this.lookUp(this.dictionary, source, from, to);
  }

  protected override push(value: Physical): void {
    if (typeof value === "string") this.pushText(value);
    else this.appendBytes(value as Uint8Array, 0, (value as Uint8Array).length);
  }

  private pushText(given: string): void {
    // `writeBytes` needs no such look: JSON holds NUL escaped only.
    const text = this.options.dropsNul && given.includes("\0") ? given.replaceAll("\0", "") : given;
    const { dictionary } = this;
    if (dictionary === undefined) this.appendText(text);
    else if (text.length > MAX_WORD_CHARACTERS) {
      this.spill(dictionary);
      this.appendText(text);
    } else this.lookUp(dictionary, scratch, 0, encode(text, scratch, 0));
  }

  private lookUp(dictionary: ByteDictionary, source: Uint8Array, from: number, to: number): void {
    const code = dictionary.codeOf(source, from, to, this.count);
    if (code < 0) {
      this.spill(dictionary);
      this.appendBytes(source, from, to);
      return;
    }
    if (this.count >= this.codes.length) {
      const larger = new Uint16Array(this.codes.length * 2);
      larger.set(this.codes);
      this.codes = larger;
    }
    this.codes[this.count++] = code;
  }

  /** Goes over to plain values, for this and all later row groups. */
  private spill(dictionary: ByteDictionary): void {
    const total = this.count;
    this.dictionary = undefined;
    this.count = 0;
    for (let i = 0; i < total; i++) {
      const [from, to] = dictionary.place(this.codes[i]!);
      this.appendBytes(dictionary.source, from, to);
    }
  }

  /** Makes room for one more value of at most `bytes` bytes and notes its start. */
  private begin(bytes: number): void {
    const needed = this.used + 4 + bytes;
    if (needed > this.data.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.data.length * 2));
      this.data.copy(larger, 0, 0, this.used);
      this.data = larger;
    }
    if (this.count >= this.starts.length) {
      const larger = new Uint32Array(this.starts.length * 2);
      larger.set(this.starts);
      this.starts = larger;
    }
    this.starts[this.count++] = this.used;
  }

  private appendText(text: string): void {
    this.begin(text.length * 3);
    this.close(encode(text, this.data, this.used + 4));
  }

  private appendBytes(source: Uint8Array, from: number, to: number): void {
    const length = to - from;
    this.begin(length);
    const { data } = this;
    const start = this.used + 4;
    if (length < SHORT) for (let i = 0; i < length; i++) data[start + i] = source[from + i]!;
    else data.set(source.subarray(from, to), start);
    this.close(length);
  }

  /** Writes the length of the value that stands behind it. */
  private close(size: number): void {
    const { data, used } = this;
    data[used] = size;
    data[used + 1] = size >>> 8;
    data[used + 2] = size >>> 16;
    data[used + 3] = size >>> 24;
    this.used = used + 4 + size;
  }

  protected override shrinkTo(count: number): void {
    if (this.dictionary === undefined && count < this.count) this.used = this.starts[count]!;
    if (count === 0) {
      this.used = 0;
      this.dictionary?.clear();
    }
  }

  protected override encodeValues(): {
    type: FileType;
    values: Buffer;
    dictionary?: { bytes: Buffer; count: number };
  } {
    const { dictionary } = this;
    const type = fileType(this.shape);
    if (dictionary === undefined) return { type, values: this.data.subarray(0, this.used) };
    return {
      type,
      values: packCodes(this.codes, this.count, dictionary.size),
      dictionary: { bytes: dictionary.plain, count: dictionary.size },
    };
  }
}

/** Writes a text as UTF-8; returns the number of bytes. */
function encode(text: string, to: Buffer, start: number): number {
  const { length } = text;
  if (length >= SHORT) return to.write(text, start, "utf8");
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return to.write(text, start, "utf8");
    to[start + i] = code;
  }
  return length;
}

/** Bit width, then one run: repeated when there is one word only, else bit-packed. */
function packCodes(codes: Uint16Array, count: number, words: number): Buffer {
  const width = Math.max(1, 32 - Math.clz32(Math.max(words - 1, 0)));
  const header: number[] = [width];
  if (words <= 1) {
    writeVarint(header, count * 2);
    header.push(0);
    return Buffer.from(header);
  }
  const groups = Math.ceil(count / 8);
  writeVarint(header, groups * 2 + 1);
  const out = Buffer.alloc(header.length + groups * width);
  out.set(header);
  let at = header.length;
  let bits = 0;
  let held = 0;
  for (let i = 0; i < count; i++) {
    held |= codes[i]! << bits;
    bits += width;
    while (bits >= 8) {
      out[at++] = held & 255;
      held >>>= 8;
      bits -= 8;
    }
  }
  if (bits > 0) out[at] = held & 255;
  return out;
}
