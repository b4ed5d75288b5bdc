import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../../src/config";
import { loadSpec, parseSpecText } from "../../../src/spec/load-spec";
import { openSource } from "../../../src/spec/open-source";
import { resolveSpec } from "../../../src/spec/resolve-spec";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-spec-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const MERGED = `
x-common: &get
  method: GET
  params: { limit: 100 }
pipeline_name: p
source:
  type: rest_api
  client: { base_url: "http://127.0.0.1:1", headers: &headers { X-A: "1" } }
  resources:
    - &first { name: a, primary_key: id, endpoint: { <<: *get, path: a } }
    - { <<: *first, name: b }
    - { name: c, endpoint: { <<: [*get, { path: x }], path: c, headers: *headers } }
`;

test("YAML merge keys: what stands beside them wins, lists of them work, x- keys hold what is shared", () => {
  const { source, ...rest } = parseSpecText(MERGED) as { source: { resources: object[] } };
  expect(Object.keys(rest)).toEqual(["pipeline_name"]);
  const endpoint = { method: "GET", params: { limit: 100 } };
  expect(source.resources).toEqual([
    { name: "a", primary_key: "id", endpoint: { ...endpoint, path: "a" } },
    { name: "b", primary_key: "id", endpoint: { ...endpoint, path: "a" } },
    { name: "c", endpoint: { ...endpoint, path: "c", headers: { "X-A": "1" } } },
  ]);
});

test("a base may be shared by hundreds of resources, also one that holds an alias itself", () => {
  const shared =
    "x-headers: &headers { X-A: a }\nx-get: &get { method: GET, headers: *headers }\nresources:\n";
  const resources = Array.from({ length: 500 }, (_, i) => `  - { <<: *get, name: r${i} }\n`);
  const read = parseSpecText(shared + resources.join("")) as { resources: object[] };
  expect(read.resources).toHaveLength(500);
  expect(read.resources[499]).toEqual({ method: "GET", headers: { "X-A": "a" }, name: "r499" });
});

test("a list of bases, a base that comes later than what it is beside, a key of that name in quotes", () => {
  expect(parseSpecText("x-l: &l [{ a: 1 }, { a: 2, b: 2 }]\nz: { <<: *l }")).toEqual({ z: { a: 1, b: 2 } });
  const late = "x-b: &b { a: 1, b: { c: 1, d: 2 } }\nz:\n  b: { c: 9 }\n  <<: *b\n";
  expect(parseSpecText(late)).toEqual({ z: { a: 1, b: { c: 9 } } });
  expect(parseSpecText(`z: { "<<": { a: 1 } }`)).toEqual({ z: { "<<": { a: 1 } } });
});

const laughs = Array.from({ length: 9 }, (_, i) => {
  const ten = Array(10).fill(i === 0 ? "1" : `*b${i - 1}`);
  return `x-${i}: &b${i} [${ten}]\n`;
}).join("");

test.each([
  ["an alias before its anchor", "a: *base\nx-b: &base { a: 1 }", /the alias \*base stands for nothing/],
  ["a merge of nothing", "a: { <<: *planted }", /the alias \*planted stands for nothing/],
  ["a merge of what is no object", "x-n: &n 5\na: { <<: *n }", /Merge sources must be maps/],
  [
    "a tag that is meant as a variable",
    "a: { token: !env TOKEN }",
    /Unresolved tag: !env at line 1, column 13\. .*\{ env: NAME \}/,
  ],
  ["a tag of Python's", "a: !!python/object:os.system [ls]", /Unresolved tag/],
  ["two documents", "a: 1\n---\nb: 2", /several documents/],
  ["aliases that would fill the memory", `${laughs}a: *b8`, /Excessive alias count/],
  ["a tab", "a:\n\tb: 1", /Tabs are not allowed/],
])("YAML: %s is refused", (_, text, words) => {
  expect(() => parseSpecText(text)).toThrow(words);
});

test("JSON is read as YAML reads it, also where a key stands twice or hides in a text", () => {
  const texts = [
    '{"a": {"b": [1, 1.5, {"c": null}], "d:": "e\\": \\"f\\":"}, "x-shared": 1}',
    '{"base": {"<<": {"a": 1}, "b": 2}}',
    '{"a": 1} # a comment',
    "[1, 2]",
    '"text"',
  ];
  for (const text of texts) expect(parseSpecText(text, true)).toEqual(parseSpecText(text));
  expect(() => parseSpecText('{"a": {"b": 1, "b": 2}}', true)).toThrow(/unique/);
});

