/** dlt's data types of values, and the conversion of a value to the type of its column. */
import { parseJson } from "../json/parse";
import { orjsonText } from "../json/print";
import { pythonFloat, pythonStr } from "../json/python-text";
import type { Value } from "../json/values";
import { Binary, Decimal, PlainDate, PlainTime, Timestamp, WholeFloat } from "../json/values";
import type { DataType } from "../pipeline/spec";
import { daysOf, epochMicros, fastMicros, microsOf, type Parsed, parseIso } from "./iso-time";
import { pythonStrip } from "./python-space";

/**
 * A value ready for its column:
 *   text string · bool boolean · double number · bigint number (safe integer) or bigint · decimal, wei: plain or
 *   scientific text · timestamp microseconds since 1970 in UTC, number or bigint · date days since 1970 ·
 *   time microseconds since midnight · binary bytes · json orjson text
 */
export type Physical = string | boolean | number | bigint | Uint8Array;

/** What coercion gives when the value does not fit: the caller makes a variant column of it. */
export const REFUSED = Symbol("refused");
export type Refused = typeof REFUSED;

/** dlt: py_type_to_sc_type. The type of the value itself, without detectors. */
export function typeOf(value: Exclude<Value, null>): DataType {
  switch (typeof value) {
    case "string":
      return "text";
    case "boolean":
      return "bool";
    case "bigint":
      return "bigint";
    case "number":
      return Number.isSafeInteger(value) ? "bigint" : "double";
    default:
  }
  if (value instanceof WholeFloat) return "double";
  if (value instanceof Decimal) return "decimal";
  if (value instanceof Timestamp) return "timestamp";
  if (value instanceof PlainDate) return "date";
  if (value instanceof PlainTime) return "time";
  if (value instanceof Binary) return "binary";
  return "json";
}

/** dlt: type detection for a new column. `detections` as in the schema's settings; the first match wins. */
export function inferType(value: Exclude<Value, null>, detections: readonly string[]): DataType {
  for (const detection of detections) {
    const found = detect(detection, value);
    if (found !== undefined) return found;
  }
  return typeOf(value);
}

function detect(detection: string, value: Exclude<Value, null>): DataType | undefined {
  if (typeof value === "string") {
    if (value === "") return undefined;
    if (detection === "iso_timestamp") return isoKind(value) === "timestamp" ? "timestamp" : undefined;
    if (detection === "iso_date") return isoKind(value) === "date" ? "date" : undefined;
  }
  if (detection === "large_integer" && (typeof value === "bigint" || typeof value === "number")) {
    if (value > 578960446186580977117854925043439539266n) return "text";
    if (value > 9223372036854775807n) return "wei";
  }
  return undefined;
}

function isoKind(text: string): Parsed["kind"] | undefined {
  // A date or time begins with a digit, or with T.
  const first = text.charCodeAt(0);
  if (!((first >= 48 && first <= 57) || first === 84)) return undefined;
  return parseIso(text)?.kind;
}

/** Converts `value` to the type of a column. @returns null for the text "null" in a json column only (dlt: json.loads) */
export function coerce(to: DataType, value: Exclude<Value, null>): Physical | null | Refused {
  switch (to) {
    case "text":
      return toText(value);
    case "bigint":
      return toInteger(value);
    case "double":
      return toDouble(value);
    case "bool":
      return toBool(value);
    case "timestamp":
      return toTimestamp(value);
    case "date":
      return toDate(value);
    case "time":
      return toTime(value);
    case "decimal":
    case "wei":
      return toDecimal(value);
    case "binary":
      return toBinary(value);
    default:
      return toJson(value);
  }
}

function toText(value: Exclude<Value, null>): string {
  if (typeof value === "string") return value;
  if (value instanceof Timestamp) return isoText(value.text);
  if (typeof value !== "object" || value instanceof WholeFloat) return pythonStr(value);
  return typeOf(value) === "json" ? orjsonText(value) : pythonStr(value as Decimal);
}

/** Python's isoformat: `T` between date and time, an offset as +HH:MM. */
function isoText(text: string): string {
  return text.replace(" ", "T").replace(/Z$/, "+00:00");
}

const INTEGER = /^[+-]?\p{Nd}+(?:_\p{Nd}+)*$/u;

function toInteger(value: Exclude<Value, null>): number | bigint | Refused {
  if (typeof value === "bigint") return shrink(value);
  if (typeof value === "number") {
    if (Number.isSafeInteger(value)) return value;
    return Number.isInteger(value) ? BigInt(value) : REFUSED;
  }
  if (value instanceof WholeFloat)
    return Number.isFinite(value.value) ? shrink(BigInt(value.value)) : REFUSED;
  if (value instanceof Decimal) return decimalToInteger(value.text);
  if (typeof value === "string") return textToInteger(value);
  return REFUSED;
}

function shrink(value: bigint): number | bigint {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value;
}

