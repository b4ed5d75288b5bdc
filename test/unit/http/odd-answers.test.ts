/**
 * Answers that break the rules of HTTP. What is right comes from `requests` 2.34: "[1]" where it takes them (bare line
 * feeds in chunks and 200 headers are taken besides); what it refuses is refused here too, with words, in few attempts.
 */
import { callOf, clientOf, closeServers, failure, serveRaw } from "./servers";

afterEach(closeServers);

const BODY = "[1]";
const CRLF = "\r\n";

async function answerOf(raw: string | Buffer, attempts = 1) {
  const { base, requests } = await serveRaw(raw);
  const client = clientOf({ attempts });
  try {
    const response = await client.send(callOf(`${base}/x`));
    return { text: response!.body.toString(), header: response!.header, requests };
  } finally {
    await client.close();
  }
}

const head = (...lines: string[]) => ["HTTP/1.1 200 OK", ...lines, "", ""].join(CRLF);

test.each([
  ["headers of 20 KB", head(`X-Policy: ${"x".repeat(20_000)}`, "Content-Length: 3") + BODY],
  [
    "headers of 600 KB",
    head(...Array.from({ length: 10 }, (_, i) => `X-${i}: ${"x".repeat(60_000)}`), "Content-Length: 3") +
      BODY,
  ],
  ["200 headers", head(...Array.from({ length: 200 }, (_, i) => `X-${i}: 1`), "Content-Length: 3") + BODY],
  ["both lengths", `${head("Content-Length: 3", "Transfer-Encoding: chunked")}3\r\n${BODY}\r\n0\r\n\r\n`],
  [
    "both lengths that differ",
    `${head("Content-Length: 99", "Transfer-Encoding: chunked")}3\r\n${BODY}\r\n0\r\n\r\n`,
  ],
  ["bare line feeds", `HTTP/1.1 200 OK\nContent-Length: 3\n\n${BODY}`],
  ["bare line feeds in chunks", `HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\n${BODY}\n0\n\n`],
  ["bare line feeds without a length", `HTTP/1.1 200 OK\nContent-Type: application/json\n\n${BODY}`],
  ["the same length twice", head("Content-Length: 3", "Content-Length: 3") + BODY],
  ["the same length twice in one", head("Content-Length: 3, 3") + BODY],
  ["a length that is no number", head("Content-Length: abc") + BODY],
  ["a length with a plus sign", head("Content-Length: +3") + BODY],
  ["a control character in a header", head("X-A: a\u0001b", "Content-Length: 3") + BODY],
  ["a blank in a header's name", head("X A: 1", "Content-Length: 3") + BODY],
  ["a blank before the colon", head("X-A : 1", "Content-Length: 3") + BODY],
  ["a line that is no header", head("no header at all", "Content-Length: 3") + BODY],
  ["a header over two lines", head("X-A: a", " b", "Content-Length: 3") + BODY],
  ["HTTP/1.0", `HTTP/1.0 200 OK\r\n\r\n${BODY}`],
  ["HTTP/1.2", `HTTP/1.2 200 OK\r\nContent-Length: 3\r\n\r\n${BODY}`],
  ["no reason", `HTTP/1.1 200\r\nContent-Length: 3\r\n\r\n${BODY}`],
  ["an interim answer", `HTTP/1.1 100 Continue\r\n\r\n${head("Content-Length: 3")}${BODY}`],
  [
    "several interim answers",
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n${head("Content-Length: 3")}${BODY}`,
  ],
  ["chunks with extensions", `${head("Transfer-Encoding: chunked")}3;a=b\r\n${BODY}\r\n0\r\n\r\n`],
  ["chunks with blanks", `${head("Transfer-Encoding: chunked")}3  \r\n${BODY}\r\n0\r\n\r\n`],
  [
    "chunks with trailers",
    `${head("Transfer-Encoding: chunked", "Content-Length: 3")}1\r\n[\r\n2\r\n1]\r\n0\r\nX-T: 1\r\n\r\n`,
  ],
  ["identity and a length", head("Transfer-Encoding: identity", "Content-Length: 3") + BODY],
  ["more bytes than it says", `${head("Content-Length: 3")}${BODY}xyz`],
])("%s is read as requests reads it", async (_, raw) => {
  const { text } = await answerOf(raw);
  expect(text).toBe(BODY);
});

test("headers of an odd answer are all there", async () => {
  const { header } = await answerOf(
    `HTTP/1.1 200 OK\nContent-Length: 3\nX-A: é\nSet-Cookie: a=1\nSet-Cookie: b=2\n\n${BODY}`,
  );
  expect([header("X-a"), header("set-cookie"), header("none")]).toEqual(["é", "a=1, b=2", undefined]);
});

test("an origin that is odd once is read so from then on: one request a call, and none is sent twice", async () => {
  const { base, requests } = await serveRaw(`HTTP/1.1 200 OK\nContent-Length: 3\n\n${BODY}`);
  const sent = jest.fn();
  const client = clientOf({ onRequest: sent });
  for (let i = 0; i < 5; i++) await client.send(callOf(`${base}/${i}`, { method: "POST", body: "a=ä" }));
  await client.close();
  expect(requests.map(one => one.split(" ")[1])).toEqual(["/0", "/0", "/1", "/2", "/3", "/4"]);
  expect(sent).toHaveBeenCalledTimes(6);
  expect(requests[5]).toMatch(/^POST \/4 HTTP\/1\.1\r\n/);
  expect(requests[5]).toMatch(/\r\nHost: 127\.0\.0\.1:\d+\r\n/);
  expect(requests[5]).toContain("\r\nContent-Length: 4\r\n");
  expect(requests[5]).toContain("\r\nConnection: close\r\n\r\na=");
});

test.each([
  [
    "lengths that differ",
    head("Content-Length: 3", "Content-Length: 5") + BODY,
    "several Content-Length headers that differ",
  ],
  ["no HTTP at all", BODY, "does not begin as HTTP does"],
  ["another protocol", `ICY 200 OK\r\n\r\n${BODY}`, "does not begin as HTTP does"],
  [
    "a chunk without a length",
    `${head("Transfer-Encoding: chunked")}zz\r\n${BODY}\r\n0\r\n\r\n`,
    "no length",
  ],
  [
    "a chunk that is longer than it says",
    `HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n1\n${BODY}\n0\n\n`,
    "longer than it says",
  ],
  [
    "headers of more than 1 MB",
    head(...Array.from({ length: 20 }, (_, i) => `X-${i}: ${"x".repeat(60_000)}`)) + BODY,
    "larger than 1 MB",
  ],
  [
    "a line of 100 KB, read oddly",
    `HTTP/1.1 200 OK\nX-A: ${"x".repeat(100_000)}\n\n${BODY}`,
    "longer than 64 KB",
  ],
  ["interim answers without end", "HTTP/1.1 100 Continue\r\n\r\n".repeat(50), "goes on"],
])("%s is refused with words, in three attempts", async (_, raw, told) => {
  const { base, requests } = await serveRaw(raw);
  const client = clientOf({ attempts: 5 });
  const error = await failure(client.send(callOf(base)));
  await client.close();
  expect(error).toMatchObject({
    code: "SOURCE_BAD_RESPONSE",
    kind: "terminal",
    message: expect.stringContaining(told),
  });
  expect(error.message).not.toContain(BODY);
  expect(requests.length).toBeLessThanOrEqual(4);
});

test.each([
  ["an odd answer", `HTTP/1.1 200 OK\nContent-Length: 30\n\n${BODY}`],
  ["odd chunks", `HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n9\n${BODY}`],
  ["odd headers", "HTTP/1.1 200 OK\nContent-Len"],
  ["headers", "HTTP/1.1 200 OK\r\nContent-Len"],
  ["a body", head("Content-Length: 30") + BODY],
])("%s that ends too early is transient", async (_, raw) => {
  const { base } = await serveRaw(raw);
  const client = clientOf({ attempts: 2 });
  const error = await failure(client.send(callOf(base)));
  await client.close();
  expect(error).toMatchObject({ code: "HTTP_UNREACHABLE", kind: "transient" });
});

test("an abort ends the reading of an odd answer", async () => {
  const { createServer } = await import("node:net");
  const server = createServer(socket => {
    socket.on("error", () => {});
    socket.once("data", () => socket.write("HTTP/1.1 200 OK\nContent-Length: 30\n\n["));
  });
  await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
  const abort = new AbortController();
  const client = clientOf({ signal: abort.signal });
  const reason = new Error("cancelled");
  setTimeout(() => abort.abort(reason), 200);
  await expect(
    client.send(callOf(`http://127.0.0.1:${(server.address() as { port: number }).port}`)),
  ).rejects.toBe(reason);
  await client.close();
  await new Promise(done => server.close(done));
});
