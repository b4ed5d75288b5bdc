import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { TidemarkError } from "../../../src/pipeline/errors";
import { readJson } from "../../../src/sources/http/body";
import type { HttpCall } from "../../../src/sources/http/call";
import { HttpClient, type HttpClientOptions } from "../../../src/sources/http/client";

let server: Server;
let base: string;
let listener: RequestListener;
let hits = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    hits++;
    listener(request, response);
  });
  await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise(done => server.close(done));
});
beforeEach(() => {
  hits = 0;
});

async function send(over: Partial<HttpCall> = {}, options: Partial<HttpClientOptions> = {}) {
  const client = new HttpClient({ signal: new AbortController().signal, attempts: 5, ...options });
  try {
    return await client.send({
      method: "GET",
      url: `${base}/secret-token/x?key=verysecret`,
      headers: {},
      what: 'Resource "x" (GET x)',
      credentials: "Check the token.",
      ...over,
    });
  } finally {
    await client.close();
  }
}

async function failure(promise: Promise<unknown>): Promise<TidemarkError> {
  const error = await promise.then(
    () => undefined,
    reason => reason,
  );
  expect(error).toBeInstanceOf(TidemarkError);
  expect(error.message).not.toMatch(/secret/);
  return error;
}

test("429, 429, 200 are three requests; each counts, and the waiting is told", async () => {
  listener = (_, response) => {
    response.writeHead(hits < 3 ? 429 : 200, { "Retry-After": "1" });
    response.end("[1]");
  };
  const requests = jest.fn();
  const waits: string[] = [];
  const response = await send({}, { onRequest: requests, onWait: what => waits.push(what) });
  expect(response?.body.toString()).toBe("[1]");
  expect(hits).toBe(3);
  expect(requests).toHaveBeenCalledTimes(3);
  const told =
    /^Resource "x" \(GET x\): the source asks for a pause until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC; 1 s left$/;
  expect(waits).toEqual(Array(2).fill(expect.stringMatching(told)));
});

test("5xx at the last attempt is a transient error that carries Retry-After", async () => {
  listener = (_, response) => response.writeHead(503, { "Retry-After": "120" }).end();
  const error = await failure(send({}, { attempts: 1 }));
  expect(error).toMatchObject({ code: "HTTP_RETRYABLE_STATUS", kind: "transient", retryAfterMs: 120_000 });
  expect(error.message).toContain("answered 503 Service Unavailable (attempt 1)");
});

test.each([
  [401, "HTTP_UNAUTHORIZED", "Check the token."],
  [403, "HTTP_UNAUTHORIZED", "Check the token."],
  [404, "HTTP_STATUS", '{"status_code": 404, "action": "ignore"}'],
])("%i is terminal at once", async (status, code, hint) => {
  listener = (_, response) => response.writeHead(status).end();
  const error = await failure(send());
  expect(error).toMatchObject({ code, kind: "terminal", message: expect.stringContaining(hint) });
  expect(hits).toBe(1);
});

test("a connection cut in the middle of the body is tried again", async () => {
  listener = (_, response) => {
    if (hits > 1) {
      response.end("[2]");
      return;
    }
    response.writeHead(200, { "Content-Length": "100" });
    response.write("[1");
    setTimeout(() => response.destroy(), 20);
  };
  expect((await send())?.body.toString()).toBe("[2]");
  expect(hits).toBe(2);
});

test("a host that is not there is transient, and the message names no address", async () => {
  const error = await failure(send({ url: "http://127.0.0.1:1/secret" }, { attempts: 1 }));
  expect(error).toMatchObject({ code: "HTTP_UNREACHABLE", kind: "transient" });
  expect(error.message).toContain("ECONNREFUSED");
});

test("an abort ends the waiting at once, with the signal's reason", async () => {
  listener = (_, response) => response.writeHead(503, { "Retry-After": "300" }).end();
  const abort = new AbortController();
  const reason = new Error("cancelled");
  setTimeout(() => abort.abort(reason), 50);
  const started = Date.now();
  await expect(send({}, { signal: abort.signal })).rejects.toBe(reason);
  expect(Date.now() - started).toBeLessThan(2000);
});

test("an abort ends a request that hangs", async () => {
  listener = () => {};
  const abort = new AbortController();
  const reason = new Error("cancelled");
  setTimeout(() => abort.abort(reason), 50);
  await expect(send({}, { signal: abort.signal })).rejects.toBe(reason);
});

test("an ignored answer is not tried again", async () => {
  listener = (_, response) => response.writeHead(500).end();
  const client = new HttpClient({ signal: new AbortController().signal, attempts: 5 });
  const call = { method: "GET", url: base, headers: {}, what: "x", credentials: "" };
  expect(await client.send(call, response => response.status === 500)).toBeUndefined();
  expect(hits).toBe(1);
  await client.close();
});

test("credentials do not follow a redirect to another host", async () => {
  const seen: (string | undefined)[] = [];
  listener = (request, response) => {
    seen.push(request.headers.authorization);
    if (hits > 2) response.end("[]");
    else if (hits === 2)
      response.writeHead(302, { Location: `${base.replace("127.0.0.1", "localhost")}/c` }).end();
    else response.writeHead(302, { Location: "/b" }).end();
  };
  await send({ headers: { Authorization: "Bearer t" } });
  expect(seen).toEqual(["Bearer t", "Bearer t", undefined]);
});

test("endless redirects end", async () => {
  listener = (_, response) => response.writeHead(302, { Location: "/again" }).end();
  expect((await failure(send())).message).toContain("more than 30 redirects");
});

test("a header that HTTP does not allow is told without its value", async () => {
  const error = await failure(send({ headers: { "X-A": "secret\nvalue" } }));
  expect(error.code).toBe("SPEC_INVALID");
  expect(hits).toBe(0);
});

test("packed bodies, byte order marks, other character sets, bytes that are not UTF-8", async () => {
  listener = (_, response) => response.writeHead(200, { "Content-Encoding": "gzip" }).end(gzipSync("[1]"));
  expect((await send())?.body.toString()).toBe("[1]");
  expect(readJson(Buffer.from("\ufeff[1]"), "application/json")).toEqual([1]);
  expect(readJson(Buffer.from("\ufeff[1]", "utf16le"), undefined)).toEqual([1]);
  expect(readJson(Buffer.from('["é"]', "latin1"), "application/json; charset=iso-8859-1")).toEqual(["é"]);
  expect(readJson(Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]), "application/json")).toEqual(["\ufffd"]);
  expect(() => readJson(Buffer.from("secret"), undefined)).toThrow(
    expect.objectContaining({ code: "HTTP_BAD_JSON" }),
  );
});
