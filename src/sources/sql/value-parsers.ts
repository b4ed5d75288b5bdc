/**
 * PostgreSQL's text output as the classes of src/json/values.ts, with all digits.
 * The session prints times in UTC and ISO, floats with all digits, bytes as hex (see connection.ts).
 */
import { types } from "pg";
import { parseJson } from "../../json/parse";
import { Binary, Decimal, PlainDate, PlainTime, Timestamp, type Value, WholeFloat } from "../../json/values";
import { TidemarkError } from "../../pipeline/errors";

/** @throws UnreadableValue with the kind of value; the value itself stays out of the message */
export type Parser = (text: string) => Value;

/** What a value of this column cannot be; turned into SQL_TYPE with the column's name. */
export class UnreadableValue extends Error {}

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const TIMESTAMP = /^(\d{4}-\d{2}-\d{2}) (\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?([+-]\d{2}(?::\d{2})?)?$/;
const TIME = /^((?:[01]\d|2[0-3]):\d{2}:\d{2})(?:\.(\d{1,6}))?(?:[+-][\d:]+)?$/;

function toFloat(text: string): Value {
  const value = Number(text);
  return Number.isInteger(value) ? new WholeFloat(value) : value;
}

function toBigint(text: string): Value {
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

/** As Python prints a Decimal of this text: scientific below 1e-6 (`1E-7`), else as it stands. */
export function toDecimal(text: string): Decimal {
  // dlt's load fails on them, and the package stays pending
  if (/[a-z]/.test(text))
    throw new UnreadableValue("NaN or infinity as a numeric, which no destination's decimal has");
  const match = /^(-?)0\.(0*)(\d*)$/.exec(text);
  if (!match) return new Decimal(text);
  const [, sign, zeros, digits] = match as unknown as [string, string, string, string];
  const scale = zeros.length + digits.length;
  const adjusted = digits === "" ? -scale : -(zeros.length + 1);
  if (adjusted >= -6) return new Decimal(text);
  if (digits === "") return new Decimal(`${sign}0E-${scale}`);
  const rest = digits.slice(1);
  return new Decimal(`${sign}${digits[0]}${rest === "" ? "" : `.${rest}`}E${adjusted}`);
}

/** psycopg2 maps infinite dates to the ends of Python's calendar. */
function infinite(text: string): "max" | "min" | undefined {
  return text === "infinity" ? "max" : text === "-infinity" ? "min" : undefined;
}

function toDate(text: string): Value {
  const end = infinite(text);
  if (end) return new PlainDate(end === "max" ? "9999-12-31" : "0001-01-01");
  if (!DATE.test(text)) throw new UnreadableValue("a date before Christ or after year 9999");
  return new PlainDate(text);
}

function isoOffset(offset: string | undefined): string {
  return offset === undefined ? "" : offset.length === 3 ? `${offset}:00` : offset;
}

function microseconds(fraction: string | undefined): string {
  return fraction === undefined ? "" : `.${fraction.padEnd(6, "0")}`;
}

function toTimestamp(zone: "+00:00" | ""): Parser {
  return text => {
    const end = infinite(text);
    if (end) {
      return new Timestamp(`${end === "max" ? "9999-12-31T23:59:59.999999" : "0001-01-01T00:00:00"}${zone}`);
    }
    const match = TIMESTAMP.exec(text);
    if (!match) throw new UnreadableValue("a timestamp before Christ or after year 9999");
    const [, day, time, fraction, offset] = match;
    return new Timestamp(`${day}T${time}${microseconds(fraction)}${isoOffset(offset)}`);
  };
}

/**
 * An end of a range of times as PostgreSQL prints it, infinity as the end of the calendar.
 * @throws UnreadableValue as the same date or time in a column of its own
 */
export function timeText(text: string, range: string): string {
  const end = infinite(text);
  if (range === "daterange") return end ? (toDate(text) as PlainDate).text : checked(text, toDate);
  const zoned = range === "tstzrange";
  if (!end) return checked(text, toTimestamp(zoned ? "+00:00" : ""));
  return `${end === "max" ? "9999-12-31 23:59:59.999999" : "0001-01-01 00:00:00"}${zoned ? "+00" : ""}`;
}

function checked(text: string, parse: Parser): string {
  parse(text);
  return text;
}

function toTime(text: string): Value {
  // the offset of a timetz is dropped, and the end of a day is its beginning, as in psycopg2
  const [, time, fraction] = TIME.exec(text.replace(/^24:/, "00:"))!;
  return new PlainTime(`${time}${microseconds(fraction)}`);
}

function toBinary(text: string): Value {
  return new Binary(Buffer.from(text.slice(2), "hex"));
}

function toJson(text: string): Value {
  return parseJson(text);
}

const RANGE = /^([[(])(?:"((?:[^"]|"")*)"|([^,]*)),(?:"((?:[^"]|"")*)"|([^)\]]*))([)\]])$/;

/** A range as texts of its ends; undefined: no end. */
export interface RangeTexts {
  lower: string | undefined;
  upper: string | undefined;
  bounds: string;
  empty: boolean;
}

