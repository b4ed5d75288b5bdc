/** Connections that end, hosts that are not there: how often and how long it is tried, and what is told. */
import { createServer, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { ask, callOf, clientOf, closeServers, failure, serve, serveRaw } from "./servers";

afterEach(closeServers);

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1]";

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; ms: number }> {
  const started = Date.now();
  return { result: await work(), ms: Date.now() - started };
}

test("a server that closes after each answer, without a word of it, costs no wait", async () => {
  const { base, requests } = await serveRaw(ANSWER);
  const client = clientOf({ attempts: 1 });
  const { ms } = await timed(async () => {
    for (let i = 0; i < 30; i++) await client.send(callOf(`${base}/${i}`));
  });
  await client.close();
  expect(requests.length).toBeGreaterThanOrEqual(30);
  expect(ms).toBeLessThan(2000);
});

test("a kept connection that dies under a request is repeated at once, even where one attempt is all there is", async () => {
  let connections = 0;
  const server = createServer((socket: Socket) => {
    let requests = 0;
    connections++;
    socket.on("error", () => {});
    socket.on("data", () => {
      if (++requests === 1) socket.write(ANSWER);
      else socket.destroy();
    });
  });
  await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
  const base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  const client = clientOf({ attempts: 1 });
  const { ms } = await timed(async () => {
    for (let i = 0; i < 6; i++) await client.send(callOf(`${base}/${i}`));
  });
  await client.close();
  server.close();
  expect(connections).toBe(6);
  expect(ms).toBeLessThan(1000);
});

test("a server that cuts every other answer in its middle: the waits do not grow", async () => {
  const cut = "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n[1";
  const { base, requests } = await serveRaw(cut, ANSWER, cut, ANSWER, cut, ANSWER, cut, cut, ANSWER);
  const client = clientOf({ attempts: 5 });
  const { ms } = await timed(async () => {
    for (let i = 0; i < 4; i++) expect((await client.send(callOf(base)))!.body.toString()).toBe("[1]");
  });
  await client.close();
  expect(requests).toHaveLength(9);
  expect(ms).toBeLessThan(2500);
});

test("one that cuts every answer: five attempts, a second apart", async () => {
  const { base, requests } = await serveRaw("HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n[1");
  const { result, ms } = await timed(() => failure(ask(base, { attempts: 5 })));
  expect(result).toMatchObject({ code: "HTTP_UNREACHABLE", kind: "transient" });
  expect(result.message).toContain("the connection was closed before the whole answer was there");
  expect(requests).toHaveLength(5);
  expect(ms).toBeLessThan(4500);
});

test.each(["http", "https"])("a host that is not known is named, in three attempts (%s)", async scheme => {
  const host = "no-such-host.invalid";
  const requests = jest.fn();
  const { result, ms } = await timed(() =>
    failure(ask(`${scheme}://${host}/planted`, { attempts: 5, hosts: new Set([host]), onRequest: requests })),
  );
  expect(result).toMatchObject({ code: "HTTP_HOST_UNKNOWN", kind: "terminal" });
  expect(result.message).toContain(`the host "${host}" is not known (ENOTFOUND). Check base_url`);
  expect(requests).toHaveBeenCalledTimes(3);
  expect(ms).toBeLessThan(6000);
});

test("a host that an answer or a row names is not told", async () => {
  const base = await serve((_, response) =>
    response.writeHead(302, { Location: "http://planted.invalid/" }).end(),
  );
  const error = await failure(ask(base, { hosts: new Set(["127.0.0.1"]) }));
  expect(error.code).toBe("HTTP_HOST_UNKNOWN");
  expect(error.message).not.toContain("planted");
});

test("a port where nobody listens is transient and names the host", async () => {
  const error = await failure(ask("http://127.0.0.1:1", { hosts: new Set(["127.0.0.1"]) }));
  expect(error).toMatchObject({ code: "HTTP_UNREACHABLE", kind: "transient" });
  expect(error.message).toContain('at "127.0.0.1": ECONNREFUSED');
});

test("a body that is not what it says to be packed with is told, in three attempts", async () => {
  let hits = 0;
  const broken = [Buffer.from("[1]"), gzipSync("[1,2,3]").subarray(0, 15)];
  for (const body of broken) {
    hits = 0;
    const base = await serve((_, response) => {
      hits++;
      response.writeHead(200, { "Content-Encoding": "gzip" }).end(body);
    });
    const error = await failure(ask(base, { attempts: 5 }));
    expect(error).toMatchObject({
      code: "SOURCE_BAD_RESPONSE",
      message: expect.stringContaining("calls itself gzip"),
    });
    expect(hits).toBe(3);
  }
});

test("one connection for the requests of a client", async () => {
  const ports = new Set<number | undefined>();
  const base = await serve((request, response) => {
    ports.add(request.socket.remotePort);
    response.end("[]");
  });
  const client = clientOf();
  for (let i = 0; i < 20; i++) await client.send(callOf(base));
  await client.close();
  expect(ports.size).toBe(1);
});
