/** Builder for text and bytes: a dictionary while values repeat, plain from then on. */
import type { Physical } from "../../schema/coerce";
import { ColumnBuilder } from "./column-builder";
import { type FileType, fileType, type Shape } from "./column-type";
import { writeVarint } from "./thrift";

/** A dictionary larger than this pays no more. Measured: at 4,096 lookups stay below the cost of copying. */
const MAX_DICTIONARY = 4096;
/** From this size on a dictionary must pay: at most three words in four values. */
const MIN_DICTIONARY = 64;
/** Below this length a loop in JavaScript beats the call into Buffer.write. */
const SHORT = 32;

export class BytesBuilder extends ColumnBuilder {
  private data = Buffer.allocUnsafe(8192);
  private used = 0;
  /** Start of each plain value, for rollback. */
  private starts = new Uint32Array(1024);
  private dictionary: Map<string, number> | undefined;
  private codes = new Uint16Array(1024);

  constructor(name: string, shape: Shape, unique: boolean) {
    super(name, shape);
    this.dictionary = unique || shape.kind === "binary" ? undefined : new Map();
  }

  override get bytes(): number {
    return this.dictionary === undefined ? this.used : this.count * 2 + this.dictionary.size * 32;
  }

  /** The fast way in for text. */
  writeText(row: number, text: string): void {
    this.at(row);
    if (this.dictionary === undefined) this.append(text);
    else this.lookUp(text, this.dictionary);
  }

  protected override push(value: Physical): void {
    if (typeof value === "string") {
      if (this.dictionary === undefined) this.append(value);
      else this.lookUp(value, this.dictionary);
      return;
    }
    const bytes = value as Uint8Array;
    this.begin(bytes.length);
    this.data.writeUInt32LE(bytes.length, this.used);
    this.data.set(bytes, this.used + 4);
    this.used += 4 + bytes.length;
  }

  private lookUp(text: string, dictionary: Map<string, number>): void {
    let code = dictionary.get(text);
    if (code === undefined) {
      const rare = dictionary.size >= MIN_DICTIONARY && dictionary.size * 4 > this.count * 3;
      if (rare || dictionary.size >= MAX_DICTIONARY || text.length > 256) {
        this.spill(dictionary);
        this.append(text);
        return;
      }
      code = dictionary.size;
      dictionary.set(text, code);
    }
    if (this.count >= this.codes.length) {
      const larger = new Uint16Array(this.codes.length * 2);
      larger.set(this.codes);
      this.codes = larger;
    }
    this.codes[this.count++] = code;
  }

  /** Goes over to plain values, for this and all later row groups. */
  private spill(dictionary: Map<string, number>): void {
    const words = [...dictionary.keys()];
    const total = this.count;
    this.dictionary = undefined;
    this.count = 0;
    for (let i = 0; i < total; i++) this.append(words[this.codes[i]!]!);
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

  private append(text: string): void {
    const length = text.length;
    this.begin(length * 3);
    const { data } = this;
    const start = this.used + 4;
    let size = length;
    if (length < SHORT) {
      let i = 0;
      for (; i < length; i++) {
        const code = text.charCodeAt(i);
        if (code > 127) break;
        data[start + i] = code;
      }
      if (i < length) size = data.write(text, start, "utf8");
    } else size = data.write(text, start, "utf8");
    data[start - 4] = size;
    data[start - 3] = size >>> 8;
    data[start - 2] = size >>> 16;
    data[start - 1] = size >>> 24;
    this.used = start + size;
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
    if (dictionary === undefined) return { type, values: Buffer.from(this.data.subarray(0, this.used)) };
    const codes = packCodes(this.codes, this.count, dictionary.size);
    const words = [...dictionary.keys()];
    this.dictionary = undefined;
    const [count, used] = [this.count, this.used];
    this.count = 0;
    this.used = 0;
    for (const word of words) this.append(word);
    const bytes = Buffer.from(this.data.subarray(0, this.used));
    this.dictionary = dictionary;
    this.count = count;
    this.used = used;
    return { type, values: codes, dictionary: { bytes, count: words.length } };
  }
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
