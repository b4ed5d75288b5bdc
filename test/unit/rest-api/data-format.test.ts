import type { Json, JsonObject } from "../../../src/pipeline/spec";
import { restApi } from "../../../src/sources/rest-api";
import { csvRows } from "../../../src/sources/rest-api/csv-rows";
import { isCut, nameWhatCame, readDocument } from "../../../src/sources/rest-api/data-format";
import { readXml } from "../../../src/sources/rest-api/xml-document";
import { type CaseResponse, CaseServer } from "../../support/case-server";
import { createSource, runAll, specOf, take } from "./harness";

let server: CaseServer;
beforeAll(async () => {
  server = await CaseServer.start();
});
afterAll(() => server.close());

/** Rows of one resource whose endpoint answers this. */
async function rowsOf(response: CaseResponse, endpoint: JsonObject, more: JsonObject = {}) {
  server.setPhase({ routes: [{ path: "/r", responses: [response] }] });
  const { r } = await runAll({
    client: { base_url: server.base },
    resources: [{ name: "r", endpoint: { paginator: "single_page", ...endpoint }, ...more }],
  });
  return r;
}

test.each([["ndjson"], ["jsonl"]])("%s: a row a line, exactly as JSON", async data_format => {
  const raw = '{"id":1,"v":1.0}\r\n\n{"id":9007199254740993,"v":"a\\nb"}\n';
  const rows = await rowsOf({ raw, headers: { "content-type": "application/x-ndjson" } }, { data_format });
  expect(JSON.stringify(rows, (_, value) => (typeof value === "bigint" ? `${value}n` : value))).toBe(
    '[{"id":1,"v":{"value":1}},{"id":"9007199254740993n","v":"a\\nb"}]',
  );
});

test("a line of NDJSON that is no JSON is told by its number", async () => {
  await expect(rowsOf({ raw: '{"id":1}\nplanted\n' }, { data_format: "ndjson" })).rejects.toMatchObject({
    code: "HTTP_BAD_JSON",
    message: expect.stringMatching(/In line 2 of the answer: (?!.*planted)/s),
  });
});

test.each<[string, string, string | undefined, unknown[]]>([
  [
    "plain",
    "id,name\n1,one\n2,two\n",
    undefined,
    [
      { id: "1", name: "one" },
      { id: "2", name: "two" },
    ],
  ],
  ["CRLF, no end of the last line", "id,name\r\n1,one", undefined, [{ id: "1", name: "one" }]],
  [
    "quotes",
    'id,name\n1,"a,""b""\nc"\n2,""\n',
    undefined,
    [
      { id: "1", name: 'a,"b"\nc' },
      { id: "2", name: "" },
    ],
  ],
  [
    "empty is null, missing too",
    "a,b,c\n1,,\n2\n",
    undefined,
    [
      { a: "1", b: null, c: null },
      { a: "2", b: null, c: null },
    ],
  ],
  ["semicolons", "id;name\n1;a,b\n", ";", [{ id: "1", name: "a,b" }]],
  ["a column without a name", "id,\n1,x\n", undefined, [{ id: "1", column_2: "x" }]],
  [
    "names of prototypes",
    "__proto__,constructor\n1,2\n",
    undefined,
    [JSON.parse('{"__proto__":"1","constructor":"2"}')],
  ],
  ["only names", "id,name\n", undefined, []],
  ["nothing", "", undefined, []],
])("CSV: %s", async (_, raw, delimiter, expected) => {
  const data_format = delimiter === undefined ? "csv" : { type: "csv", delimiter };
  expect(await rowsOf({ raw, headers: { "content-type": "text/csv" } }, { data_format })).toEqual(expected);
});

test("CSV of other character sets, and of tabs where the answer says so", () => {
  const body = Buffer.from("name\té\nx\ty\n", "latin1");
  const type = "text/tab-separated-values; charset=windows-1252";
  expect(readDocument(body, type, { type: "csv" })).toEqual([{ name: "x", é: "y" }]);
});

test.each([
  ['id\n1\n2,"3"\n', "in line 3, 2 values stand where 1 columns are named"],
  ['id\n"1\n', "in line 2, a quoted value has no end"],
  ['id\n"1"x\n', "in line 2, something stands between a closing quote and the next value"],
  ["id,id\n1,2\n", "in line 1, two columns have one name"],
])("CSV that is none: %j", (text, told) => {
  expect(() => csvRows(text, ",")).toThrow(
    expect.objectContaining({ code: "SOURCE_BAD_RESPONSE", message: expect.stringContaining(told) }),
  );
});

const FEED = `<?xml version="1.0"?><!DOCTYPE feed><!-- <x> -->
<feed total="2"><entry id="1"><name>a &amp; b &#x2764;</name><tag>x</tag><tag>y</tag></entry>
<entry id="2"><name><![CDATA[<c>]]></name><price currency="EUR">5</price><empty/></entry></feed>`;

test("XML: attributes and children are keys, repeated children a list; data_selector leads to the rows", async () => {
  const rows = [
    { id: "1", name: "a & b ❤", tag: ["x", "y"] },
    { id: "2", name: "<c>", price: { currency: "EUR", value: "5" }, empty: null },
  ];
  const headers = { "content-type": "application/xml" };
  expect(await rowsOf({ raw: FEED, headers }, { data_format: "xml", data_selector: "feed.entry" })).toEqual(
    rows,
  );
  // Detected: the first list.
  expect(await rowsOf({ raw: FEED, headers }, { data_format: "xml" })).toEqual(rows);
  const one = "<feed><entry><id>1</id></entry></feed>";
  expect(await rowsOf({ raw: one }, { data_format: "xml", data_selector: "feed.entry" })).toEqual([
    { id: "1" },
  ]);
});

