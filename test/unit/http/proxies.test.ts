/** Which proxy: expected values come from `requests` 2.34 (`should_bypass_proxies`, `select_proxy`). */
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { isBypassed, proxyFor } from "../../../src/sources/http/proxies";
import {
  Authority,
  ask,
  callOf,
  clientOf,
  closeServers,
  failure,
  NETWORK,
  serve,
  serveProxy,
  serveRaw,
  serveTls,
} from "./servers";

afterEach(closeServers);

test.each([
  ["http://api.test/", "api.test", true],
  ["http://api.test/", ".test", true],
  ["http://api.test/", "test", true],
  ["http://api.test/", "pi.test", false],
  ["http://API.test/", "other, api.test", true],
  ["http://api.test:8080/", "api.test:8080", true],
  ["http://api.test:8080/", "api.test:9090", false],
  ["http://10.1.2.3/", "10.0.0.0/8", true],
  ["http://10.1.2.3/", "10.1.2.3", true],
  ["http://10.1.2.3/", "10.2.0.0/16", false],
  ["http://10.1.2.3/", "10.0.0.0/99", false],
  ["http://[::1]:8080/", "::1", true],
  ["http://api.test/", "*", true],
  ["http://api.test/", "", false],
  ["http://localhost/", "localhost,127.0.0.1", true],
])("%s with NO_PROXY=%s is asked directly: %s", (url, noProxy, expected) => {
  expect(isBypassed(new URL(url), noProxy)).toBe(expected);
});

test.each([
  ["http://h/", {}, { http: "http://p:1" }, "http://p:1"],
  ["https://h/", {}, { http: "http://p:1" }, undefined],
  ["https://h/", {}, { https: "p:1" }, "http://p:1"],
  ["https://h/", {}, { all: "http://p:1" }, "http://p:1"],
  ["https://h/", { https: "http://own:2" }, { https: "http://p:1" }, "http://own:2"],
  ["https://h/", { "https://h": "http://own:2", https: "http://x:3" }, {}, "http://own:2"],
  ["https://h/", { all: "http://own:2" }, {}, "http://own:2"],
  ["https://h/", { https: null }, { https: "http://p:1" }, undefined],
  ["http://h/", {}, { http: "http://p:1", no: "h" }, undefined],
  ["http://h/", { no_proxy: "x" }, { http: "http://p:1", no: "h" }, "http://p:1"],
  ["http://h/", { http: "http://own:2" }, { no: "h" }, "http://own:2"],
])("%s with proxies %j and environment %j: %s", (url, own, environment, expected) => {
  expect(proxyFor(new URL(url), own, environment as never)?.origin).toBe(expected);
});

test("user and password of a proxy are unescaped; other kinds and nonsense are refused without a word of them", () => {
  const proxy = proxyFor(new URL("http://h/"), { http: "http://us%40er:p%23w@p.test:1" }, {});
  expect(proxy).toEqual({
    origin: "http://p.test:1",
    authorization: `Basic ${Buffer.from("us@er:p#w").toString("base64")}`,
  });
  for (const address of [
    "socks5://u:planted@p.test:1",
    "http://u:planted@p.test:99999",
    "http://u:pla#nted@p.test",
  ]) {
    expect(() => proxyFor(new URL("http://h/"), { http: address }, {})).toThrow(
      expect.objectContaining({ code: "SPEC_INVALID", message: expect.not.stringMatching(/pla|nted/) }),
    );
  }
});

