/**
 * Rows in files: one JSON line each, in dlt's typed JSON. What JSON has no type for travels as a string whose
 * first character, from the private use area, names the type (dlt: common/json, PUA_START).
 */
import { TidemarkError } from "../pipeline/errors";
import { rememberedKeyOrder } from "./key-order";
import { parseJson, tooDeep } from "./parse";
import { floatText, isTyped, numberText } from "./print";
import { pythonStr } from "./python-text";
import type { Row, Scalar, Value } from "./values";
import { Binary, Decimal, PlainDate, PlainTime, Timestamp, WholeFloat } from "./values";

const DECIMAL = "\uf026";
const DATETIME = "\uf027";
const DATE = "\uf028";
const UUID = "\uf029";
const HEXBYTES = "\uf02a";
const BASE64 = "\uf02b";
const WEI = "\uf02c";
const TIME = "\uf02d";

const SMALLEST = -(2n ** 63n);
const LARGEST = 2n ** 64n - 1n;
/** With the flag u only halves without their other half match. */
const LONE_SURROGATE = /\p{Surrogate}/u;
const SURROGATE_ESCAPE = /\\ud[89a-f][0-9a-f]{2}/i;
/** dlt: orjson writes at most this many levels; we are more patient, but not without end. */
const MAX_LEVELS = 1_000;

/**
 * One line of JSONL, without the line end. NaN and infinities become null.
 * @throws TidemarkError INTEGER_TOO_LARGE beyond 64 bits, as dlt's extract does;
 *   ROW_NOT_STORABLE for lone surrogates and bottomless nesting.
 */
export function encodeLine(row: Row): string {
  const text = isPlain(row, 0) ? JSON.stringify(row) : write(row, 0);
  if (SURROGATE_ESCAPE.test(text) && !isWellFormed(row)) {
    throw new TidemarkError(
      "ROW_NOT_STORABLE",
      "A row holds text with half of a surrogate pair, which no file can carry. Repair the text at the source.",
      { step: "extract", dltException: "TypeError" },
    );
  }
  return text;
}

/** The way back. Strings that cannot be decoded stay as they are (dlt: custom_pua_decode). */
export function decodeLine(text: string): Row {
  const row = parseJson(text) as Row;
  return mayBeTyped(text) ? (decodeTyped(row) as Row) : row;
}

/** Whether a line (or many) can hold typed strings at all. */
export function mayBeTyped(text: string): boolean {
  return PRIVATE_USE.test(text);
}
const PRIVATE_USE = /[\uf026-\uf02d]|\\uf02[6-9a-d]/i;

function isPlain(value: Value, level: number): boolean {
  switch (typeof value) {
    case "number":
      return !Number.isInteger(value) || Number.isSafeInteger(value);
    case "bigint":
      return false;
    case "object":
      break;
    default:
      return true;
  }
  if (value === null) return true;
  if (level > MAX_LEVELS) throw tooDeep();
  if (Array.isArray(value)) {
    for (const item of value) if (!isPlain(item, level + 1)) return false;
    return true;
  }
  if (value instanceof WholeFloat || isTyped(value) || rememberedKeyOrder(value) !== undefined) return false;
  for (const key in value) if (!isPlain((value as Row)[key]!, level + 1)) return false;
  return true;
}

function write(value: Value | undefined, level: number): string {
  if (typeof value === "number") return numberText(value);
  if (typeof value === "bigint") {
    if (value < SMALLEST || value > LARGEST) {
      throw new TidemarkError(
        "INTEGER_TOO_LARGE",
        "A row holds an integer beyond 64 bits. Have the source send it as text, and give the column the type wei, decimal or text.",
        { step: "extract", dltException: "TypeError" },
      );
    }
    return value.toString();
  }
  if (value === null || value === undefined) return "null";
  if (typeof value !== "object") return JSON.stringify(value);
  if (level > MAX_LEVELS) throw tooDeep();
  if (Array.isArray(value)) return `[${value.map(item => write(item, level + 1)).join(",")}]`;
  if (value instanceof WholeFloat) return floatText(value.value);
  if (isTyped(value)) return JSON.stringify(typedPrefix(value) + pythonStr(value));
  const keys = rememberedKeyOrder(value)?.filter(key => Object.hasOwn(value, key)) ?? [];
  const known = new Set(keys);
  for (const key of Object.keys(value)) if (!known.has(key)) keys.push(key);
  const parts = keys.map(key => `${JSON.stringify(key)}:${write((value as Row)[key], level + 1)}`);
  return `{${parts.join(",")}}`;
}

function typedPrefix(value: Scalar & object): string {
  if (value instanceof Decimal) return DECIMAL;
  if (value instanceof Timestamp) return DATETIME;
  if (value instanceof PlainDate) return DATE;
  if (value instanceof PlainTime) return TIME;
  return BASE64;
}

function isWellFormed(value: Value): boolean {
  if (typeof value === "string") return !LONE_SURROGATE.test(value);
  if (value === null || typeof value !== "object") return true;
  if (Array.isArray(value)) return value.every(isWellFormed);
  if (value instanceof WholeFloat || isTyped(value)) return true;
  return Object.entries(value).every(
    ([key, item]) => !LONE_SURROGATE.test(key) && isWellFormed(item as Value),
  );
}

/** Decodes typed strings inside a parsed value, in place. Returns the value. */
export function decodeTyped(value: Value): Value {
  if (typeof value === "string") return decodeString(value);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) value[i] = decodeTyped(value[i]!);
    return value;
  }
  if (value instanceof WholeFloat || isTyped(value)) return value;
  for (const key of Object.keys(value)) {
    const item = (value as Row)[key]!;
    const decoded = decodeTyped(item);
    if (decoded !== item) (value as Row)[key] = decoded;
  }
  return value;
}

const DECIMAL_TEXT = /^\s*[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|inf(?:inity)?|nan)\s*$/i;
const DATE_TEXT = /^\d{4}-\d{2}-\d{2}$/;
const DATETIME_TEXT =
  /^\d{4}-\d{2}-\d{2}[T ]\d{2}(?::\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?(?:Z|[+-]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?$/;
const TIME_TEXT = /^\d{2}(?::\d{2}(?::\d{2}(?:\.\d{1,6})?)?)?(?:Z|[+-]\d{2}:\d{2})?$/;

function decodeString(text: string): Scalar {
  const first = text.charCodeAt(0);
  if (!(first >= 0xf026 && first <= 0xf02d) || text.length < 2) return text;
  const body = text.slice(1);
  switch (text[0]) {
    case DECIMAL:
    case WEI:
      return DECIMAL_TEXT.test(body) ? new Decimal(body) : text;
    case DATETIME:
      return DATETIME_TEXT.test(body) ? new Timestamp(body.replace(/Z$/, "+00:00")) : text;
    case DATE:
      return DATE_TEXT.test(body) ? new PlainDate(body) : text;
    case TIME:
      return TIME_TEXT.test(body) ? new PlainTime(body) : text;
    case UUID:
      return body;
    case HEXBYTES:
      return /^(?:0x)?(?:[0-9a-f]{2})*$/i.test(body)
        ? new Binary(Buffer.from(body.replace(/^0x/i, ""), "hex"))
        : text;
    default:
      return new Binary(Buffer.from(body, "base64"));
  }
}