test("XML: names that meet keep both values", () => {
  expect(readXml('<a id="1" value="2"><id>3</id>text</a>')).toEqual({
    a: { id_attribute: "1", value_attribute: "2", id: "3", value: "text" },
  });
  expect(readXml("<a __proto__='1'/>")).toEqual({ a: JSON.parse('{"__proto__":"1"}') });
});

test.each([
  ["<a><b></a></b>", "an element ends that did not begin"],
  ["<a>", "ends before its last element does"],
  ["text", "text stands outside"],
  ["<a>&nothing;</a>", "an entity that XML does not know"],
  ["<a b=1/>", "an attribute has no quoted value"],
  ["<a>".repeat(300), "nested deeper"],
  ['<!DOCTYPE a [<!ENTITY x "planted">]><a>&x;</a>', "declares entities of its own"],
])("XML that is none: %s", (text, told) => {
  expect(() => readXml(text)).toThrow(
    expect.objectContaining({
      code: "SOURCE_BAD_RESPONSE",
      message: expect.stringMatching(new RegExp(`^(?!.*planted).*${told}`)),
    }),
  );
});

test("data_format may stand in the resource and in resource_defaults; pages go on", async () => {
  const csv = {
    raw: "id\n1\n",
    headers: { "content-type": "text/csv", Link: '<{{BASE}}/r?page=2>; rel="next"' },
  };
  server.setPhase({
    routes: [
      { path: "/r", query: { page: null }, responses: [csv] },
      { path: "/r", query: { page: 2 }, responses: [{ raw: "id\n2\n" }] },
    ],
  });
  const config = {
    client: { base_url: server.base },
    resource_defaults: { data_format: "csv" },
    resources: ["r"],
  };
  expect((await runAll(config)).r).toEqual([{ id: "1" }, { id: "2" }]);
});

test("a data_format that is none is told with the nearest one", () => {
  const problemsOf = (data_format: Json) =>
    restApi.check(
      specOf({ client: { base_url: "http://h" }, resources: [{ name: "r", endpoint: { data_format } }] }),
    );
  const at = ["resources", 0, "endpoint", "data_format"];
  expect(problemsOf("cvs")).toEqual([{ path: at, message: expect.stringContaining('did you mean "csv"') }]);
  expect(problemsOf({ type: "csv", delimiter: ";;" })).toEqual([
    { path: [...at, "delimiter"], message: "must be one character" },
  ]);
  expect(problemsOf({ type: "csv", delimeter: ";" })[0]!.message).toContain('did you mean "delimiter"');
  expect(problemsOf(1)).toHaveLength(1);
});

test.each<[string | Buffer, string | undefined, string]>([
  ["<!DOCTYPE html><p>", "text/html; charset=utf-8", "calls it text/html. It is a page of HTML"],
  ["<feed/>", "application/xml", 'write "data_format": "xml"'],
  ['{"a":1}\n{"a":2}', undefined, 'write "data_format": "ndjson"'],
  ["a,b\n1,2", "text/csv", 'Write "data_format": "csv"'],
  [Buffer.from([0x1f, 0x8b, 8]), undefined, "packed with gzip"],
  [Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), undefined, "packed with zstd"],
  ["PK\u0003\u0004", undefined, "a ZIP file"],
  ["PAR1", undefined, "a Parquet file"],
  ["nothing", "text/plain", "calls it text/plain."],
])("what came is named: %j", (body, type, told) => {
  expect(nameWhatCame(Buffer.from(body as string), type)).toContain(told);
});

test("the failure of a resource names it, and quotes nothing", async () => {
  const page = { raw: "<html>planted</html>", headers: { "content-type": "text/html" } };
  await expect(rowsOf(page, {})).rejects.toMatchObject({
    code: "HTTP_BAD_JSON",
    message: expect.stringMatching(/^Resource "r" \(GET r\): (?!.*planted).*page of HTML/),
  });
});

test("a document that is cut though it calls itself whole is asked for again, three times at most", async () => {
  expect(
    ['[{"a":1', '{"a":[1]', "[1]", '{"a":1}\n', '"text"', "", "1"].map(text => isCut(Buffer.from(text))),
  ).toEqual([true, true, false, false, false, false, false]);
  const cut = { raw: '[{"id":1},{"id"' };
  server.setPhase({ routes: [{ path: "/r", responses: [cut, cut, { json: [{ id: 1 }, { id: 2 }] }] }] });
  const config = { client: { base_url: server.base }, resources: ["r"] };
  const [resource] = (await createSource(config)).resources;
  expect((await take(resource!)).rows).toHaveLength(2);
  expect(server.log).toHaveLength(3);
  server.setPhase({ routes: [{ path: "/r", responses: [cut] }] });
  await expect(take(resource!)).rejects.toMatchObject({ code: "HTTP_BAD_JSON" });
  expect(server.log).toHaveLength(3);
});

test("other failures before it use up nothing: a cut document has its three attempts to itself", async () => {
  const cut = { raw: '[{"id":1},{"id"' };
  const busy = { status: 500, raw: "" };
  const good = { json: [{ id: 1 }, { id: 2 }] };
  server.setPhase({ routes: [{ path: "/r", responses: [busy, cut, cut, good] }] });
  const [resource] = (await createSource({ client: { base_url: server.base }, resources: ["r"] })).resources;
  expect((await take(resource!)).rows).toHaveLength(2);
  expect(server.log).toHaveLength(4);
});
