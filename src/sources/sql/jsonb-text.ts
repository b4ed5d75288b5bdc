/**
 * The text of a jsonb value as dlt stores it. PostgreSQL prints one blank behind every comma and colon and is compact
 * else, so that most texts only lose those blanks; numbers that the two print differently take the long way.
 */
import { parseJson } from "../../json/parse";
import { orjsonText } from "../../json/print";
import { encodeLine } from "../../json/typed-json";
import type { Value } from "../../json/values";

const BLANK = 32;
const QUOTE = 34;
const MINUS = 45;
const BACKSLASH = 92;
/** Integers of more digits may be beyond what a double holds. */
const PLAIN_DIGITS = 15;

let scratch = Buffer.allocUnsafe(4096);

/** Bytes are valid until the next call. */
export function jsonbText(bytes: Buffer, start: number, end: number): Buffer | string {
  return compacted(bytes, start, end) ?? storableJson(parseJson(bytes.toString("utf8", start, end)));
}

/** @throws TidemarkError INTEGER_TOO_LARGE, ROW_NOT_STORABLE: what rows of JSON lines cannot carry, no row may hold */
export function storableJson(value: Value): string {
  encodeLine({ value });
  return orjsonText(value);
}

function compacted(bytes: Buffer, start: number, end: number): Buffer | undefined {
  if (scratch.length < end - start) scratch = Buffer.allocUnsafe((end - start) * 2);
  let at = 0;
  let digits = 0;
  for (let i = start; i < end; i++) {
    const byte = bytes[i]!;
    if (byte === QUOTE) {
      const close = stringEnd(bytes, i + 1);
      if (close < 0) return undefined;
      for (; i <= close; i++) scratch[at++] = bytes[i]!;
      i--;
      digits = 0;
    } else if (byte !== BLANK) {
      if (byte >= 48 && byte <= 57) {
        if (++digits > PLAIN_DIGITS) return undefined;
      } else {
        // a fraction, or minus zero
        if (byte === 46 || (byte === MINUS && bytes[i + 1] === 48)) return undefined;
        digits = 0;
      }
      scratch[at++] = byte;
    }
  }
  return scratch.subarray(0, at);
}

/** Place of the closing quote; negative when an escape needs another look than this one. */
function stringEnd(bytes: Buffer, from: number): number {
  for (let i = from; ; i++) {
    const byte = bytes[i]!;
    if (byte === QUOTE) return i;
    if (byte === BACKSLASH) return -1;
  }
}