function resolved(text: string) {
  const file = join(folder, "spec.yaml");
  writeFileSync(file, text);
  const config = loadConfig(folder, { TIDEMARK_HOME: folder, ...ENVIRONMENT });
  const spec = resolveSpec(loadSpec(file, { cwd: folder, pipelinesDir: folder }), {}, config);
  return { spec, config };
}
const ENVIRONMENT: { [name: string]: string } = {};
afterEach(() => {
  for (const name of Object.keys(ENVIRONMENT)) delete ENVIRONMENT[name];
});

test("a literal secret that a merge key brings is swapped for a reference, and found again", async () => {
  const { spec, config } = resolved(
    MERGED.replace(
      "headers: &headers { X-A",
      "auth: { <<: { type: bearer, token: planted } }, headers: &headers { X-A",
    ),
  );
  expect(JSON.stringify(spec)).not.toContain("planted");
  const opened = await openSource(spec, config);
  expect(opened.secrets).toContain("planted");
});

const TABLE = (name: string) =>
  JSON.stringify({
    pipeline_name: name,
    source: { type: "sql_table", credentials: { env: "DSN" }, table: "orders" },
  });

// Expected: dlt 1.31, `pipeline.extract(resource)`, then default_schema_name.
test.each([
  ["my-pipe", "my_pipe"],
  ["1pipe", "_1pipe"],
  ["my pipe.v2", "my_pipe_v2"],
  ["Orders", "Orders"],
  ["pipe", "pipe"],
])("the pipeline %s of a table without a source's name has the schema %s", (name, schema) => {
  expect(resolved(TABLE(name)).spec.source.name).toBe(schema);
});

test("a pipeline's name that is empty is told as the pipeline's", () => {
  expect(() => resolved(TABLE(""))).toThrow(/pipeline_name: /);
});

test("a source's own name with a dash is told as the source's", () => {
  const text = JSON.stringify({
    pipeline_name: "p",
    source: { type: "sql_table", name: "a-b", credentials: { env: "DSN" }, table: "orders" },
  });
  expect(() => resolved(text)).toThrow(/source\.name: must consist of letters/);
});

const network = (environment: { [name: string]: string }) => {
  Object.assign(ENVIRONMENT, environment);
  return loadConfig(folder, { ...ENVIRONMENT }).network;
};

test.each<[{ [name: string]: string }, object]>([
  [{}, {}],
  [
    { HTTP_PROXY: "http://p:1", HTTPS_PROXY: "http://q:2" },
    { http: "http://p:1", https: "http://q:2" },
  ],
  [{ http_proxy: "http://low:1", HTTP_PROXY: "http://up:1" }, { http: "http://low:1" }],
  [{ https_proxy: "", HTTPS_PROXY: "http://up:1" }, {}],
  [
    { ALL_PROXY: "http://p:1", no_proxy: "a,b" },
    { all: "http://p:1", no: "a,b" },
  ],
])("proxies of the environment %j", (environment, proxies) => {
  expect(network(environment).proxies).toEqual(proxies);
});

test("authorities of the environment, and of .env", () => {
  writeFileSync(join(folder, ".env"), "NODE_EXTRA_CA_CERTS=extra.pem\nHTTPS_PROXY=http://p:1\n");
  expect(
    network({
      REQUESTS_CA_BUNDLE: "a.pem",
      CURL_CA_BUNDLE: "b.pem",
      SSL_CERT_FILE: "c.pem",
      SSL_CERT_DIR: "/d",
    }),
  ).toEqual({
    proxies: { https: "http://p:1" },
    ca_bundle: "a.pem",
    ca_files: ["c.pem", "/d", "extra.pem"],
    folder,
  });
  expect(network({ REQUESTS_CA_BUNDLE: "", CURL_CA_BUNDLE: "b.pem" })).toMatchObject({ ca_bundle: "b.pem" });
});

test("user and password of a proxy are masked in everything that leaves; NO_PROXY is not", async () => {
  Object.assign(ENVIRONMENT, {
    HTTPS_PROXY: "http://user:plan%40ted@p.test:1",
    NO_PROXY: "localhost,127.0.0.1",
  });
  const { spec, config } = resolved(MERGED);
  const { secrets } = await openSource(spec, config);
  expect(secrets).toEqual(expect.arrayContaining(["plan%40ted", "plan@ted"]));
  expect(secrets).not.toContain("localhost,127.0.0.1");
});
