/** dlt's digests. All base64 uses the standard alphabet. */
import { createHash } from "node:crypto";
import * as wasm from "./keccak-wasm";

/** dlt: digest128 with 10 bytes; 14 characters. */
export function rowDigest(text: string): string {
  return createHash("shake128", { outputLength: 10 }).update(text, "utf8").digest("base64").slice(0, 14);
}

// Taken once: the loader makes every use of an import a call of a getter.
const { INPUT, STATE, createKeccak } = wasm;
const RATE = 168;
const SHAKE_PADDING = 0x1f;
const LAST_PADDING = 0x80;
const ZERO = 48;
/** Longest position in a list, in digits. */
const MAX_DIGITS = 10;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64 = Uint8Array.from(ALPHABET, character => character.charCodeAt(0));
/** Bytes of a row id. */
export const ROW_ID_LENGTH = 14;

let keccak: wasm.Keccak | undefined;
/** Whose parent and table stand in the block that is hashed. */
let prepared: NestedRowIds | undefined;

/**
 * dlt: get_nested_row_hash, `rowDigest` of parent id, child table and position joined by `_`, for the rows of one
 * list after another. Ids are ASCII bytes on both sides: making texts of them costs as much as the hash.
 */
export class NestedRowIds {
  private readonly infix: Buffer;
  /** Bytes of parent and table. */
  private readonly prefix: number;
  private parent = 0;

  /** @param ids where the ids of parents stand and those of children go, `ROW_ID_LENGTH` bytes each */
  constructor(
    table: string,
    private readonly ids: Buffer,
  ) {
    this.infix = Buffer.from(`_${table}_`);
    this.prefix = ROW_ID_LENGTH + this.infix.length;
  }

  /** Begins a list of the row whose id stands at `parent`. */
  begin(parent: number): void {
    this.parent = parent;
    prepared = undefined;
  }

  /** Writes the id of the row at this position to `to`; positions of a list ascend. */
  write(position: number, to: number): void {
    if (this.prefix + MAX_DIGITS >= RATE - 1) {
      const parent = this.ids.toString("latin1", this.parent, this.parent + ROW_ID_LENGTH);
      this.ids.write(rowDigest(`${parent}${this.infix.toString()}${position}`), to, "latin1");
      return;
    }
    keccak ??= createKeccak();
    const { memory } = keccak;
    if (prepared !== this) this.prepare(memory);
    const start = INPUT + this.prefix;
    let digits = 1;
    for (let rest = position; rest >= 10; rest = Math.floor(rest / 10)) digits++;
    let rest = position;
    for (let i = digits - 1; i >= 0; i--) {
      memory[start + i] = ZERO + (rest % 10);
      rest = Math.floor(rest / 10);
    }
    memory[start + digits] = SHAKE_PADDING;
    keccak.permute();
    writeId(memory, this.ids, to);
  }

  private prepare(memory: Uint8Array): void {
    const { infix, ids, parent } = this;
    for (let i = 0; i < ROW_ID_LENGTH; i++) memory[INPUT + i] = ids[parent + i]!;
    for (let i = 0; i < infix.length; i++) memory[INPUT + ROW_ID_LENGTH + i] = infix[i]!;
    memory.fill(0, INPUT + this.prefix, INPUT + RATE);
    memory[INPUT + RATE - 1] = LAST_PADDING;
    prepared = this;
  }
}

/** Ten bytes of the state as base64, padding left off. */
function writeId(memory: Uint8Array, out: Uint8Array, to: number): void {
  let at = to;
  let i = STATE;
  for (; i < STATE + 9; i += 3) {
    const three = (memory[i]! << 16) | (memory[i + 1]! << 8) | memory[i + 2]!;
    out[at++] = BASE64[three >> 18]!;
    out[at++] = BASE64[(three >> 12) & 63]!;
    out[at++] = BASE64[(three >> 6) & 63]!;
    out[at++] = BASE64[three & 63]!;
  }
  out[at++] = BASE64[memory[i]! >> 2]!;
  out[at] = BASE64[(memory[i]! & 3) << 4]!;
}

/** dlt: the tag that makes a shortened name unique; 6 characters (NamingConvention._compute_tag). */
export function nameTag(original: string): string {
  return createHash("shake128", { outputLength: 4 })
    .update(original, "utf8")
    .digest("base64")
    .slice(0, 6)
    .replace(/\//g, "a")
    .replace(/\+/g, "b")
    .toLowerCase();
}

/** sha3-256 over the parts one after the other, base64 with padding. */
export function sha3Base64(parts: Iterable<string>): string {
  const hash = createHash("sha3-256");
  for (const part of parts) hash.update(part, "utf8");
  return hash.digest("base64");
}
