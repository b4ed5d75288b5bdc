/** Expected values come from `requests` 2.34 (`should_strip_auth`, `rebuild_method`), but for secrets of other names. */
import { keepsCredentials, redirected } from "../../../src/sources/http/redirect";
import { ask, callOf, closeServers, failure, serve } from "./servers";

afterEach(closeServers);

test.each([
  ["http://h/a", "http://h/b", true],
  ["http://h/a", "http://h:80/b", true],
  ["https://h:443/a", "https://h/b", true],
  ["http://h/a", "https://h/b", true],
  ["http://h:80/a", "https://h:443/b", true],
  ["http://H/a", "https://h/b", true],
  ["http://h:8080/a", "https://h/b", false],
  ["http://h/a", "https://h:8443/b", false],
  ["http://h:8080/a", "https://h:8443/b", false],
  ["http://h:1/a", "http://h:2/b", false],
  ["https://h/a", "http://h/b", false],
  ["http://h/a", "http://other/b", false],
  ["http://h/a", "http://sub.h/b", false],
  ["http://h/a", "http://h.evil/b", false],
  ["http://h/a", "http://h@evil/b", false],
])("from %s to %s credentials stay: %s", (from, to, stay) => {
  expect(keepsCredentials(from, to)).toBe(stay);
});

const HEADERS = {
  Authorization: "Bearer planted",
  "X-API-Key": "planted",
  "x-auth-token": "planted",
  "Ocp-Apim-Subscription-Key": "planted",
  "X-Shop": "shop planted-value 1",
  Cookie: "planted=1",
  "X-Version": "2",
  Accept: "application/json",
};

test("another host gets no secret header, whatever it is called, and no other header is lost", () => {
  const call = callOf("https://api.test/a", { headers: HEADERS });
  const { headers } = redirected(call, 302, "https://cdn.test/b", ["planted-value"]);
  expect(headers).toEqual({ "X-Version": "2", Accept: "application/json" });
  expect(redirected(call, 302, "https://api.test/b", ["planted-value"]).headers).toEqual(HEADERS);
});

test("secrets that the server copies into its target do not leave the host; signatures of its own do", () => {
  const call = callOf("https://api.test/a?key=k%20y/1");
  const to = (location: string) => redirected(call, 302, location, ["k y/1"]).url;
  expect(to("https://cdn.test/b?key=k%20y%2F1&page=2")).toBe("https://cdn.test/b?page=2");
  expect(to("https://cdn.test/b?page=2&x=k+y/1")).toBe("https://cdn.test/b?page=2");
  expect(to("https://cdn.test/b?X-Amz-Signature=abc&token=t")).toBe(
    "https://cdn.test/b?X-Amz-Signature=abc&token=t",
  );
  expect(to("/b?key=k%20y%2F1")).toBe("https://api.test/b?key=k%20y%2F1");
});

test("a body with credentials is not sent on to another host", () => {
  const call = callOf("https://api.test/token", { method: "POST", body: "client_secret=planted1" });
  expect(() => redirected(call, 307, "https://other.test/t", ["planted1"])).toThrow(
    expect.objectContaining({ code: "HTTP_STATUS", message: expect.stringContaining("not followed") }),
  );
  expect(redirected(call, 307, "https://api.test/t", ["planted1"])).toMatchObject({
    method: "POST",
    body: call.body,
  });
  expect(redirected(call, 302, "https://other.test/t", ["planted1"])).toMatchObject({
    method: "GET",
    body: undefined,
  });
});

test("over real servers: the second host sees the request without its secrets", async () => {
  const seen: unknown[] = [];
  const second = await serve((request, response) => {
    seen.push([
      request.url,
      request.headers["x-api-key"],
      request.headers.authorization,
      request.headers["x-version"],
    ]);
    response.end("[]");
  }, "127.0.0.2");
  const first = await serve((request, response) => {
    response.writeHead(302, { Location: `${second}${request.url}` }).end();
  });
  await ask(`${first}/r?api_key=planted1&page=1`, { secrets: ["planted1"] }, { headers: HEADERS });
  expect(seen).toEqual([["/r?page=1", undefined, undefined, "2"]]);
});

test("a target that is no address of HTTP is told", async () => {
  const base = await serve((_, response) => response.writeHead(302, { Location: "ftp://h/planted" }).end());
  const error = await failure(ask(base));
  expect(error.code).toBe("SOURCE_BAD_RESPONSE");
  expect(error.message).not.toContain("planted");
});
