/** A page that stays text holds the same rows as one that is read; whatever needs care is not taken. */
import { parseLines } from "../../../src/json/lines";
import { findList, toLines } from "../../../src/json/list-text";
import { parseJson } from "../../../src/json/parse";
import { orjsonText } from "../../../src/json/print";
import { encodeLine } from "../../../src/json/typed-json";
import type { Row, Value } from "../../../src/json/values";

function linesOf(text: string | Buffer, keys: string[]): string[] | undefined {
  const bytes = Buffer.from(text as string);
  const list = findList(bytes, keys);
  if (list === undefined) return undefined;
  const lines = toLines(bytes, list).toString();
  expect(lines.endsWith("\n")).toBe(true);
  return lines
    .split("\n")
    .map(line => line.trim())
    .filter(Boolean);
}

test("rows of a list, wherever keys lead to it", () => {
  expect(linesOf('[{"a":1},{"b":[1,{"c":"]"}]}]', [])).toEqual(['{"a":1}', '{"b":[1,{"c":"]"}]}']);
  expect(
    linesOf(' { "n" : {"data":[{"x":1}]}, "data" : [ { "a" : 1 } ,\n{\r\n"a":\t2} ] } \n', ["data"]),
  ).toEqual(['{ "a" : 1 }', '{  "a":\t2}']);
  expect(
    linesOf('{"x":{"items":[{"no":1}]},"page":{"items":[{"a":1}],"n":2},"y":{}}', ["page", "items"]),
  ).toEqual(['{"a":1}']);
  expect(linesOf('{"data":[]}', ["data"])).toEqual([]);
  expect(linesOf('{"data":[ ]}', ["data"])).toEqual([]);
});

test.each([
  ["another shape", '{"data":{"a":1}}'],
  ["no such key", '{"rows":[{"a":1}]}'],
  ["the key deeper down", '{"a":{"data":[{"a":1}]}}'],
  ["the key twice", '{"data":[{"a":1}],"data":[{"a":2}]}'],
  ["the key twice, once with an escape", '{"data":[{"a":1}],"d\\u0061ta":[{"a":2}]}'],
  ["a row that is no object", '{"data":[{"a":1},2]}'],
  ["a first row that is no object", '{"data":[[],{"a":1}]}'],
  ["an integer beyond 64 bits", '{"data":[{"a":18446744073709551616}]}'],
  ["a float beyond all floats", '{"data":[{"a":1e999}]}'],
  ["NaN", '{"data":[{"a":NaN}]}'],
  ["half of a surrogate pair", '{"data":[{"a":"\\ud800"}]}'],
  ["the other half", '{"data":[{"a":"\\udc00\\ud800"}]}'],
  ["bytes that are no UTF-8", Buffer.from([...Buffer.from('{"data":[{"a":"'), 0xff, ...Buffer.from('"}]}')])],
  ["a byte order mark", '\ufeff{"data":[{"a":1}]}'],
  ["a line feed in a text", '{"data":[{"a":"x\ny"}]}'],
  ["too deep", `{"data":[{"a":${"[".repeat(600)}${"]".repeat(600)}}]}`],
  ["an end too early", '{"data":[{"a":1}'],
  ["more than a document", '{"data":[{"a":1}]}{}'],
  ["a comma too much", '{"data":[{"a":1},]}'],
  ["a number with a zero in front", '{"data":[{"a":01}]}'],
  ["a wrong escape", '{"data":[{"a":"\\x41"}]}'],
  ["a control character as space", '{"data":[\u000b{"a":1}]}'],
  ["nothing", ""],
])("not taken: %s", (_, text) => {
  expect(linesOf(text, ["data"])).toBeUndefined();
});

/** A small seeded generator (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const PIECES = [
  ...[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"',
    "\\",
    " ",
    "\n",
    "data",
    '"data":',
    '"a":',
    "0",
    "-",
    ".",
    "e",
    "E+5",
    "\\u00e9",
  ],
  ...[
    "1",
    "12345678901234567890",
    "0.50",
    "true",
    "nul",
    "é",
    "\u0007",
    '"x"',
    '{"a":1}',
    ',{"b":[]}',
    "1e5",
    "-0",
    "\\n",
  ],
];

test("whatever is taken is valid, and holds the rows that the reader finds", () => {
  const random = generator(7);
  const pick = (list: string[]) => list[Math.floor(random() * list.length)]!;
  let taken = 0;
  for (let i = 0; i < 15_000; i++) {
    const rows = Array.from(
      { length: Math.floor(random() * 4) },
      () => `{"a":${pick(["1", '"t"', "[1,{}]", "null", "1.0"])}}`,
    );
    let text = `{"n":${pick(["1", '{"data":[]}', '"]"', "[{}]"])},"data":[${rows.join(" , ")}],"m":{"k":[]}}`;
    for (let k = Math.floor(random() * 3); k > 0; k--) {
      const at = Math.floor(random() * text.length);
      text = text.slice(0, at) + pick(PIECES) + text.slice(at + Math.floor(random() * 3));
    }
    const lines = linesOf(text, ["data"]);
    if (lines === undefined) continue;
    taken++;
    const expected = (parseJson(text) as { data: Row[] }).data;
    const printed = (values: Value[]) => values.map(value => orjsonText(parseJson(encodeLine(value as Row))));
    expect(printed(parseLines(lines.join("\n")))).toEqual(printed(expected));
  }
  expect(taken).toBeGreaterThan(5_000);
});