describe("a real proxy", () => {
  let authority: Authority;
  beforeAll(() => {
    authority = new Authority();
  });
  afterAll(() => authority.remove());

  test("is asked for the whole URL of what speaks plainly, with user and password; a host that only it knows is reached", async () => {
    const seen: unknown[] = [];
    const base = await serve((request, response) => {
      seen.push([
        request.headers.host,
        request.headers["proxy-authorization"],
        request.headers.authorization,
      ]);
      response.end("[1]");
    });
    const { port } = new URL(base);
    const proxy = await serveProxy({ credentials: "user:p@ss" });
    const proxies = { http: proxy.url.replace("//", "//user:p%40ss@") };
    const headers = { Authorization: "Bearer t" };
    expect(
      await ask(`http://api.example.test:${port}/a?b=1`, { network: { ...NETWORK, proxies } }, { headers }),
    ).toBe("[1]");
    expect(proxy.log).toEqual([`GET http://api.example.test:${port}/a?b=1`]);
    expect(seen).toEqual([[`api.example.test:${port}`, undefined, "Bearer t"]]);
  });

  test("gives a tunnel to what speaks TLS, and sees nothing of it; the certificate is that of the target", async () => {
    const base = await serveTls(authority.server(), (request, response) => response.end(request.url));
    const { port } = new URL(base);
    const proxy = await serveProxy({ credentials: "user:password" });
    const options = {
      proxies: { https: proxy.url.replace("//", "//user:password@") },
      tls: { verify: authority.ca },
    };
    expect(await ask(`https://api.example.test:${port}/a?b=1`, options)).toBe("/a?b=1");
    expect(proxy.log).toEqual([`CONNECT api.example.test:${port}`]);
    const error = await failure(ask(`https://wrong.example.test:${port}/`, options));
    expect(error).toMatchObject({ code: "HTTP_TLS", message: expect.stringContaining("for another name") });
  });

  test("one tunnel serves many requests", async () => {
    const base = await serveTls(authority.server(), (_, response) => response.end("[]"));
    const proxy = await serveProxy();
    const client = clientOf({ proxies: { https: proxy.url }, tls: { verify: authority.ca } });
    for (let i = 0; i < 5; i++) await client.send(callOf(`${base}/${i}`));
    await client.close();
    expect(proxy.log).toHaveLength(1);
  });

  test.each([
    ["http", "http://api.example.test:1"],
    ["https", "https://api.example.test:1"],
  ])(
    "that refuses user and password over %s is told as the proxy, at once, without the password",
    async (scheme, url) => {
      const proxy = await serveProxy({ credentials: "user:right" });
      const requests = jest.fn();
      const proxies = { [scheme]: proxy.url.replace("//", "//user:planted@") };
      const error = await failure(ask(url, { proxies, attempts: 5, onRequest: requests }));
      expect(error).toMatchObject({ code: "HTTP_UNAUTHORIZED", kind: "terminal" });
      expect(error.message).toContain("the proxy answered 407 Proxy Authentication Required");
      expect(error.message).not.toContain("planted");
      expect(requests).toHaveBeenCalledTimes(1);
    },
  );

  test("that lets a host not through is told; one that is not there too; 502 is tried again", async () => {
    const closed = await serveProxy({ refuse: 403 });
    expect((await failure(ask("https://h.test", { proxies: { https: closed.url } }))).message).toContain(
      "the proxy answered 403 Forbidden",
    );
    const broken = await serveProxy({ refuse: 502 });
    const error = await failure(ask("https://h.test", { proxies: { https: broken.url }, attempts: 2 }));
    expect(error).toMatchObject({ code: "HTTP_UNREACHABLE", kind: "transient" });
    expect(broken.log).toHaveLength(2);
    for (const url of ["http://h.test", "https://h.test"]) {
      const none = await failure(ask(url, { proxies: { all: "http://127.0.0.1:1" } }));
      expect(none.message).toContain("the proxy could not be reached (ECONNREFUSED)");
    }
  });

  test("is left out for hosts of NO_PROXY, also after a redirect from one that is not", async () => {
    const second = await serve((_, response) => response.end("[2]"), "127.0.0.2");
    const first = await serve((_, response) => response.writeHead(302, { Location: second }).end());
    const proxy = await serveProxy();
    const network = { ...NETWORK, proxies: { http: proxy.url, no: "127.0.0.2" } };
    expect(await ask(first, { network })).toBe("[2]");
    expect(proxy.log).toEqual([`GET ${first}/`]);
  });

  test("odd answers are read through it as well: of the proxy itself, and through its tunnel", async () => {
    const odd = "HTTP/1.1 200 OK\nContent-Length: 3\n\n[1]";
    const { base, requests } = await serveRaw(odd);
    const url = "http://api.example.test/a?b=1";
    expect(await ask(url, { proxies: { http: base.replace("//", "//user:password@") } })).toBe("[1]");
    expect(requests[1]).toMatch(
      /^GET http:\/\/api\.example\.test\/a\?b=1 HTTP\/1\.1\r\nhost: api\.example\.test\r\n/,
    );
    expect(requests[1]).toContain("\r\nproxy-authorization: Basic ");

    const target = createServer(
      authority.server(),
      socket => void socket.once("data", () => socket.end(odd)),
    );
    await new Promise<void>(done => target.listen(0, "127.0.0.1", done));
    const proxy = await serveProxy();
    const { port } = target.address() as AddressInfo;
    const options = { proxies: { https: proxy.url }, tls: { verify: authority.ca } };
    expect(await ask(`https://api.example.test:${port}/`, options)).toBe("[1]");
    expect(proxy.log).toEqual(Array(2).fill(`CONNECT api.example.test:${port}`));
    await new Promise(done => target.close(done));
  });
});
