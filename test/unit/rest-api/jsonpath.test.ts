/** The table was produced by jsonpath-ng 1.16.0 through dlt 1.31.0 (`jsonpath.find_values`, `extract_simple_field_name`). */
import { compilePath, isObject, JsonPathError, simpleField } from "../../../src/json/jsonpath";
import type { Value } from "../../../src/json/values";
import { Timestamp, WholeFloat } from "../../../src/json/values";
import table from "./jsonpath-cases.json";

const doc = table.doc as unknown as Value;
const cases = table.cases as unknown as [string, { ok?: Value[]; simple: string | null }][];

test.each(cases)("%s", (path, expected) => {
  if (expected.ok === undefined) {
    expect(() => compilePath(path)).toThrow(JsonPathError);
    return;
  }
  expect(compilePath(path)(doc)).toEqual(expected.ok);
  expect(simpleField(path)).toBe(expected.simple);
});

test("typed values are leaves, but numbers compare by value", () => {
  const row = { f: new WholeFloat(1), at: new Timestamp("2024-01-01"), big: 9007199254740993n };
  expect(compilePath("$..value")(row)).toEqual([]);
  expect(compilePath("$.*")(row)).toEqual([row.f, row.at, row.big]);
  expect(compilePath("$[?(@ == 1)]")(row)).toEqual([row.f]);
  expect(compilePath("$[?(@ > 9007199254740992)]")(row)).toEqual([row.big]);
  expect(isObject(row.at)).toBe(false);
});

test("names of Object.prototype are not found unless the document has them", () => {
  expect(compilePath("constructor")({ a: 1 })).toEqual([]);
  expect(compilePath("__proto__")({ a: 1 })).toEqual([]);
  expect(compilePath("__proto__")(JSON.parse('{"__proto__": 5}'))).toEqual([5]);
});

test("10,000 levels do not exhaust the stack", () => {
  let deep: Value = { id: 1 };
  for (let i = 0; i < 10_000; i++) deep = { down: deep };
  expect(compilePath("$..id")(deep)).toEqual([1]);
});

test("messages name the position and the way out", () => {
  expect(() => compilePath("my-fiéld")).toThrow(
    'unexpected character "é" at position 6; put the name in quotes',
  );
  expect(() => compilePath("a.`sorted`")).toThrow("`sorted` is not supported");
});
