/** A server of pages that fails at random, in every way that a network and a tired server have. */
import { createServer, type Server, type Socket } from "node:net";

export type Fault = (typeof FAULTS)[number];
export const FAULTS = [
  "429",
  "429 with Retry-After",
  "403 of a rate limit",
  "500",
  "503 with Retry-After",
  "reset before the answer",
  "closed before the answer",
  "closed after the answer",
  "closed in the head",
  "closed in the body",
  "reset in the body",
  "length too long",
  "length too short",
  "both lengths",
  "bare line feeds",
  "chunked and cut",
  "slow bytes",
  "early hints",
] as const;

export interface UnreliableServer {
  base: string;
  requests: number;
  faults: Map<Fault, number>;
  close(): Promise<void>;
}

/** Small and repeatable (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/**
 * `/name?page=N` answers `rows` rows and the next page's number, up to `pages`.
 * @param share of requests that fail
 */
export async function startUnreliable(options: {
  seed: number;
  share: number;
  pages: number;
  rows: number;
}): Promise<UnreliableServer> {
  const random = randomOf(options.seed);
  const sockets = new Set<Socket>();
  const state = { requests: 0, faults: new Map<Fault, number>() };
  const bodyOf = (target: string): string => {
    const page = Number(/page=(\d+)/.exec(target)?.[1] ?? 1);
    const first = (page - 1) * options.rows;
    const rows = Array.from({ length: options.rows }, (_, i) => ({ id: first + i, text: "x".repeat(40) }));
    return JSON.stringify({ rows, next_page: page < options.pages ? page + 1 : null });
  };
  const server: Server = createServer(socket => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    let head = "";
    socket.on("data", data => {
      head += data.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      const target = head.split(" ")[1]!;
      head = "";
      state.requests++;
      const fault = random() < options.share ? FAULTS[Math.floor(random() * FAULTS.length)] : undefined;
      if (fault !== undefined) state.faults.set(fault, (state.faults.get(fault) ?? 0) + 1);
      answer(socket, bodyOf(target), fault);
    });
  });
  await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
  return Object.assign(state, {
    base: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise(done => server.close(done));
    },
  });
}

function answer(socket: Socket, body: string, fault: Fault | undefined): void {
  const half = Math.floor(body.length / 2);
  const good = whole(200, body);
  const started = (length: number) =>
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
  switch (fault) {
    case undefined:
      return void socket.write(good);
    case "429":
      return void socket.write(whole(429, "{}"));
    case "429 with Retry-After":
      return void socket.write(whole(429, "{}", "Retry-After: 1"));
    case "403 of a rate limit":
      return void socket.write(whole(403, "{}", "X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 1"));
    case "500":
      return void socket.write(whole(500, "<html>"));
    case "503 with Retry-After":
      return void socket.write(whole(503, "", "Retry-After: 1"));
    case "reset before the answer":
      return void socket.resetAndDestroy();
    case "closed before the answer":
      return void socket.end();
    case "closed after the answer":
      return void socket.end(good);
    case "closed in the head":
      return void socket.end("HTTP/1.1 200 OK\r\nContent-Le");
    case "closed in the body":
      return void socket.end(started(body.length) + body.slice(0, half));
    case "reset in the body":
      return void socket.write(started(body.length) + body.slice(0, half), () => socket.resetAndDestroy());
    case "length too long":
      return void socket.end(started(body.length + 10) + body);
    case "length too short":
      return void socket.end(started(half) + body);
    case "both lengths":
      return void socket.write(
        `HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(body)}0\r\n\r\n`,
      );
    case "bare line feeds":
      return void socket.write(`HTTP/1.1 200 OK\nContent-Length: ${body.length}\n\n${body}`);
    case "chunked and cut":
      return void socket.end(
        `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(body.slice(0, half))}`,
      );
    case "slow bytes":
      return void slowly(socket, good);
    case "early hints":
      return void socket.write(`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${good}`);
  }
}

function whole(status: number, body: string, ...headers: string[]): string {
  const lines = [`HTTP/1.1 ${status} X`, "Content-Type: application/json", `Content-Length: ${body.length}`];
  return [...lines, ...headers, "", body].join("\r\n");
}

function chunk(body: string): string {
  return `${body.length.toString(16)}\r\n${body}\r\n`;
}

function slowly(socket: Socket, text: string): void {
  const step = Math.ceil(text.length / 10);
  const next = (at: number): void => {
    if (at >= text.length || socket.destroyed) return;
    socket.write(text.slice(at, at + step));
    setTimeout(() => next(at + step), 10);
  };
  next(0);
}
