/** Expected values come from Python: `requests` 2.34, urllib.parse, tenacity with dlt's settings. */
import { WholeFloat } from "../../../src/json/values";
import { parseLinks } from "../../../src/sources/http/link-header";
import { waitMs } from "../../../src/sources/http/retry";
import { encodeParams, joinBase, joinReference, requestTarget } from "../../../src/sources/http/url";

test("query parameters as requests encodes them", () => {
  const params = {
    a: true,
    n: null,
    l: [1, null, "x y"],
    f: 1e16,
    w: new WholeFloat(2),
    b: 2n ** 70n,
    é: "~*'",
    e: [],
  };
  expect(encodeParams(params)).toBe(
    "a=True&l=1&l=x+y&f=1e%2B16&w=2.0&b=1180591620717411303424&%C3%A9=~%2A%27",
  );
});

test.each([
  ["http://h/a b?x=1#f", {}, "/a%20b?x=1"],
  ["http://h", { q: "1" }, "/?q=1"],
  ["http://h/a?x=%7Eb", { q: "1" }, "/a?x=~b&q=1"],
  ["http://h/50%/é[1]", {}, "/50%25/%C3%A9%5B1%5D"],
  ["http://h/a/../b/.", {}, "/b/"],
])("request line of %s", (url, params, path) => {
  expect(requestTarget(url, params).path).toBe(path);
});

test("users and passwords leave the URL; other schemes are refused without naming the URL", () => {
  expect(requestTarget("https://u:p%40q@h:8/x")).toEqual({
    origin: "https://h:8",
    path: "/x",
    userinfo: { user: "u", password: "p@q" },
  });
  expect(() => requestTarget("ftp://secret")).toThrow(/^the URL does not begin with http/);
  expect(() => requestTarget("http://")).toThrow("no valid host");
});

test.each([
  ["http://h/v1/", "/rows", "http://h/v1/rows"],
  ["http://h/v1", "", "http://h/v1"],
  ["http://h", "https://other/x", "https://other/x"],
])("base %s and path %s", (base, path, url) => {
  expect(joinBase(base, path)).toBe(url);
});

test.each([
  ["http://h/a/b?x=1", "?p=2", "http://h/a/b?p=2"],
  ["http://h/a/b", "c", "http://h/a/c"],
  ["http://h/a/b", "../../../c", "http://h/c"],
  ["http://h/a/b", "/c?d=e", "http://h/c?d=e"],
  ["http://h/a/b", "//k/c", "http://k/c"],
  ["http://h", "c", "http://h/c"],
  ["http://h/a/b", "https://k/c", "https://k/c"],
])("%s joined with %s", (base, reference, url) => {
  expect(joinReference(base, reference)).toBe(url);
});

test("Link headers", () => {
  const links = parseLinks('<http://h/2>; rel="next", <http://h/9>; rel=last; title="a", <http://h/x>');
  expect([...links]).toEqual([
    ["next", "http://h/2"],
    ["last", "http://h/9"],
    ["http://h/x", "http://h/x"],
  ]);
  expect(parseLinks(undefined).size).toBe(0);
});

test("waits: 1, 2, 4, 8 s; Retry-After in seconds or as a date; never beyond 300 s", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  expect([1, 2, 3, 4].map(attempt => waitMs(attempt, undefined, now))).toEqual([1000, 2000, 4000, 8000]);
  expect(waitMs(1, " 7 ", now)).toBe(7000);
  expect(waitMs(1, "9999", now)).toBe(300_000);
  expect(waitMs(3, "0", now)).toBe(4000);
  expect(waitMs(3, "soon", now)).toBe(4000);
  expect(waitMs(1, "Thu, 01 Jan 2026 00:00:30 GMT", now)).toBe(30_000);
  expect(waitMs(2, "Thu, 01 Jan 2020 00:00:30 GMT", now)).toBe(2000);
  expect(waitMs(20, undefined, now)).toBe(300_000);
});
