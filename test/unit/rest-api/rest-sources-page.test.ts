/** Holds docs/rest-sources.md: every row of its tables is what a test shows, and every number is the code's. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ERROR_KINDS } from "../../../src/pipeline/errors";
import { client } from "../../../src/sources/rest-api/shapes";

const ROOT = join(__dirname, "..", "..", "..");
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const PAGE = read("docs/rest-sources.md");

const rows: string[][] = PAGE.split("\n")
  .filter(line => line.startsWith("| ") && !/^\|[-| ]+\|$/.test(line))
  .map(line =>
    line
      .slice(1, -1)
      .split("|")
      .map(cell => cell.trim()),
  );
const HEADS = new Set(["option", "setting", "answer", "failure", ""]);
const LIMITS = PAGE.slice(PAGE.indexOf("## Limits"), PAGE.indexOf("## Where"));
const firstCells = rows
  .map(([first]) => first!)
  .filter(first => !HEADS.has(first) && !LIMITS.includes(`| ${first} |`));

const HTTP = "test/unit/http/";
const REST = "test/unit/rest-api/";
/** First cell of a row → the test that shows it: file and a part of its title. */
const HELD: { [row: string]: [string, string] } = {
  "`verify`": [`${HTTP}tls.test.ts`, "trusted by %s"],
  "`cert`": [`${HTTP}tls.test.ts`, "takes it: %s"],
  "`proxies`": [`${HTTP}proxies.test.ts`, "with proxies %j and environment %j"],
  "`max_concurrent_requests`": [`${REST}client-options.test.ts`, "resources of one source share their pace"],
  "`requests_per_second`": [`${HTTP}pace.test.ts`, "requests_per_second holds for everybody"],
  "`data_format`": [`${REST}data-format.test.ts`, "data_selector leads to the rows"],
  "`parallelized`": [`${REST}client-options.test.ts`, "parallelized as in dlt"],
  "`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`": [`${HTTP}proxies.test.ts`, "is asked for the whole URL"],
  "`NO_PROXY`": [`${HTTP}proxies.test.ts`, "is asked directly: %s"],
  "`REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`": [`${HTTP}tls.test.ts`, "is told with the setting's name"],
  "`SSL_CERT_FILE`, `SSL_CERT_DIR`, `NODE_EXTRA_CA_CERTS`": [
    "test/unit/spec/load-spec.test.ts",
    "authorities of the environment, and of .env",
  ],
  methods: [`${HTTP}redirects.test.ts`, "a body with credentials is not sent on"],
  "`Authorization`": [`${HTTP}redirects.test.ts`, "credentials stay: %s"],
  "other secrets": [`${HTTP}redirects.test.ts`, "another host gets no secret header"],
  "a body with secrets": [`${HTTP}redirects.test.ts`, "a body with credentials is not sent on"],
  cookies: [`${HTTP}cookies.test.ts`, "over pages and redirects of one client"],
  "header blocks up to 1 MB": [`${HTTP}odd-answers.test.ts`, "is read as requests reads it"],
  "`Content-Length` beside `Transfer-Encoding`, equal lengths twice, lengths that are no numbers, bare line feeds, interim answers, control characters in headers":
    [`${HTTP}odd-answers.test.ts`, "is read as requests reads it"],
  "lengths that differ, chunks without a length, no HTTP at all": [
    `${HTTP}odd-answers.test.ts`,
    "is refused with words, in three attempts",
  ],
  "`gzip`, `deflate` (raw too), `br`, several in a row": [`${HTTP}bodies.test.ts`, "packed with %s"],
  "`zstd`": [`${HTTP}bodies.test.ts`, "zstd is unpacked, though nobody is asked for it"],
  "a packed body that is cut or damaged": [
    `${HTTP}bodies.test.ts`,
    "that is cut is asked for again, then told",
  ],
  "character sets": [`${HTTP}bodies.test.ts`, "bytes of %s"],
  "no JSON": [`${REST}data-format.test.ts`, "what came is named"],
  "JSON that stops in its middle, in an answer that calls itself whole": [
    `${REST}data-format.test.ts`,
    "is asked for again, three times at most",
  ],
  "a kept connection that is closed under a request": [`${HTTP}connections.test.ts`, "is repeated at once"],
  "a connection that is lost before or in an answer": [
    `${HTTP}connections.test.ts`,
    "five attempts, a second apart",
  ],
  "nobody listens, no answer for a minute": [`${HTTP}connections.test.ts`, "a port where nobody listens"],
  "a host that is not known": [`${HTTP}connections.test.ts`, "a host that is not known is named"],
  "a certificate that is not trusted, a client certificate that is missing": [
    `${HTTP}tls.test.ts`,
    "refuses without it, and the message names client.cert",
  ],
  "a proxy that refuses (407, 403)": [`${HTTP}proxies.test.ts`, "is told as the proxy, at once"],
  "a proxy that is not there, or answers 5xx": [`${HTTP}proxies.test.ts`, "502 is tried again"],
  "401, 403": [`${HTTP}client.test.ts`, "is terminal at once"],
  "429, 5xx, a 403 that is a rate limit": [`${HTTP}rate-limit.test.ts`, "GitHub's 403 is waited for"],
  "another 4xx": [`${HTTP}client.test.ts`, "is terminal at once"],
  "who shares": [`${HTTP}pace.test.ts`, "has one pace, another one its own"],
  "a pause that is asked for": [`${HTTP}pace.test.ts`, "a pause that one request is told of holds for all"],
  "a 403 that is a rate limit": [`${HTTP}rate-limit.test.ts`, "is a rate limit: %#"],
  "the last answer of a budget": [`${HTTP}rate-limit.test.ts`, "the last answer of a budget is a pause too"],
  "a long pause": [`${HTTP}rate-limit.test.ts`, "a pause of hours is left to the run"],
  "more requests than the API serves at a time": [`${HTTP}pace.test.ts`, "the ceiling is learnt"],
};

