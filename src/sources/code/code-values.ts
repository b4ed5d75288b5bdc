/**
 * JavaScript values of a registered generator, brought into the classes of src/json/values.ts:
 *   Date -> zone-aware Timestamp in UTC; Buffer, Uint8Array -> Binary; bigint stays;
 *   number, integral and safe -> integer, any other number -> float (JavaScript has no difference: use `float(1)`);
 *   undefined: left out of objects, null in lists; typed values of src/json/values.ts stay.
 */
import {
  Binary,
  Decimal,
  PlainDate,
  PlainTime,
  type Row,
  Timestamp,
  type Value,
  WholeFloat,
} from "../../json/values";
import { TidemarkError } from "../../pipeline/errors";

const TYPED = [WholeFloat, Decimal, Timestamp, PlainDate, PlainTime, Binary];

/** A float also where the number is whole: `float(1)` makes a double column, `1` a bigint column. */
export function float(value: number): WholeFloat | number {
  return Number.isInteger(value) ? new WholeFloat(value) : value;
}

/** ISO text as Python prints it: six fractional digits or none. */
function dateText(date: Date): string {
  const [seconds, millis] = date.toISOString().slice(0, -1).split(".");
  return `${seconds}${millis === "000" ? "" : `.${millis}000`}+00:00`;
}

function refused(where: string, what: string): TidemarkError {
  return new TidemarkError(
    "SOURCE_CODE_FAILED",
    `${where} is ${what}, which no column can hold. Yield plain objects, lists, text, numbers, bigint, Date, Buffer or the classes of src/json/values.`,
    { step: "extract" },
  );
}

/** A value of these classes from another copy of this package, in a repository that has two. */
function adopted(value: object): Value | undefined {
  const Type = TYPED.find(({ name }) => name === value.constructor?.name);
  if (Type === undefined) return undefined;
  const [[name, field] = ["", undefined], ...others] = Object.entries(value);
  const own =
    others.length === 0 &&
    (Type === WholeFloat
      ? name === "value" && typeof field === "number"
      : Type === Binary
        ? name === "bytes" && field instanceof Uint8Array
        : name === "text" && typeof field === "string");
  return own ? new Type(field as never) : undefined;
}

function kindOf(value: object): string {
  return `a ${value.constructor?.name ?? "value of unknown class"}`;
}

function toObject(value: object, where: string): { [key: string]: Value } {
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw refused(where, kindOf(value));
  const result: { [key: string]: Value } = {};
  for (const [key, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const converted = toValue(inner, `${where}.${key}`);
    // a key "__proto__" must become a column, not the object's prototype
    if (key === "__proto__") Object.defineProperty(result, key, { value: converted, enumerable: true });
    else result[key] = converted;
  }
  return result;
}

/**
 * @param where names the place for the error, e.g. `resource "customers", field tags`
 * @throws TidemarkError SOURCE_CODE_FAILED for functions, symbols, invalid dates, Map, Set and other classes
 */
export function toValue(value: unknown, where: string): Value {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "bigint":
      return value;
    case "number":
      // beyond 2^53 a number is not an exact integer any more
      return Number.isInteger(value) && !Number.isSafeInteger(value) ? new WholeFloat(value) : value;
    case "undefined":
      return null;
    case "object":
      break;
    default:
      throw refused(where, `a ${typeof value}`);
  }
  if (value === null) return null;
  if (Array.isArray(value)) return value.map((inner, index) => toValue(inner, `${where}[${index}]`));
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw refused(where, "an invalid Date");
    return new Timestamp(dateText(value));
  }
  if (value instanceof Uint8Array) return new Binary(value);
  if (TYPED.some(type => value instanceof type)) return value as Value;
  return adopted(value) ?? toObject(value as object, where);
}

/** @throws TidemarkError SOURCE_CODE_FAILED when it is not a plain object, or holds a value no column can hold */
export function toRow(value: unknown, resource: string): Row {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new TidemarkError(
      "SOURCE_CODE_FAILED",
      `The generator of resource "${resource}" yielded ${value === null ? "null" : Array.isArray(value) ? "a list inside a list" : `a ${typeof value}`} where a row (a plain object) or a list of rows was expected.`,
      { step: "extract" },
    );
  }
  return toObject(value, `resource "${resource}", row`);
}
