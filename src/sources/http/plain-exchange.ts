/**
 * One request and one answer over a connection of their own, read as Python's `http.client` reads it: for answers that
 * undici's parser refuses and that requests takes (bare line feeds, both lengths at once, the same length twice, lengths
 * that are no numbers). Since the connection ends with the answer, nothing of it can be taken for another answer.
 */
import type { Socket } from "node:net";
import type { buildConnector } from "undici";
import { TIMEOUT_MS } from "./connect";
import { UnreadableAnswer } from "./unreadable-answer";

export interface PlainRequest {
  origin: string;
  /** Path and query, or the whole URL for a proxy. */
  target: string;
  method: string;
  headers: { [name: string]: string };
  body?: string | Buffer;
}

export interface PlainAnswer {
  status: number;
  headers: Map<string, string[]>;
  body: AsyncIterable<Buffer>;
}

/** The connection ended too early. */
class Lost extends Error {
  readonly code = "ECONNRESET";
}

/** http.client refuses longer lines. */
const MAX_LINE_BYTES = 64 * 1024;
export const MAX_HEADER_BYTES = 1024 * 1024;
const MAX_INTERIM_ANSWERS = 20;
const LINE_FEED = 10;

/** @throws UnreadableAnswer; errors of the connection, with their `code` */
export async function plainExchange(
  request: PlainRequest,
  connect: buildConnector.connector,
  signal: AbortSignal,
): Promise<PlainAnswer> {
  const socket = await open(request.origin, connect);
  const abort = () => socket.destroy();
  signal.addEventListener("abort", abort, { once: true });
  socket.setTimeout(TIMEOUT_MS, () =>
    socket.destroy(Object.assign(new Error("timeout"), { code: "ETIMEDOUT" })),
  );
  const end = () => {
    signal.removeEventListener("abort", abort);
    socket.destroy();
  };
  try {
    signal.throwIfAborted();
    send(socket, request);
    const input = new Input(socket);
    const { status, headers } = await readHead(input);
    return { status, headers, body: bodyOf(input, request.method, status, headers, end) };
  } catch (error) {
    end();
    throw error;
  }
}

function open(origin: string, connect: buildConnector.connector): Promise<Socket> {
  const { protocol, hostname, host, port } = new URL(origin);
  return new Promise((resolve, reject) =>
    connect({ protocol, hostname: hostname.replace(/^\[|\]$/g, ""), host, port }, (error, socket) =>
      error === null ? resolve(socket) : reject(error),
    ),
  );
}

function send(socket: Socket, { origin, target, method, headers, body }: PlainRequest): void {
  const names = new Set(Object.keys(headers).map(name => name.toLowerCase()));
  const lines = [`${method} ${target} HTTP/1.1`];
  if (!names.has("host")) lines.push(`Host: ${new URL(origin).host}`);
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (body !== undefined && !names.has("content-length"))
    lines.push(`Content-Length: ${Buffer.byteLength(body)}`);
  lines.push("Connection: close", "", "");
  if (lines.slice(0, -2).some(line => /[\r\n\0]/.test(line)))
    throw Object.assign(new Error("a line end in a header"), { code: "ERR_INVALID_CHAR" });
  socket.write(lines.join("\r\n"), "latin1");
  if (body !== undefined) socket.write(body);
}

/** Bytes of a socket, by lines and by lengths. */
class Input {
  private readonly chunks: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** Without its line end; undefined: the connection ended first. */
  async line(): Promise<Buffer | undefined> {
    for (;;) {
      const at = this.rest.indexOf(LINE_FEED);
      if (at > MAX_LINE_BYTES || (at < 0 && this.rest.length > MAX_LINE_BYTES))
        throw new UnreadableAnswer(`a line of its head is longer than ${MAX_LINE_BYTES / 1024} KB`);
      if (at >= 0) {
        const line = this.rest.subarray(0, at);
        this.rest = this.rest.subarray(at + 1);
        return line.at(-1) === 13 ? line.subarray(0, -1) : line;
      }
      const more = await this.more();
      if (more === undefined) return undefined;
      this.rest = this.rest.length === 0 ? more : Buffer.concat([this.rest, more]);
    }
  }

  /** What is there, if anything, may be the beginning of `text`. */
  begins(text: string): boolean {
    const start = this.rest.toString("latin1", 0, text.length);
    return text.startsWith(start);
  }

  /** At most so many bytes, as they come; undefined: the connection ended. */
  async some(limit: number): Promise<Buffer | undefined> {
    const chunk = this.rest.length > 0 ? this.rest : await this.more();
    if (chunk === undefined) return undefined;
    this.rest = chunk.subarray(limit);
    return chunk.subarray(0, limit);
  }

