import { keysInOrder } from "../../../src/json/key-order";
import { needsCare, parseJson } from "../../../src/json/parse";
import { byCodePoint, floatText, orjsonText } from "../../../src/json/print";
import { pythonStr } from "../../../src/json/python-text";
import { decodeLine, encodeLine } from "../../../src/json/typed-json";
import type { Row, Value } from "../../../src/json/values";
import { Binary, Decimal, PlainDate, PlainTime, Timestamp, WholeFloat } from "../../../src/json/values";
import { TidemarkError } from "../../../src/pipeline/errors";

const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    if (error instanceof TidemarkError) return error.code;
    throw error;
  }
  return "no error";
};

describe("parseJson", () => {
  test.each<[string, Value]>([
    ["1", 1],
    ["1.0", new WholeFloat(1)],
    ["-0.0", new WholeFloat(-0)],
    ["1e2", new WholeFloat(100)],
    ["1.5e1", new WholeFloat(15)],
    ["1.5e0", 1.5],
    ["1e400", Number.POSITIVE_INFINITY],
    ["9007199254740991", 9007199254740991],
    ["9007199254740993", 9007199254740993n],
    ["18446744073709551616", 18446744073709551616n],
    ["12345678.99999999999", new WholeFloat(12345679)],
    ["0.1234567890123456789", 0.12345678901234568],
    ["[NaN,Infinity,-Infinity]", [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
    ['"2024-01-01T10:00:00.000Z"', "2024-01-01T10:00:00.000Z"],
    ['["12345678901234567890","a1e5b"]', ["12345678901234567890", "a1e5b"]],
    ['{"a":1.0,"a":2.0}', { a: new WholeFloat(2) }],
    ['{"a\\u0041\\n\\"":1.0}', { 'aA\n"': new WholeFloat(1) }],
  ])("%s", (text, expected) => {
    expect(parseJson(text)).toEqual(expected);
    expect(parseJson(Buffer.from(text))).toEqual(expected);
  });

  test("the guard lets harmless texts pass", () => {
    for (const text of [
      '{"at":"2024-01-01T10:00:00.000Z","id":"12345678901234567890","h":"ab1e5f","lat":52.52000659999999812}',
      '{"s":"1.0","t":"Infinity"}',
    ]) {
      expect(needsCare(text)).toBe(false);
    }
    expect(needsCare('{"a":1.0}')).toBe(true);
    expect(needsCare('{"a":[1,2.00 ]}')).toBe(true);
    expect(needsCare('{"2024":1}')).toBe(true);
  });

  test("keys of digits keep the document's order", () => {
    const row = parseJson('{"b":1,"2024":2,"a":{"z":1,"1":2}}') as Row;
    expect(keysInOrder(row)).toEqual(["b", "2024", "a"]);
    expect(orjsonText(row)).toBe('{"b":1,"2024":2,"a":{"z":1,"1":2}}');
    expect(encodeLine(row)).toBe('{"b":1,"2024":2,"a":{"z":1,"1":2}}');
    row.c = 3;
    delete row.b;
    expect(keysInOrder(row)).toEqual(["2024", "a", "c"]);
  });

  test("__proto__ is an ordinary key, with and without care", () => {
    for (const text of ['{"__proto__":{"x":1}}', '{"__proto__":{"x":1.0}}']) {
      const row = parseJson(text) as Row;
      expect(Object.keys(row)).toEqual(["__proto__"]);
      expect(Object.getPrototypeOf(row)).toBe(Object.prototype);
    }
  });

  test("bad input is a coded error that does not quote it", () => {
    for (const text of [
      "",
      "{",
      '{"a":1.0',
      '{"a" 1.0}',
      "[1.0,]",
      "secret-token",
      '["x\u0001",1.0]',
      "[01.0]",
      "[1.0]x",
    ]) {
      expect(code(() => parseJson(text))).toBe("HTTP_BAD_JSON");
    }
    expect(() => parseJson("secret-token")).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("secret") }),
    );
  });

  test("10,000 levels end in a coded error, not in a crash", () => {
    const deep = `${"[".repeat(10_000)}1.0${"]".repeat(10_000)}`;
    expect(code(() => parseJson(deep))).toBe("ROW_NOT_STORABLE");
    const plain = parseJson(`{"a":${"[".repeat(10_000)}${"]".repeat(10_000)}}`) as Row;
    expect(code(() => encodeLine(plain))).toBe("ROW_NOT_STORABLE");
  });
});