export function rangeTexts(text: string): RangeTexts {
  if (text === "empty") return { lower: undefined, upper: undefined, bounds: "[)", empty: true };
  const [, open, lowerQuoted, lower, upperQuoted, upper, close] = RANGE.exec(text)!;
  const end = (quoted: string | undefined, plain: string | undefined) => quoted ?? (plain || undefined);
  return {
    lower: end(lowerQuoted, lower),
    upper: end(upperQuoted, upper),
    bounds: `${open}${close}`,
    empty: false,
  };
}

/** SQLAlchemy's Range, a dataclass of four fields, which dlt takes for a dict. */
function toRange(parseEnd: Parser): Parser {
  return text => {
    const { lower, upper, bounds, empty } = rangeTexts(text);
    const end = (one: string | undefined) => (one === undefined ? null : parseEnd(one));
    return { lower: end(lower), upper: end(upper), bounds, empty };
  };
}

const PAIR = /"((?:[^"\\]|\\.)*)"=>(?:"((?:[^"\\]|\\.)*)"|NULL)/g;

/** An hstore as a dict of texts. Its type has another oid in every database: known from reflection only. */
export function toHstore(text: string): Value {
  const plain = (quoted: string) => quoted.replace(/\\(.)/g, "$1");
  const pairs = [...text.matchAll(PAIR)].map(([, key, value]): [string, Value] => [
    plain(key!),
    value === undefined ? null : plain(value),
  ]);
  return Object.fromEntries(pairs);
}

/** dlt fails on intervals too (timedelta cannot be serialised). */
function refuseInterval(): Value {
  throw new UnreadableValue("an interval");
}

const asText: Parser = text => text;

/** By type oid (pg_type.dat; fixed for all versions), with the oid of the type's array. */
const TYPES: readonly [oid: number, arrayOid: number, parser: Parser][] = [
  [16, 1000, text => text === "t"],
  [17, 1001, toBinary],
  [20, 1016, toBigint],
  [21, 1005, Number],
  [23, 1007, Number],
  [26, 1028, Number],
  [700, 1021, toFloat],
  [701, 1022, toFloat],
  [1700, 1231, toDecimal],
  [1082, 1182, toDate],
  [1083, 1183, toTime],
  [1266, 1270, toTime],
  [1114, 1115, toTimestamp("")],
  [1184, 1185, toTimestamp("+00:00")],
  [1186, 1187, refuseInterval],
  [114, 199, toJson],
  [3802, 3807, toJson],
  [3904, 3905, toRange(Number)],
  [3926, 3927, toRange(toBigint)],
  [3906, 3907, toRange(toDecimal)],
  [3912, 3913, toRange(toDate)],
  [3908, 3909, toRange(toTimestamp(""))],
  [3910, 3911, toRange(toTimestamp("+00:00"))],
  // text, char, name, bpchar, varchar, uuid, money, inet, cidr, macaddr, xml, bit, varbit
  [25, 1009, asText],
  [18, 1002, asText],
  [19, 1003, asText],
  [1042, 1014, asText],
  [1043, 1015, asText],
  [2950, 2951, asText],
  [790, 791, asText],
  [869, 1041, asText],
  [650, 651, asText],
  [829, 1040, asText],
  [142, 143, asText],
  [1560, 1561, asText],
  [1562, 1563, asText],
];

/** pg-types' own reader of array texts; its declared type is another than its real one. */
const { arrayParser } = types as unknown as {
  arrayParser: { create(text: string, toEntry: (text: string) => Value): { parse(): Value[] } };
};

const PARSERS = new Map<number, Parser>(
  TYPES.flatMap(([oid, arrayOid, parser]) => [
    [oid, parser],
    [arrayOid, listOf(parser)],
  ]),
);

/** An array whose elements the parser reads; null stays null, lower bounds are left out, as psycopg2 does. */
export function listOf(parser: Parser): Parser {
  return text => arrayParser.create(text, parser).parse();
}

const NUMERIC = 1700;

/** @param isJson see reflectedParser */
export function elementParser(oid: number, isJson: boolean): Parser {
  const parse = parserFor(oid);
  return oid === NUMERIC && isJson ? text => (/[a-z]/.test(text) ? text : parse(text)) : parse;
}

/** Types without a parser of their own (enums, multiranges, geometry, extensions) are text, as PostgreSQL prints them. */
export function parserFor(oid: number): Parser {
  return PARSERS.get(oid) ?? asText;
}

/** What a value's text may hold that no row can carry: told by whoever reads JSON, without the column. */
const NOT_STORABLE: ReadonlySet<string> = new Set(["INTEGER_TOO_LARGE", "ROW_NOT_STORABLE"]);

/** @returns the failure with the column and the way out, never the value: SQL_TYPE, or the code that it has */
export function namingColumn(error: unknown, column: string, resource: string): unknown {
  const where = `Column "${column}" of resource "${resource}"`;
  const wayOut = "Leave it out (excluded_columns), or cast it to text in a query.";
  if (error instanceof UnreadableValue)
    return new TidemarkError("SQL_TYPE", `${where} holds ${error.message}. ${wayOut}`, { step: "extract" });
  if (error instanceof TidemarkError && NOT_STORABLE.has(error.code))
    return new TidemarkError(error.code, `${where}: ${error.message} ${wayOut}`, { step: "extract" });
  return error;
}