  private async more(): Promise<Buffer | undefined> {
    const { done, value } = await this.chunks.next();
    return done ? undefined : value;
  }
}

async function readHead(input: Input): Promise<{ status: number; headers: Map<string, string[]> }> {
  for (let interim = 0; interim < MAX_INTERIM_ANSWERS; interim++) {
    const first = await input.line();
    if (first === undefined && !input.begins("HTTP/")) throw noHttp();
    if (first === undefined) throw new Lost("ended without an answer");
    const status = /^HTTP\/\d+\.\d+\s+(\d{3})(\s|$)/.exec(first.toString("latin1"))?.[1];
    if (status === undefined) throw noHttp();
    const headers = await readHeaders(input);
    if (!status.startsWith("1")) return { status: Number(status), headers };
  }
  throw new UnreadableAnswer("it never says more than that it goes on");
}

function noHttp(): UnreadableAnswer {
  return new UnreadableAnswer("it does not begin as HTTP does");
}

async function readHeaders(input: Input): Promise<Map<string, string[]>> {
  const headers = new Map<string, string[]>();
  let bytes = 0;
  let last: string[] | undefined;
  for (;;) {
    const line = await input.line();
    if (line === undefined) throw new Lost("ended in its headers");
    if (line.length === 0) return headers;
    bytes += line.length;
    if (bytes > MAX_HEADER_BYTES) throw tooManyHeaders();
    const text = line.toString("utf8");
    if (/^[ \t]/.test(text)) {
      // A value that goes on.
      if (last !== undefined) last.push(`${last.pop()} ${text.trim()}`);
      continue;
    }
    const colon = text.indexOf(":");
    if (colon <= 0) continue;
    const name = text.slice(0, colon).trim().toLowerCase();
    last = headers.get(name) ?? [];
    headers.set(name, last);
    last.push(text.slice(colon + 1).trim());
  }
}

export function tooManyHeaders(): UnreadableAnswer {
  return new UnreadableAnswer(`its headers are larger than ${MAX_HEADER_BYTES / 1024 / 1024} MB`);
}

async function* bodyOf(
  input: Input,
  method: string,
  status: number,
  headers: Map<string, string[]>,
  end: () => void,
): AsyncGenerator<Buffer> {
  try {
    if (method === "HEAD" || status === 204 || status === 304) return;
    const codings = (headers.get("transfer-encoding") ?? []).join(",").toLowerCase();
    // A transfer encoding makes a length void (RFC 9112, 6.3).
    if (/(^|,)\s*chunked\s*$/.test(codings)) {
      yield* chunked(input);
      return;
    }
    const length = lengthOf(headers.get("content-length"));
    for (let left = length ?? Number.POSITIVE_INFINITY; left > 0; ) {
      const some = await input.some(Math.min(left, Number.MAX_SAFE_INTEGER));
      if (some === undefined) {
        if (length !== undefined) throw new Lost("ended in its body");
        return;
      }
      left -= some.length;
      yield some;
    }
  } finally {
    end();
  }
}

/** Several equal ones count once, what is no number not at all: the body then ends with the connection. */
function lengthOf(given: string[] | undefined): number | undefined {
  if (given === undefined) return undefined;
  const lengths = new Set(given.flatMap(one => one.split(",")).map(one => one.trim().replace(/^\+/, "")));
  if (lengths.size > 1) throw new UnreadableAnswer("it has several Content-Length headers that differ");
  const [length = ""] = lengths;
  return /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

async function* chunked(input: Input): AsyncGenerator<Buffer> {
  for (;;) {
    const line = await input.line();
    if (line === undefined) throw new Lost("ended in its body");
    const size = /^\s*([0-9a-f]{1,12})\s*(;.*)?$/i.exec(line.toString("latin1"))?.[1];
    if (size === undefined) throw new UnreadableAnswer("a chunk of its body has no length");
    let left = Number.parseInt(size, 16);
    if (left === 0) break;
    while (left > 0) {
      const some = await input.some(left);
      if (some === undefined) throw new Lost("ended in its body");
      left -= some.length;
      yield some;
    }
    const after = await input.line();
    if (after === undefined) throw new Lost("ended in its body");
    if (after.length > 0) throw new UnreadableAnswer("a chunk of its body is longer than it says");
  }
  // Trailers; a connection that ends in them has given the whole body.
  for (let line = await input.line(); line !== undefined && line.length > 0; ) line = await input.line();
}