/** Python's int(): blanks around, underscores between digits; `0x` as dlt adds it. */
function textToInteger(text: string): number | bigint | Refused {
  const trimmed = pythonStrip(text);
  if (trimmed.startsWith("0x")) {
    const hex = pythonStrip(trimmed.slice(2)).replace(/^([+-]?)0[xX]_?/, "$1");
    if (!/^[+-]?[0-9a-fA-F]+(?:_[0-9a-fA-F]+)*$/.test(hex)) return REFUSED;
    const negative = hex.startsWith("-");
    const size = BigInt(`0x${hex.replace(/[+_-]/g, "")}`);
    return shrink(negative ? -size : size);
  }
  if (!INTEGER.test(trimmed) || trimmed.length > 4300) return REFUSED;
  return shrink(BigInt(asciiDigits(trimmed.replace(/_/g, "")).replace(/^\+/, "")));
}

/** Python reads all decimal digits of Unicode. */
function asciiDigits(text: string): string {
  return text.replace(/(?![0-9])\p{Nd}/gu, character => {
    let zero = character.codePointAt(0)!;
    while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1)) && character.codePointAt(0)! - zero < 9) zero--;
    return String(character.codePointAt(0)! - zero);
  });
}

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** Sign, digits and exponent of a decimal text; undefined for NaN, infinities and anything else. */
export function decimalParts(
  text: string,
): { negative: boolean; digits: bigint; exponent: number } | undefined {
  const match = DECIMAL.exec(text);
  if (match === null || (match[2] === "" && !match[3])) return undefined;
  const fraction = match[3] ?? "";
  const exponent = Number(match[4] ?? 0) - fraction.length;
  if (!Number.isSafeInteger(exponent)) return undefined;
  return { negative: match[1] === "-", digits: BigInt(`${match[2]}${fraction}`), exponent };
}

function decimalToInteger(text: string): number | bigint | Refused {
  const parts = decimalParts(text);
  if (parts === undefined || parts.exponent > 1000) return REFUSED;
  let { digits } = parts;
  if (parts.exponent >= 0) digits *= 10n ** BigInt(parts.exponent);
  else if (parts.exponent < -5000) return digits === 0n ? 0 : REFUSED;
  else {
    const divisor = 10n ** BigInt(-parts.exponent);
    if (digits % divisor !== 0n) return REFUSED;
    digits /= divisor;
  }
  return shrink(parts.negative ? -digits : digits);
}

function toDouble(value: Exclude<Value, null>): number | Refused {
  if (typeof value === "number") return value;
  if (value instanceof WholeFloat) return value.value;
  if (typeof value === "bigint") {
    const double = Number(value);
    return Number.isFinite(double) ? double : REFUSED;
  }
  if (value instanceof Decimal) return decimalToDouble(value.text);
  return typeof value === "string" ? textToDouble(value) : REFUSED;
}

function decimalToDouble(text: string): number | Refused {
  const special = /^([+-]?)(?:(inf(?:inity)?)|nan)$/i.exec(text);
  if (special !== null)
    return special[2] === undefined ? Number.NaN : special[1] === "-" ? -Infinity : Infinity;
  return Number(text);
}

function textToDouble(text: string): number | Refused {
  const trimmed = pythonStrip(text);
  if (trimmed.startsWith("0x")) {
    const integer = textToInteger(trimmed);
    return integer === REFUSED ? REFUSED : toDouble(integer);
  }
  const special = /^([+-]?)(?:(inf(?:inity)?)|nan)$/i.exec(trimmed);
  if (special !== null) return decimalToDouble(trimmed);
  const plain = asciiDigits(trimmed);
  if (!/^[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:[eE][+-]?\d+(?:_\d+)*)?$/.test(plain))
    return REFUSED;
  return Number(plain.replace(/_/g, ""));
}

function toBool(value: Exclude<Value, null>): boolean | Refused {
  switch (typeof value) {
    case "boolean":
      return value;
    case "number":
      return value !== 0;
    case "bigint":
      return value !== 0n;
    case "string":
      return textToBool(value);
    default:
  }
  if (value instanceof WholeFloat) return value.value !== 0;
  if (value instanceof Decimal) return decimalParts(value.text)?.digits !== 0n;
  return REFUSED;
}

function textToBool(text: string): boolean | Refused {
  const lower = text.toLowerCase();
  if (["yes", "true", "t", "y", "1"].includes(lower)) return true;
  return ["no", "false", "f", "n", "0"].includes(lower) ? false : REFUSED;
}

function toTimestamp(value: Exclude<Value, null>): number | bigint | Refused {
  if (typeof value === "string" || value instanceof Timestamp) {
    const text = typeof value === "string" ? value : value.text;
    const fast = fastMicros(text);
    return Number.isNaN(fast) ? textToTimestamp(text) : fast;
  }
  if (value instanceof PlainDate) {
    const parsed = parseIso(value.text);
    return parsed?.kind === "date" ? (microsOf(parsed.days * 86_400, 0) ?? REFUSED) : REFUSED;
  }
  return numberToTimestamp(value);
}

