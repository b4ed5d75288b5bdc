/** dlt's digests. All base64 uses the standard alphabet. */
import { createHash } from "node:crypto";
import { createKeccak, INPUT, type Keccak, STATE } from "./keccak-wasm";

/** dlt: digest128 with 10 bytes; 14 characters. */
export function rowDigest(text: string): string {
  return createHash("shake128", { outputLength: 10 }).update(text, "utf8").digest("base64").slice(0, 14);
}

const RATE = 168;
const SHAKE_PADDING = 0x1f;
const UNDERSCORE = 95;
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64 = Uint8Array.from(ALPHABET, character => character.charCodeAt(0));

let keccak: Keccak | undefined;

/** dlt: get_nested_row_hash, `rowDigest` of parent id, child table and position joined by `_`. */
export function nestedRowId(parentId: string, table: string, position: number): string {
  const index = String(position);
  const length = parentId.length + table.length + index.length + 2;
  if (length >= RATE - 1) return rowDigest(`${parentId}_${table}_${index}`);
  keccak ??= createKeccak();
  const { memory } = keccak;
  let at = putAscii(memory, INPUT, parentId);
  if (at > 0) {
    memory[at] = UNDERSCORE;
    at = putAscii(memory, at + 1, table);
  }
  if (at < 0) return rowDigest(`${parentId}_${table}_${index}`);
  memory[at] = UNDERSCORE;
  at = putAscii(memory, at + 1, index);
  memory[at] = SHAKE_PADDING;
  memory.fill(0, at + 1, INPUT + RATE);
  memory[INPUT + RATE - 1] = 0x80;
  keccak.permute();
  return firstTenBytes(memory);
}

/** Returns the place after the text; -1 when it is not ASCII. */
function putAscii(memory: Uint8Array, start: number, text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return -1;
    memory[start + i] = code;
  }
  return start + text.length;
}

function firstTenBytes(m: Uint8Array): string {
  const b = BASE64;
  const [m0, m1, m2, m3, m4] = [m[STATE]!, m[STATE + 1]!, m[STATE + 2]!, m[STATE + 3]!, m[STATE + 4]!];
  const [m5, m6, m7, m8, m9] = [m[STATE + 5]!, m[STATE + 6]!, m[STATE + 7]!, m[STATE + 8]!, m[STATE + 9]!];
  return String.fromCharCode(
    b[m0 >> 2]!,
    b[((m0 & 3) << 4) | (m1 >> 4)]!,
    b[((m1 & 15) << 2) | (m2 >> 6)]!,
    b[m2 & 63]!,
    b[m3 >> 2]!,
    b[((m3 & 3) << 4) | (m4 >> 4)]!,
    b[((m4 & 15) << 2) | (m5 >> 6)]!,
    b[m5 & 63]!,
    b[m6 >> 2]!,
    b[((m6 & 3) << 4) | (m7 >> 4)]!,
    b[((m7 & 15) << 2) | (m8 >> 6)]!,
    b[m8 & 63]!,
    b[m9 >> 2]!,
    b[(m9 & 3) << 4]!,
  );
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
