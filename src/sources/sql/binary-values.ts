/** Decoders of PostgreSQL's binary forms (each type's `…_send` function). */
import type { ColumnKind } from "../../columns/column-page";
import { scaledText } from "../../columns/column-values";
import type { Decoder, Source } from "./copy-decoder";
import { jsonbText } from "./jsonb-text";
import { toDecimal, UnreadableValue } from "./value-parsers";

export interface BinaryType {
  type: ColumnKind;
  decode: Decoder;
}

const INFINITE_HIGH = 0x7fffffff;
/** 1970 to 2000, where PostgreSQL's times begin. */
const EPOCH_DAYS = 10_957;
const EPOCH_MICROS = 946_684_800_000_000n;
const EPOCH_HIGH = Number(EPOCH_MICROS >> 32n);
const EPOCH_LOW = Number(EPOCH_MICROS & 0xffffffffn);
const FIRST_MICROS = -62_135_596_800_000_000n;
const LAST_MICROS = 253_402_300_799_999_999n;
const FIRST_DAY = -719_162;
const LAST_DAY = 2_932_896;
const DAY_MICROS = 86_400_000_000n;
const DAY_MICROS_HIGH = 20;
/** Far from both ends of the calendar, by the high half only, counted from 2000: year 64 to 9983. */
const SAFE_LOW = -14_230_000;
const SAFE_HIGH = 58_660_000;

export const int2: Decoder = (from, start, _, to) => to.writeInteger(from.view.getInt16(start));
export const int4: Decoder = (from, start, _, to) => {
  const value = from.view.getInt32(start);
  to.writeHalves(value < 0 ? -1 : 0, value);
};
export const int8: Decoder = (from, start, _, to) =>
  to.writeHalves(from.view.getInt32(start), from.view.getInt32(start + 4));
export const oid: Decoder = (from, start, _, to) => to.writeHalves(0, from.view.getInt32(start));
export const bool: Decoder = (from, start, _, to) => to.writeBool(from.bytes[start] === 1);
export const bytes: Decoder = (from, start, end, to) => to.writeBytes(from.bytes, start, end);

/** NaN and infinities are null in rows (dlt writes rows with orjson), values in arrow tables. */
export const float8 =
  (bare: boolean): Decoder =>
  (from, start, _, to) => {
    const value = from.view.getFloat64(start);
    if (bare) to.writeDouble(value);
    // minus zero becomes zero, as in dlt's default files for DuckDB
    else if (Number.isFinite(value)) to.writeDouble(value + 0);
    else to.writeNull();
  };

/** psycopg2 maps infinite dates to the ends of Python's calendar. */
export const date: Decoder = (from, start, _, to) => {
  const value = from.view.getInt32(start);
  if (value === 0x7fffffff) to.writeDays(LAST_DAY);
  else if (value === -0x80000000) to.writeDays(FIRST_DAY);
  else {
    const days = value + EPOCH_DAYS;
    if (days < FIRST_DAY || days > LAST_DAY)
      throw new UnreadableValue("a date before Christ or after year 9999");
    to.writeDays(days);
  }
};

export const timestamp: Decoder = (from, start, _, to) => {
  const high = from.view.getInt32(start);
  const low = from.view.getUint32(start + 4);
  if (high > SAFE_LOW && high < SAFE_HIGH) {
    const sum = low + EPOCH_LOW;
    to.writeHalves(high + EPOCH_HIGH + (sum > 0xffffffff ? 1 : 0), sum);
    return;
  }
  const micros = edgeMicros(high, low);
  to.writeHalves(Number(micros >> 32n), Number(micros & 0xffffffffn));
};

function edgeMicros(high: number, low: number): bigint {
  if (high === INFINITE_HIGH && low === 0xffffffff) return LAST_MICROS;
  if (high === -INFINITE_HIGH - 1 && low === 0) return FIRST_MICROS;
  const micros = (BigInt(high) << 32n) + BigInt(low) + EPOCH_MICROS;
  if (micros < FIRST_MICROS || micros > LAST_MICROS)
    throw new UnreadableValue("a timestamp before Christ or after year 9999");
  return micros;
}

export const time: Decoder = (from, start, _, to) => {
  const high = from.view.getInt32(start);
  // the end of a day is its beginning, as in psycopg2
  if (high >= DAY_MICROS_HIGH && from.view.getBigInt64(start) >= DAY_MICROS) to.writeHalves(0, 0);
  else to.writeHalves(high, from.view.getInt32(start + 4));
};

const LETTER_N = 110;
const HEX = Buffer.from("0123456789abcdef");
const uuidText = Buffer.alloc(36, "-");
export const uuid: Decoder = (from, start, end, to) => {
  let at = 0;
  for (let i = start; i < end; i++) {
    if (at === 8 || at === 13 || at === 18 || at === 23) at++;
    const byte = from.bytes[i]!;
    uuidText[at++] = HEX[byte >> 4]!;
    uuidText[at++] = HEX[byte & 15]!;
  }
  to.writeBytes(uuidText, 0, 36);
};

/** JSON's null is no value, as psycopg2 has it. */
export const jsonb: Decoder = (from, start, end, to) => {
  if (end - start === 5 && from.bytes[start + 1] === LETTER_N) {
    to.writeNull();
    return;
  }
  // the first byte is the format's version
  const text = jsonbText(from.bytes, start + 1, end);
  if (typeof text === "string") to.writeText(text);
  else to.writeBytes(text, 0, text.length);
};

const SPECIAL = 0xc000;
const NEGATIVE = 0x4000;
/** Up to three more digits come along, since PostgreSQL sends groups of four: together a double's 15. */
const EXACT_DIGITS = 12;

/** @param scale of the column: what PostgreSQL sends has it already */
export function fixedNumeric(precision: number, scale: number): Decoder {
  const small = precision <= EXACT_DIGITS;
  return (from, start, _, to) => {
    refuseSpecial(from, start);
    if (!small) {
      to.writeDecimal(unscaled(from, start, scale));
      return;
    }
    const { view } = from;
    const digits = view.getInt16(start);
    let size = 0;
    for (let i = 0; i < digits; i++) size = size * 10_000 + view.getInt16(start + 8 + i * 2);
    // the last digit stands for 10,000 to the power of weight - digits + 1
    const shift = (view.getInt16(start + 2) - digits + 1) * 4 + scale;
    if (digits > 0) size = shift >= 0 ? size * 10 ** shift : Math.round(size / 10 ** -shift);
    to.writeSmallDecimal(view.getUint16(start + 4) === NEGATIVE ? -size : size);
  };
}

/** Of any scale: the digits as PostgreSQL shows them. */
export const freeNumeric: Decoder = (from, start, _, to) => {
  refuseSpecial(from, start);
  const scale = from.view.getUint16(start + 6);
  const value = unscaled(from, start, scale);
  to.writeText(scaledText(value, scale));
};

function refuseSpecial({ view }: Source, start: number): void {
  // throws with the one wording for it
  if ((view.getUint16(start + 4) & SPECIAL) === SPECIAL) toDecimal("nan");
}

function unscaled({ view }: Source, start: number, scale: number): bigint {
  const digits = view.getInt16(start);
  let size = 0n;
  for (let i = 0; i < digits; i++) size = size * 10_000n + BigInt(view.getInt16(start + 8 + i * 2));
  const shift = (view.getInt16(start + 2) - digits + 1) * 4 + scale;
  if (digits > 0) size = shift >= 0 ? size * 10n ** BigInt(shift) : size / 10n ** BigInt(-shift);
  return view.getUint16(start + 4) === NEGATIVE ? -size : size;
}