test("every row of a table is held by a test, and by one that is there", () => {
  expect([...new Set(firstCells)].sort()).toEqual(Object.keys(HELD).sort());
  const missing = Object.entries(HELD).filter(([, [file, title]]) => !read(file).includes(title));
  expect(missing).toEqual([]);
});

test("every option of a client that is ours stands in it", () => {
  const dlts = ["base_url", "headers", "auth", "paginator", "session"];
  const ours = Object.keys(client.shape).filter(key => !dlts.includes(key));
  expect(ours.length).toBeGreaterThan(4);
  expect(ours.filter(key => HELD[`\`${key}\``] === undefined)).toEqual([]);
});

test("every code that it names is one", () => {
  const codes = [...PAGE.matchAll(/`((?:HTTP|SOURCE)_[A-Z_]+)`/g)].map(([, code]) => code!);
  const settings = ["HTTP_PROXY"];
  expect(codes.length).toBeGreaterThan(8);
  expect(codes.filter(code => !Object.hasOwn(ERROR_KINDS, code) && !settings.includes(code))).toEqual([]);
});

/** Row of "Limits" → where the number stands. */
const NUMBERS: { [row: string]: [string, RegExp] } = {
  "body, unpacked | 256 MB": ["body.ts", /MAX_BODY_BYTES = 256 \* 1024 \* 1024/],
  "header block | 1 MB": ["plain-exchange.ts", /MAX_HEADER_BYTES = 1024 \* 1024/],
  "line of a head that is read oddly | 64 KB": ["plain-exchange.ts", /MAX_LINE_BYTES = 64 \* 1024/],
  "redirects of a request | 30": ["redirect.ts", /MAX_REDIRECTS = 30/],
  "silence of a server, making a connection | 60 s": ["connect.ts", /TIMEOUT_MS = 60_000/],
  "wait of our own, `Retry-After` of a 5xx | 300 s": ["retry.ts", /MAX_WAIT_MS = 300_000/],
  "pause that a worker waits for | 65 min": ["pace.ts", /MAX_PAUSE_MS = 65 \* 60_000/],
  "pause that is believed | 24 h": ["rate-limit.ts", /MAX_ANNOUNCED_MS = 24 \* 60 \* 60_000/],
  "cookies of a client | 300 of 8 KB": [
    "cookies.ts",
    /MAX_COOKIES = 300;\nconst MAX_COOKIE_LENGTH = 8 \* 1024/,
  ],
  "depth of XML | 200": ["../rest-api/xml-document.ts", /MAX_DEPTH = 200/],
};

test("limits are the code's", () => {
  const listed = LIMITS.split("\n")
    .filter(line => /^\| [^|]+ \| /.test(line))
    .map(line => line.slice(2, -2).trim());
  expect(listed.sort()).toEqual(Object.keys(NUMBERS).sort());
  const wrong = Object.entries(NUMBERS).filter(
    ([, [file, constant]]) => !constant.test(read(join("src/sources/http", file))),
  );
  expect(wrong).toEqual([]);
});
