import { Binary, Decimal, PlainDate, PlainTime, Timestamp, WholeFloat } from "../../../src/json/values";
import { jsonbText } from "../../../src/sources/sql/jsonb-text";
import { parserFor, toDecimal, toHstore } from "../../../src/sources/sql/value-parsers";

test.each([
  ["0", "0"],
  ["0.000001", "0.000001"],
  ["0.0000001", "1E-7"],
  ["-0.000000123", "-1.23E-7"],
  ["0.000000", "0.000000"],
  ["0.0000000", "0E-7"],
  ["0.00000010", "1.0E-7"],
  ["123456789012345678901234567890.10", "123456789012345678901234567890.10"],
])("Decimal %s prints as Python does: %s", (text, printed) => {
  expect(toDecimal(text)).toEqual(new Decimal(printed));
});

test.each<[string, number, string, unknown]>([
  ["bool", 16, "t", true],
  ["int2", 21, "-32768", -32768],
  ["int8", 20, "9007199254740991", 9007199254740991],
  ["int8 beyond 2^53", 20, "9007199254740993", 9007199254740993n],
  ["float8", 701, "1.5", 1.5],
  ["float8 whole", 701, "1", new WholeFloat(1)],
  ["float8 large", 701, "1e+22", new WholeFloat(1e22)],
  ["float8 NaN", 701, "NaN", Number.NaN],
  ["float8 infinity", 701, "-Infinity", Number.NEGATIVE_INFINITY],
  ["timestamp", 1114, "2026-01-02 03:04:05", new Timestamp("2026-01-02T03:04:05")],
  ["timestamp micros", 1114, "2026-01-02 03:04:05.123", new Timestamp("2026-01-02T03:04:05.123000")],
  ["timestamptz", 1184, "2026-01-02 03:04:05.000001+00", new Timestamp("2026-01-02T03:04:05.000001+00:00")],
  ["timestamp infinity", 1114, "infinity", new Timestamp("9999-12-31T23:59:59.999999")],
  ["timestamptz -infinity", 1184, "-infinity", new Timestamp("0001-01-01T00:00:00+00:00")],
  ["date", 1082, "2026-01-02", new PlainDate("2026-01-02")],
  ["date -infinity", 1082, "-infinity", new PlainDate("0001-01-01")],
  ["time", 1083, "03:04:05.5", new PlainTime("03:04:05.500000")],
  ["timetz", 1266, "03:04:05+02", new PlainTime("03:04:05")],
  ["bytea", 17, "\\x00ff", new Binary(Buffer.from([0, 255]))],
  [
    "jsonb",
    3802,
    '{"a": [1, 1.0, 12345678901234567890]}',
    { a: [1, new WholeFloat(1), 12345678901234567890n] },
  ],
  [
    "int array",
    1007,
    "{{1,2},{NULL,4}}",
    [
      [1, 2],
      [null, 4],
    ],
  ],
  ["text array", 1009, '{"a,b","c\\"d",NULL,"NULL"}', ["a,b", 'c"d', null, "NULL"]],
  ["numeric array", 1231, "{1.50}", [new Decimal("1.50")]],
  ["array with bounds", 1007, "[0:1]={7,8}", [7, 8]],
  ["unknown type", 999999, "(1,2)", "(1,2)"],
])("%s", (_, oid, text, value) => {
  expect(parserFor(oid)(text)).toEqual(value);
});

test.each([
  ["date", 1082, "0044-03-15 BC"],
  ["timestamp", 1114, "10000-01-01 00:00:00"],
  ["interval", 1186, "1 day"],
  ["numeric", 1700, "-Infinity"],
])("a %s that cannot be taken is refused without its value", (_, oid, text) => {
  expect(() => parserFor(oid)(text)).toThrow();
  expect(() => parserFor(oid)(text)).not.toThrow(text);
});

test("the end of a day is its beginning, as in psycopg2", () => {
  expect(parserFor(1083)("24:00:00")).toEqual(new PlainTime("00:00:00"));
});

test.each([
  [3904, "[1,5)", { lower: 1, upper: 5, bounds: "[)", empty: false }],
  [3906, "(1.5,)", { lower: new Decimal("1.5"), upper: null, bounds: "()", empty: false }],
  [
    3908,
    '["2026-01-01 00:00:00","2026-01-02 03:04:05"]',
    {
      lower: new Timestamp("2026-01-01T00:00:00"),
      upper: new Timestamp("2026-01-02T03:04:05"),
      bounds: "[]",
      empty: false,
    },
  ],
  [3926, "empty", { lower: null, upper: null, bounds: "[)", empty: true }],
])("ranges are dicts, as SQLAlchemy's (oid %s)", (oid, text, value) => {
  expect(parserFor(oid)(text)).toEqual(value);
});

test("hstore is a dict of texts", () => {
  expect(toHstore('"a"=>"1", "b c"=>NULL, "q\\"\\\\"=>"=>, "')).toEqual({
    a: "1",
    "b c": null,
    'q"\\': "=>, ",
  });
});

test.each([
  ['{"k": "a, b: c", "n": [1, -2, true, null], "o": {}}', '{"k":"a, b: c","n":[1,-2,true,null],"o":{}}'],
  ['{"n": 1.50, "m": 100000000000000000000.5}', '{"n":1.5,"m":1e+20}'],
  ['{"q": "a\\"b\\\\", "u": "\\u0001é"}', '{"q":"a\\"b\\\\","u":"\\u0001é"}'],
  ["[12345678901234567]", "[12345678901234567]"],
])("jsonb %s is stored as orjson prints it", (text, stored) => {
  const bytes = Buffer.from(`xx${text}yy`);
  expect(jsonbText(bytes, 2, bytes.length - 2).toString()).toBe(stored);
});

test("an integer in jsonb beyond 64 bits is refused", () => {
  const bytes = Buffer.from('{"n": 12345678901234567890123}');
  expect(() => jsonbText(bytes, 0, bytes.length)).toThrow(/64 bits/);
});
