/**
 * Expected values come from Python's `http.cookiejar` as `requests.Session` uses it, but for three: a cookie without a
 * domain goes to its host alone (RFC 6265; there to subdomains too), one that ends in the answer that set it is gone, and
 * very large ones are not kept.
 */
import { CookieJar } from "../../../src/sources/http/cookies";
import { callOf, clientOf, closeServers, serve } from "./servers";

afterEach(closeServers);

const NOW = Date.parse("2026-01-01T00:00:00Z");

function sent(from: string, cookies: string[], to: string, now = NOW): string | undefined {
  const jar = new CookieJar();
  jar.take(from, cookies, NOW);
  return jar.header(to, now);
}

test.each([
  ["http://h.test/", ["a=1"], "http://h.test/x", "a=1"],
  ["http://h.test/", ["a=1"], "http://h.test:8080/x", "a=1"],
  ["http://h.test/", ["a=1"], "http://other.test/x", undefined],
  ["http://h.test/", ["a=1"], "http://sub.h.test/x", undefined],
  ["http://h.test/", ["a=1; Domain=h.test"], "http://sub.h.test/x", "a=1"],
  ["http://a.h.test/", ["a=1; Domain=.h.test"], "http://b.h.test/x", "a=1"],
  ["http://h.test/", ["a=1; Domain=other.test"], "http://other.test/x", undefined],
  ["http://h.test/", ["a=1; Domain=test"], "http://evil.test/x", undefined],
  ["http://h.test/", ["a=1; Domain=x.h.test"], "http://x.h.test/", undefined],
  ["http://h.test/v1/login", ["a=1"], "http://h.test/v1/rows", "a=1"],
  ["http://h.test/v1/login", ["a=1"], "http://h.test/v2", undefined],
  ["http://h.test/", ["a=1; Path=/v1"], "http://h.test/v1/x", "a=1"],
  ["http://h.test/", ["a=1; Path=/v1"], "http://h.test/v10", undefined],
  ["https://h.test/", ["a=1; Secure"], "http://h.test/", undefined],
  ["https://h.test/", ["a=1; Secure; HttpOnly; SameSite=Lax"], "https://h.test/", "a=1"],
  ["http://h.test/", ["a=1", "a=2", "b=3"], "http://h.test/", "a=2; b=3"],
  ["http://h.test/", ["a=1", "b=2; Path=/x"], "http://h.test/x/y", "b=2; a=1"],
  ["http://h.test/", ["a=1", "a=; Max-Age=0"], "http://h.test/", undefined],
  ["http://h.test/", ["a=1; Expires=Wed, 31 Dec 2025 00:00:00 GMT"], "http://h.test/", undefined],
  ["http://h.test/", ["a=1; Expires=Thu, 01-Jan-2026 00:10:00 GMT"], "http://h.test/", "a=1"],
  ["http://h.test/", ['a="x y"; Path=/'], "http://h.test/", 'a="x y"'],
  ["http://127.0.0.1/", ["a=1; Domain=127.0.0.1"], "http://127.0.0.1/", "a=1"],
  [
    "http://h.test/",
    ["", ";", "=; Path=/", `a=${"x".repeat(9000)}`, "b=\u0001"],
    "http://h.test/",
    undefined,
  ],
])("set by %s: %j; sent to %s: %s", (from, cookies, to, expected) => {
  expect(sent(from, cookies, to)).toBe(expected);
});

test("a cookie ends with its age", () => {
  const cookies = ["a=1; Max-Age=60; Expires=Wed, 31 Dec 2025 00:00:00 GMT"];
  expect(sent("http://h.test/", cookies, "http://h.test/", NOW + 59_000)).toBe("a=1");
  expect(sent("http://h.test/", cookies, "http://h.test/", NOW + 61_000)).toBeUndefined();
});

test("a server that sets cookies without end is not kept in memory", () => {
  const jar = new CookieJar();
  for (let i = 0; i < 1000; i++) jar.take("http://h.test/", [`c${i}=1`]);
  expect(jar.header("http://h.test/")!.split("; ")).toHaveLength(300);
});

test("over pages and redirects of one client; a login that redirects works; a Cookie header of the spec wins", async () => {
  const seen: (string | undefined)[] = [];
  const base = await serve((request, response) => {
    seen.push(request.headers.cookie);
    if (request.url === "/login")
      response.writeHead(302, { Location: "/rows", "Set-Cookie": ["s=1; Path=/", "t=2"] });
    response.end("[]");
  });
  const client = clientOf();
  await client.send(callOf(`${base}/login`));
  await client.send(callOf(`${base}/rows`));
  await client.send(callOf(`${base}/rows`, { headers: { Cookie: "own=1" } }));
  await client.close();
  expect(seen).toEqual([undefined, "s=1; t=2", "s=1; t=2", "own=1"]);
});