function textToTimestamp(text: string): number | bigint | Refused {
  const parsed = parseIso(text);
  if (parsed?.kind === "timestamp") return epochMicros(parsed) ?? REFUSED;
  if (parsed?.kind === "date") return microsOf(parsed.days * 86_400, 0) ?? REFUSED;
  if (parsed !== undefined) return REFUSED;
  const seconds = textToDouble(text.startsWith("0x") ? "" : text);
  return seconds === REFUSED ? REFUSED : secondsToMicros(seconds);
}

/** Epoch seconds. */
function numberToTimestamp(value: Exclude<Value, null>): number | bigint | Refused {
  if (typeof value === "number") return secondsToMicros(value);
  if (value instanceof WholeFloat) return secondsToMicros(value.value);
  if (typeof value === "bigint") return secondsToMicros(Number(value));
  return REFUSED;
}

/** Python's fromtimestamp: microseconds rounded half to even. */
function secondsToMicros(seconds: number): number | bigint | Refused {
  if (!Number.isFinite(seconds)) return REFUSED;
  const whole = Math.floor(seconds);
  const scaled = (seconds - whole) * 1_000_000;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const micros = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  return microsOf(micros === 1_000_000 ? whole + 1 : whole, micros === 1_000_000 ? 0 : micros) ?? REFUSED;
}

function toDate(value: Exclude<Value, null>): number | Refused {
  if (value instanceof PlainDate) {
    const parsed = parseIso(value.text);
    return parsed?.kind === "date" ? parsed.days : REFUSED;
  }
  if (typeof value === "string") {
    const [, year, month, day] = /^(\d{4})-(\d{2})-(\d{2})$/.exec(value) ?? [];
    if (day !== undefined) return daysOf(Number(year), Number(month), Number(day)) ?? REFUSED;
  }
  if (typeof value === "boolean") return REFUSED;
  const micros = toTimestamp(value);
  if (micros === REFUSED) return REFUSED;
  return typeof micros === "number"
    ? Math.floor(micros / 86_400_000_000)
    : Number((micros - (((micros % 86_400_000_000n) + 86_400_000_000n) % 86_400_000_000n)) / 86_400_000_000n);
}

const DAY = 86_400;

/** A time with an offset is moved to UTC, as dlt does. */
function toTime(value: Exclude<Value, null>): number | Refused {
  const text = typeof value === "string" ? value : value instanceof PlainTime ? value.text : undefined;
  const parsed = text === undefined ? undefined : parseIso(text);
  if (parsed?.kind !== "time") return REFUSED;
  return ((((parsed.seconds - parsed.offset) % DAY) + DAY) % DAY) * 1_000_000 + parsed.micros;
}

function toDecimal(value: Exclude<Value, null>): string | Refused {
  if (value instanceof Decimal) return value.text;
  if (typeof value === "bigint") return value.toString();
  if (typeof value === "number") return Number.isSafeInteger(value) ? String(value) : pythonFloat(value);
  if (value instanceof WholeFloat) return pythonFloat(value.value);
  return typeof value === "string" ? textToDecimal(value) : REFUSED;
}

function textToDecimal(text: string): string | Refused {
  const trimmed = pythonStrip(text);
  if (trimmed.startsWith("0x")) {
    const integer = textToInteger(trimmed);
    return integer === REFUSED ? REFUSED : integer.toString();
  }
  const plain = asciiDigits(trimmed.replace(/_/g, ""));
  if (/^[+-]?(?:inf(?:inity)?|s?nan\d*)$/i.test(plain)) return plain;
  return decimalParts(plain) === undefined ? REFUSED : plain;
}

function toBinary(value: Exclude<Value, null>): Uint8Array | Refused {
  if (value instanceof Binary) return value.bytes;
  if (typeof value === "string") return textToBinary(value);
  if (typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value))) {
    if (value < 0) return REFUSED;
    const hex = value.toString(16);
    return value === 0 || value === 0n
      ? new Uint8Array()
      : Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex").reverse();
  }
  return REFUSED;
}

function textToBinary(text: string): Uint8Array | Refused {
  if (text.startsWith("0x")) {
    const hex = text.slice(2).replace(/[\t-\r ]/g, "");
    return /^(?:[0-9a-fA-F]{2})*$/.test(hex) ? Buffer.from(hex, "hex") : REFUSED;
  }
  return /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)
    ? Buffer.from(text, "base64")
    : REFUSED;
}

function toJson(value: Exclude<Value, null>): string | null | Refused {
  if (typeof value === "string") {
    try {
      const parsed = parseJson(value);
      // dlt hands a JSON string on without its quotes, and the destination then reads it as JSON, or fails.
      if (typeof parsed === "string" || parsed === null) return parsed;
      return isFiniteJson(parsed) ? orjsonText(parsed) : REFUSED;
    } catch {
      return REFUSED;
    }
  }
  return typeOf(value) === "json" ? orjsonText(value) : REFUSED;
}

/** orjson, unlike the parser of responses, takes no NaN and no Infinity. */
function isFiniteJson(value: Value): boolean {
  if (typeof value === "number") return Number.isFinite(value);
  if (value === null || typeof value !== "object" || value instanceof WholeFloat) return true;
  return Object.values(value).every(item => isFiniteJson(item as Value));
}