test("floats print as orjson prints them", () => {
  const cases: [number, string][] = [
    [1, "1.0"],
    [1e15, "1000000000000000.0"],
    [1e16, "1e+16"],
    [1.2345678901234568e17, "1.2345678901234568e+17"],
    [1e21, "1e+21"],
    [1.5e22, "1.5e+22"],
    [1e-5, "0.00001"],
    [1.234e-5, "0.00001234"],
    [1e-6, "1e-6"],
    [1.5e-6, "1.5e-6"],
    [1e-7, "1e-7"],
    [-0, "-0.0"],
    [5e-324, "5e-324"],
    [1.7976931348623157e308, "1.7976931348623157e+308"],
    [9999999999999998, "9999999999999998.0"],
  ];
  for (const [value, text] of cases) expect(floatText(value)).toBe(text);
});

test("python's str", () => {
  const cases: [Parameters<typeof pythonStr>[0], string][] = [
    [true, "True"],
    [5, "5"],
    [2.5, "2.5"],
    [new WholeFloat(1e22), "1e+22"],
    [new WholeFloat(1e15), "1000000000000000.0"],
    [1e-7, "1e-07"],
    [0.00012, "0.00012"],
    [1.2e-5, "1.2e-05"],
    [new WholeFloat(1e100), "1e+100"],
    [2n ** 70n, "1180591620717411303424"],
    [null, "None"],
    [new Binary(Buffer.from("hi")), "aGk="],
  ];
  for (const [value, text] of cases) expect(pythonStr(value)).toBe(text);
});

test("sorted keys go by code point, not by UTF-16 unit", () => {
  expect(
    orjsonText({ "\u{1f600}": 1, "\uffff": 2, b: { z: 1, a: new WholeFloat(2) } }, { sortKeys: true }),
  ).toBe('{"b":{"a":2.0,"z":1},"\uffff":2,"\u{1f600}":1}');
  expect(["\u{10000}", "\ue000", "\ud7ff", "a", ""].sort(byCodePoint)).toEqual([
    "",
    "a",
    "\ud7ff",
    "\ue000",
    "\u{10000}",
  ]);
});

describe("typed JSON lines", () => {
  test("every type survives the way there and back", () => {
    const row: Row = {
      n: 1,
      f: new WholeFloat(1),
      big: 2n ** 63n,
      d: new Decimal("12.50"),
      ts: new Timestamp("2024-01-02T00:00:00+00:00"),
      naive: new Timestamp("2024-01-02T00:00:00.123456"),
      date: new PlainDate("2024-01-02"),
      time: new PlainTime("10:11:12"),
      bytes: new Binary(Buffer.from([0, 255])),
      nested: { list: [new Decimal("1E+3"), null, "x"] },
    };
    const line = encodeLine(row);
    expect(line).toContain('"\uf02712024'.replace("1", ""));
    expect(decodeLine(line)).toEqual(row);
  });

  test("a marked string that does not decode stays as it is; UUIDs become text", () => {
    expect(decodeLine('{"a":"\uf026x","b":"\uf029ab-c","c":"\uf027nope","d":"\uf026"}')).toEqual({
      a: "\uf026x",
      b: "ab-c",
      c: "\uf027nope",
      d: "\uf026",
    });
  });

  test("NaN and infinities are null, integers beyond 64 bits and lone surrogates are refused", () => {
    expect(encodeLine({ a: Number.NaN, b: Number.NEGATIVE_INFINITY, c: [new WholeFloat(2)] })).toBe(
      '{"a":null,"b":null,"c":[2.0]}',
    );
    expect(encodeLine({ a: 2n ** 64n - 1n, b: -(2n ** 63n) })).toBe(
      '{"a":18446744073709551615,"b":-9223372036854775808}',
    );
    expect(code(() => encodeLine({ a: 2n ** 64n }))).toBe("INTEGER_TOO_LARGE");
    expect(code(() => encodeLine({ a: [{ b: -(2n ** 63n) - 1n }] }))).toBe("INTEGER_TOO_LARGE");
    expect(code(() => encodeLine({ a: ["\ud800"] }))).toBe("ROW_NOT_STORABLE");
    expect(code(() => encodeLine({ "\udc00": 1 }))).toBe("ROW_NOT_STORABLE");
    expect(encodeLine({ a: "\\ud800 \u{1f600}" })).toBe(JSON.stringify({ a: "\\ud800 \u{1f600}" }));
  });
});
