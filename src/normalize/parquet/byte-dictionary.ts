/** Words of a column, each once, in Parquet's PLAIN layout: UTF-8 behind a length of four bytes. */

/** A dictionary larger than this pays no more. Measured: at 4,096 lookups stay below the cost of copying. */
const MAX_WORDS = 4096;
/** From this size on a dictionary must pay: at most three words in four values. */
const MIN_WORDS = 64;
const MAX_WORD_BYTES = 256;
const FNV_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

export class ByteDictionary {
  size = 0;
  private words = Buffer.allocUnsafe(1024);
  private used = 0;
  /** Where each word's length stands in `words`. */
  private starts = new Uint32Array(64);
  /** Open addressing: code + 1, 0 for free. Always at least twice as many as words. */
  private slots = new Uint16Array(128);

  /** Bytes of all words with their lengths. */
  get bytes(): number {
    return this.used;
  }

  /**
   * The word's number, new or old; -1: it is not taken in, the column should go over to plain values.
   * @param values how many values the column has so far
   */
  codeOf(source: Uint8Array, from: number, to: number, values: number): number {
    let hash = FNV_BASIS;
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ source[i]!, FNV_PRIME);
    const mask = this.slots.length - 1;
    // The upper bits of this hash are better mixed than the lower ones.
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (;;) {
      const code = this.slots[slot]! - 1;
      if (code < 0) break;
      if (this.isWord(code, source, from, to)) return code;
      slot = (slot + 1) & mask;
    }
    const rare = this.size >= MIN_WORDS && this.size * 4 > values * 3;
    if (rare || this.size >= MAX_WORDS || to - from > MAX_WORD_BYTES) return -1;
    this.slots[slot] = this.size + 1;
    this.add(source, from, to);
    if (this.size * 2 > this.slots.length) this.rehash();
    return this.size - 1;
  }

  private isWord(code: number, source: Uint8Array, from: number, to: number): boolean {
    const { words } = this;
    const start = this.starts[code]!;
    const length = to - from;
    if (words[start] !== (length & 255) || words[start + 1] !== length >>> 8) return false;
    for (let i = 0; i < length; i++) if (words[start + 4 + i] !== source[from + i]) return false;
    return true;
  }

  private add(source: Uint8Array, from: number, to: number): void {
    const length = to - from;
    if (this.used + 4 + length > this.words.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.words.length * 2, this.used + 4 + length));
      this.words.copy(larger, 0, 0, this.used);
      this.words = larger;
    }
    if (this.size >= this.starts.length) {
      const larger = new Uint32Array(this.starts.length * 2);
      larger.set(this.starts);
      this.starts = larger;
    }
    this.starts[this.size++] = this.used;
    this.words.writeUInt32LE(length, this.used);
    for (let i = 0; i < length; i++) this.words[this.used + 4 + i] = source[from + i]!;
    this.used += 4 + length;
  }

  private rehash(): void {
    const slots = new Uint16Array(this.slots.length * 2);
    const mask = slots.length - 1;
    for (let code = 0; code < this.size; code++) {
      const [from, to] = this.place(code);
      let hash = FNV_BASIS;
      for (let i = from; i < to; i++) hash = Math.imul(hash ^ this.words[i]!, FNV_PRIME);
      let slot = (hash ^ (hash >>> 15)) & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = code + 1;
    }
    this.slots = slots;
  }

  /** Bounds of a word's bytes in `source`. */
  place(code: number): [from: number, to: number] {
    const start = this.starts[code]!;
    return [start + 4, start + 4 + this.words.readUInt32LE(start)];
  }

  /** The buffer that `place` speaks of; valid until the next word comes. */
  get source(): Uint8Array {
    return this.words;
  }

  /** All words as they go into a file; valid until the next word comes. */
  get plain(): Buffer {
    return this.words.subarray(0, this.used);
  }

  clear(): void {
    this.size = 0;
    this.used = 0;
    this.slots.fill(0);
  }
}
