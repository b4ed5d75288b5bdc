/** Servers that the tests of HTTP talk to: raw sockets, a forward proxy, and an authority of their own. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, request, type Server } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server as TcpServer,
} from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TidemarkError } from "../../../src/pipeline/errors";
import type { HttpCall } from "../../../src/sources/http/call";
import { HttpClient, type HttpClientOptions } from "../../../src/sources/http/client";

const open: (Server | TcpServer)[] = [];

/** Call in afterEach: ends every server of the test. */
export async function closeServers(): Promise<void> {
  for (const server of open.splice(0)) {
    if ("closeAllConnections" in server) server.closeAllConnections();
    await new Promise(done => server.close(done));
  }
}

async function listen<S extends Server | TcpServer>(server: S, host: string): Promise<number> {
  open.push(server);
  await new Promise<void>(done => server.listen(0, host, done));
  return (server.address() as AddressInfo).port;
}

/** @returns its address */
export async function serve(listener: RequestListener, host = "127.0.0.1"): Promise<string> {
  return `http://${host}:${await listen(createServer(listener), host)}`;
}

export async function serveTls(options: ServerOptions, listener: RequestListener): Promise<string> {
  return `https://127.0.0.1:${await listen(createTlsServer(options, listener), "127.0.0.1")}`;
}

/** Every connection gets the next of these answers, byte for byte, and is closed. The last one repeats. */
export async function serveRaw(
  ...answers: (string | Buffer)[]
): Promise<{ base: string; requests: string[] }> {
  const requests: string[] = [];
  const server = createTcpServer(socket => {
    socket.on("error", () => {});
    let head = "";
    socket.on("data", data => {
      head += data.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      requests.push(head);
      socket.end(answers[Math.min(requests.length, answers.length) - 1]!);
      head = "";
    });
  });
  return { base: `http://127.0.0.1:${await listen(server, "127.0.0.1")}`, requests };
}

export interface TestProxy {
  url: string;
  port: number;
  /** `GET http://…` and `CONNECT host:port`, in order. */
  log: string[];
}

/**
 * A forward proxy. Names of hosts that are not of this machine lead to 127.0.0.1.
 * @param credentials `user:password` that it asks for
 * @param refuse status with which it answers every tunnel
 */
export async function serveProxy(
  options: { credentials?: string; refuse?: number } = {},
): Promise<TestProxy> {
  const log: string[] = [];
  const wanted = options.credentials && `Basic ${Buffer.from(options.credentials).toString("base64")}`;
  const isAllowed = (asked: IncomingMessage) =>
    wanted === undefined || asked.headers["proxy-authorization"] === wanted;
  const server = createServer((asked, response) => {
    log.push(`${asked.method} ${asked.url}`);
    if (!isAllowed(asked)) return void response.writeHead(407, { "Proxy-Authenticate": "Basic" }).end();
    const url = new URL(asked.url!);
    const { "proxy-authorization": _, ...headers } = asked.headers;
    const on = request(
      { host: "127.0.0.1", port: url.port, path: url.pathname + url.search, method: asked.method, headers },
      answer => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      },
    );
    on.on("error", () => response.writeHead(502).end());
    asked.pipe(on);
  });
  server.on("connect", (asked: IncomingMessage, socket) => {
    log.push(`CONNECT ${asked.url}`);
    socket.on("error", () => {});
    const status = options.refuse ?? (isAllowed(asked) ? 200 : 407);
    if (status !== 200) return void socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
    const target = connect(Number(asked.url!.split(":").at(-1)), "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
      target.pipe(socket);
      socket.pipe(target);
    });
    target.on("error", () => socket.destroy());
    socket.on("close", () => target.destroy());
  });
  const port = await listen(server, "127.0.0.1");
  return { url: `http://127.0.0.1:${port}`, port, log };
}

/** An authority, a server's certificate for 127.0.0.1 and api.example.test, a client's; made by openssl. */
export class Authority {
  readonly folder = mkdtempSync(join(tmpdir(), "tidemark-tls-"));
  readonly ca = this.path("ca.pem");

  constructor() {
    this.openssl(
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-days",
      "2",
      "-subj",
      "/CN=Test authority",
      "-keyout",
      this.path("ca.key"),
      "-out",
      this.ca,
    );
    this.issue("server", "subjectAltName=IP:127.0.0.1,DNS:api.example.test");
    this.issue("client", "extendedKeyUsage=clientAuth");
    this.issue("other", "subjectAltName=DNS:other.example.test");
    writeFileSync(this.path("both.pem"), this.read("client.key") + this.read("client.pem"));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  read(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  server(name = "server"): { key: string; cert: string } {
    return { key: this.read(`${name}.key`), cert: this.read(`${name}.pem`) };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private issue(name: string, extension: string): void {
    const [key, request_, extensions] = [`${name}.key`, `${name}.csr`, `${name}.ext`].map(one =>
      this.path(one),
    );
    writeFileSync(extensions!, `${extension}\n`);
    this.openssl(
      "req",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-subj",
      `/CN=${name}`,
      "-keyout",
      key!,
      "-out",
      request_!,
    );
    this.openssl(
      "x509",
      "-req",
      "-in",
      request_!,
      "-CA",
      this.ca,
      "-CAkey",
      this.path("ca.key"),
      "-CAcreateserial",
      "-days",
      "2",
      "-extfile",
      extensions!,
      "-out",
      this.path(`${name}.pem`),
    );
  }

  private openssl(...args: string[]): void {
    execFileSync("openssl", args, { stdio: "pipe" });
  }
}

export function clientOf(options: Partial<HttpClientOptions> = {}): HttpClient {
  return new HttpClient({ signal: new AbortController().signal, attempts: 1, ...options });
}

export function callOf(url: string, over: Partial<HttpCall> = {}): HttpCall {
  const what = 'Resource "x" (GET x)';
  return { method: "GET", url, headers: {}, what, credentials: "Check the token.", ...over };
}

/** One call with a client of its own: the body as text. */
export async function ask(
  url: string,
  options: Partial<HttpClientOptions> = {},
  over: Partial<HttpCall> = {},
): Promise<string> {
  const client = clientOf(options);
  try {
    return (await client.send(callOf(url, over)))!.body.toString();
  } finally {
    await client.close();
  }
}

export async function failure(promise: Promise<unknown>): Promise<TidemarkError> {
  const error = await promise.then(
    value => new Error(`no failure: ${String(value)}`),
    reason => reason,
  );
  if (!(error instanceof TidemarkError)) throw error;
  return error;
}

export const NETWORK = { proxies: {}, ca_files: [], folder: "/" };
