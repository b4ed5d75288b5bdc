/** Bodies that a broken or hostile server may send, by name; made when they are needed, since some are large. */
import { gzipSync } from "node:zlib";

export interface HostileBody {
  name: string;
  make: () => Buffer;
  headers?: { [name: string]: string };
  /** Its rows bring values for dlt's linking columns, which are kept as they are, in dlt too. */
  ownSystemColumns?: boolean;
}

const text = (name: string, make: string | (() => string)): HostileBody => ({
  name,
  make: () => Buffer.from(typeof make === "string" ? make : make(), "utf8"),
});
const bytes = (name: string, ...values: number[]): HostileBody => ({
  name,
  make: () => Buffer.from(values),
});
const json = (name: string, rows: () => unknown): HostileBody => text(name, () => JSON.stringify(rows()));

const nested = (open: string, close: string, levels: number, inside = "1") =>
  `[{"id":9,"v":${open.repeat(levels)}${inside}${close.repeat(levels)}}]`;
const range = <T>(count: number, one: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => one(i));
/** A row with a given key, which JavaScript's object literals could not have. */
const key = (name: string, value = "1") => `[{"id":9,${JSON.stringify(name)}:${value}}]`;

const NAMES_OF_PROTOTYPES = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "valueOf",
];

export const HOSTILE_BODIES: readonly HostileBody[] = [
  // ---- not JSON
  text("empty body", ""),
  text("white space", " \n\t "),
  text("HTML", "<!doctype html><html><body>Bad gateway</body></html>"),
  bytes("single NUL", 0),
  bytes("invalid UTF-8 alone", 0xff, 0xfe, 0xfd, 0xc0, 0x80),
  bytes("byte order mark alone", 0xef, 0xbb, 0xbf),
  bytes("half of a UTF-16 text", 0xff, 0xfe, 0x5b),
  text("trailing garbage", '[{"id":9}] x'),
  text("two documents", '[{"id":9}][{"id":10}]'),
  text("trailing comma", '[{"id":9,}]'),
  text("single quotes", "[{'id':9}]"),
  text("comment", '[{"id":9}/* */]'),
  text("leading zero", '[{"id":09}]'),
  text("plus sign", '[{"id":+9}]'),
  text("hexadecimal", '[{"id":0x9}]'),
  text("raw control characters in a text", '[{"id":9,"v":"a\u0001\u001f\nb"}]'),
  text("half an escape", '[{"id":9,"v":"\\u12"}]'),
  text("unknown escape", '[{"id":9,"v":"\\x41"}]'),
  ...[1, 5, 9, 14, 20, 27, 40].map(length =>
    text(`truncated after ${length}`, '[{"id":9,"v":"text","w":[1.5,{"x":tr'.slice(0, length)),
  ),
  {
    name: "truncated gzip",
    make: () => gzipSync(Buffer.from(JSON.stringify(range(1000, id => ({ id }))))).subarray(0, 200),
    headers: { "content-encoding": "gzip" },
  },
  {
    name: "no gzip, said to be",
    make: () => Buffer.from('[{"id":9}]'),
    headers: { "content-encoding": "gzip" },
  },
  {
    name: "gzip bomb of 512 MB",
    make: () => Buffer.concat(Array<Buffer>(8).fill(gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20)))),
    headers: { "content-encoding": "gzip" },
  },
  {
    name: "unknown character set",
    make: () => Buffer.from('[{"id":9,"v":"\u00e4"}]'),
    headers: { "content-type": "application/json; charset=x-nothing" },
  },
  {
    name: "UTF-16",
    make: () => Buffer.from('\ufeff[{"id":9,"v":"\u00e4"}]', "utf16le"),
  },

  // ---- shapes
  text("null", "null"),
  text("a number", "42"),
  text("a text", '"text"'),
  text("an object", '{"id":9}'),
  text("an empty list", "[]"),
  text("rows that are no objects", '[1,"a",null,true,1.5]'),
  text("lists of lists", '[[{"id":9}],[[{"id":10}]],[]]'),
  text("an empty row", "[{}]"),
  text("lists in lists", '[{"id":9,"v":[[1,[2,[3,[]]]],[],[[[{"a":[[1]]}]]]]}]'),
  text("empty things", '[{"id":9,"a":[],"b":{},"c":"","d":null,"e":[[]],"f":[{}],"g":[null]}]'),
  text("lists nested 10,000 deep", () => nested("[", "]", 10_000)),
  text("objects nested 10,000 deep", () => nested('{"a":', "}", 10_000)),
  text("objects nested 10,000 deep, whole floats", () => nested('{"a":', "}", 10_000, "1.0")),
  text("lists and objects nested 10,000 deep", () => nested('[{"a":', "}]", 5_000)),
  text("only brackets, 1,000,000 of them", () => "[".repeat(1_000_000)),
  text("objects nested 900 deep", () => nested('{"a":', "}", 900)),
  text("lists of objects nested 300 deep", () => nested('[{"a":', "}]", 300)),
  json("every type in one column", () => [
    ...[1, "a", true, null, 1.5, [1], { x: 1 }, [{ y: 1 }], "2026-01-01", "2026-01-01T00:00:00Z"].map(
      (v, id) => ({
        id: id + 9,
        v,
      }),
    ),
  ]),
  json("100,000 columns", () => [Object.fromEntries(range(100_000, i => [`column_${i}`, i]))]),
  json("900 columns, one more in each row", () => range(900, i => ({ id: i + 1000, [`column_${i}`]: i }))),
  json("300 child tables", () => [Object.fromEntries(range(300, i => [`list_${i}`, [{ x: i }]]))]),
  json("100,000 rows in one list", () => [{ id: 9, list: range(100_000, x => ({ x })) }]),

  // ---- names
  json("key of 1 MB", () => [{ id: 9, ["k".repeat(1 << 20)]: 1 }]),
  json("key of 1 MB beside another", () => [
    { id: 9, [`${"k".repeat(1 << 20)}a`]: 1, [`${"k".repeat(1 << 20)}b`]: 2 },
  ]),
  json("list key of 1 MB", () => [{ id: 9, ["k".repeat(1 << 20)]: [{ x: 1 }] }]),
  text("empty key", key("")),
  text("empty key of a list", key("", "[1]")),
  text("key of spaces", key("   ")),
  text("key of underscores", key("____")),
  text("key of emoji", key("\u{1f600}\u{1f600}")),
  text("key with NUL", key("a\u0000b")),
  text("key of NUL", key("\u0000")),
  text("key of half a pair", '[{"id":9,"\\ud800":1}]'),
  text("key of the other half", '[{"id":9,"a\\udc00b":1}]'),
  text("key with quotes and semicolons", key('x"; DROP TABLE "items"; --')),
  text("key with line ends", key("a\r\nb\u2028c")),
  text("keys that become one", '[{"id":9,"A b":1,"a_b":2,"A_B":"x","a__b":3}]'),
  text("duplicate keys", '[{"id":8,"id":9,"v":1,"v":"x","v":[1]}]'),
  {
    ...text(
      "names of the system",
      '[{"id":9,"_dlt_id":"own","_dlt_load_id":"own","_dlt_parent_id":"p","_dlt_list_idx":"i"}]',
    ),
    ownSystemColumns: true,
  },
  {
    ...text(
      "names of the system as other types",
      '[{"id":9,"_dlt_id":{"a":1},"_dlt_load_id":[1],"_dlt_root_id":5}]',
    ),
    ownSystemColumns: true,
  },
  text("one own id twice", '[{"id":9,"_dlt_id":"own"},{"id":10,"_dlt_id":"own"}]'),
  text("null as own id", '[{"id":9,"_dlt_id":null,"_dlt_load_id":null}]'),
  {
    ...text(
      "children with own ids",
      '[{"id":9,"list":[{"_dlt_id":"x","_dlt_parent_id":"y","_dlt_list_idx":"z"}]}]',
    ),
    ownSystemColumns: true,
  },
  text("a column called as a child table's", '[{"id":9,"a":[{"x":1}],"a__x":5,"a__x__y":[1]}]'),
  ...NAMES_OF_PROTOTYPES.flatMap(name => [
    text(`key ${name}`, key(name)),
    text(`key ${name}, an object`, key(name, '{"polluted":{"x":1}}')),
    text(`key ${name}, a list`, key(name, '[{"polluted":true}]')),
  ]),

  // ---- values
  text("value with NUL", '[{"id":9,"v":"a\\u0000b"}]'),
  text("value of half a pair", '[{"id":9,"v":"\\ud800"}]'),
  text("value of halves the wrong way round", '[{"id":9,"v":"\\udc00\\ud800","w":["\\udfff"]}]'),
  {
    name: "value with bytes that are not UTF-8",
    make: () =>
      Buffer.concat([Buffer.from('[{"id":9,"v":"'), Buffer.from([0xc3, 0x28, 0xff]), Buffer.from('"}]')]),
  },
  json("value of 20 MB", () => [{ id: 9, v: "x".repeat(20 << 20) }]),
  text("integer of 5,000 digits", () => `[{"id":9,"v":${"9".repeat(5_000)}}]`),
  text("integers at the edges", '[{"id":9,"v":9223372036854775807},{"id":10,"v":-9223372036854775808}]'),
  text("2^63", '[{"id":9,"v":9223372036854775808}]'),
  text("2^200 in a list", `[{"id":9,"v":[${2n ** 200n}]}]`),
  text("1e400", '[{"id":9,"v":1e400}]'),
  text("1e-400", '[{"id":9,"v":1e-400}]'),
  text("an exponent of 10 digits", '[{"id":9,"v":1E+9999999999}]'),
  text("a fraction of 100,000 digits", () => `[{"id":9,"v":0.${"1".repeat(100_000)}}]`),
  text("minus zero", '[{"id":9,"v":-0},{"id":10,"v":-0.0}]'),
  text("NaN and infinities", '[{"id":9,"v":NaN},{"id":10,"v":Infinity},{"id":11,"v":-Infinity}]'),
  text("NaN nested", '[{"id":9,"v":[NaN,{"x":-Infinity}]}]'),
  text(
    "times beyond time",
    '[{"id":9,"v":"0000-00-00"},{"id":10,"v":"+275760-09-13T00:00:00Z"},{"id":11,"v":"9999-99-99T99:99:99Z"}]',
  ),
  text(
    "times at the edges",
    '[{"id":9,"v":"0001-01-01T00:00:00Z"},{"id":10,"v":"9999-12-31T23:59:59.999999999Z"},{"id":11,"v":"9999-12-31T23:59:59-23:59"}]',
  ),
  text("a key that changes its type", '[{"id":"nine"},{"id":9.5},{"id":true},{"id":{"x":1}},{"id":[1]}]'),
  text("a key that is null", '[{"id":null},{"id":9}]'),
  text("a key that is missing", '[{"v":1}]'),
];
