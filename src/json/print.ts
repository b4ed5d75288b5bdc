/** JSON text as orjson prints it: what dlt hashes, and what it stores in json columns. */
import { keysInOrder } from "./key-order";
import { pythonStr } from "./python-text";
import type { Scalar, Value } from "./values";
import { Binary, Decimal, PlainDate, PlainTime, Timestamp, WholeFloat } from "./values";

/** A float as orjson prints it: always with a fraction or an exponent; exponents from 1e16 and below 1e-5. */
export function floatText(value: number): string {
  if (!Number.isFinite(value)) return "null";
  const text = Object.is(value, -0) ? "-0" : String(value);
  const size = Math.abs(value);
  if (Number.isInteger(value)) {
    if (size < 1e16) return `${text}.0`;
    return text.includes("e") ? text : exponentText(text);
  }
  // JavaScript goes over to exponents at 1e-7 only.
  return size < 1e-5 && !text.includes("e") ? value.toExponential() : text;
}

function exponentText(integer: string): string {
  const sign = integer.startsWith("-") ? "-" : "";
  const digits = integer.slice(sign.length);
  const fraction = digits.slice(1).replace(/0+$/, "");
  return `${sign}${digits[0]}${fraction === "" ? "" : `.${fraction}`}e+${digits.length - 1}`;
}

/** How a number value prints: integers as integers, everything else as a float. */
export function numberText(value: number): string {
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? "0" : String(value);
  return floatText(value);
}

/**
 * Compact JSON text. Typed values become strings as in dlt's json encoder (decimals and dates as text, bytes as
 * base64). `sortKeys`: keys at all levels by code point.
 */
export function orjsonText(value: Value | undefined, options: { sortKeys?: boolean } = {}): string {
  return print(value, options.sortKeys === true);
}

function print(value: Value | undefined, sort: boolean): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return numberText(value);
    case "boolean":
      return value ? "true" : "false";
    case "bigint":
      return value.toString();
    case "object":
      break;
    default:
      return "null";
  }
  if (value === null) return "null";
  if (Array.isArray(value)) {
    let text = "[";
    for (let i = 0; i < value.length; i++) text += (i === 0 ? "" : ",") + print(value[i], sort);
    return `${text}]`;
  }
  if (value instanceof WholeFloat) return floatText(value.value);
  if (isTyped(value)) return JSON.stringify(pythonStr(value));
  const keys = sort ? Object.keys(value).sort(byCodePoint) : keysInOrder(value);
  let text = "{";
  for (const key of keys) {
    const item = (value as { [key: string]: Value | undefined })[key];
    if (item === undefined) continue;
    text += `${text === "{" ? "" : ","}${JSON.stringify(key)}:${print(item, sort)}`;
  }
  return `${text}}`;
}

export function isTyped(value: object): value is Exclude<Scalar & object, WholeFloat> {
  return (
    value instanceof Timestamp ||
    value instanceof Decimal ||
    value instanceof PlainDate ||
    value instanceof PlainTime ||
    value instanceof Binary
  );
}

/** Order of Unicode code points; JavaScript's own order is by UTF-16 units, which differs above U+D7FF. */
export function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return unitRank(x) - unitRank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all others. */
function unitRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit > 0xdfff ? unit - 0x800 : unit + 0x2000;
}
