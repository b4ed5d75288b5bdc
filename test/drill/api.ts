/** The API that the drill's rows come from, and a proxy before it that misbehaves when told to. */
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** Rows of a resource as they are now; a page is cut from them. */
export type Rows = (resource: string, since: number | undefined, until: number | undefined) => object[];

const PAGE = 200;
/** As a real API: a page takes its time. */
const PAGE_MS = 70;
/** So long that a pause has something to stop. */
const SLOW_PAGE_MS = 300;

/** `/<key>/<resource>?page=N&since=V&until=V`: one server for all rounds, each with rows of its own. */
export class DrillApi {
  readonly #rows = new Map<string, Rows>();
  readonly #requests = new Map<string, number[]>();
  readonly #slow = new Set<string>();
  #server!: Server;
  port = 0;

  async start(): Promise<void> {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.port = await listen(this.#server);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  serve(key: string, rows: Rows): void {
    this.#rows.set(key, rows);
  }

  slowDown(key: string, slow: boolean): void {
    if (slow) this.#slow.add(key);
    else this.#slow.delete(key);
  }

  forget(key: string): void {
    this.#slow.delete(key);
    this.#rows.delete(key);
    this.#requests.delete(key);
  }

  /** Requests for a key that came in a span of time. */
  requestsBetween(key: string, from: number, to: number): number {
    return (this.#requests.get(key) ?? []).filter(at => at >= from && at < to).length;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, "http://localhost");
    const [, key = "", resource = ""] = url.pathname.split("/");
    const rows = this.#rows.get(key);
    this.#requests.set(key, [...(this.#requests.get(key) ?? []), Date.now()]);
    await delay(this.#slow.has(key) ? SLOW_PAGE_MS : PAGE_MS);
    if (rows === undefined) {
      response.writeHead(404).end();
      return;
    }
    const number = (name: string) => {
      const text = url.searchParams.get(name);
      return text === null || text === "" ? undefined : Number(text);
    };
    const page = number("page") ?? 0;
    const found = rows(resource, number("since"), number("until")).slice(page * PAGE, (page + 1) * PAGE);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(found));
  }
}

export type Misdeed = "drop" | "delay" | "truncate" | "refuse" | "duplicate";

/** Passes requests on; the next few are done wrong. */
export class FaultyProxy {
  #server!: Server;
  #how: Misdeed | undefined;
  #left = 0;
  port = 0;

  constructor(private readonly target: number) {}

  async start(): Promise<void> {
    this.#server = createServer((request, response) => void this.#pass(request, response));
    this.port = await listen(this.#server);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  misbehave(how: Misdeed, requests: number): void {
    this.#how = how;
    this.#left = requests;
  }

  behave(): void {
    this.#left = 0;
  }

  get busy(): boolean {
    return this.#left > 0;
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const how = this.#left > 0 ? this.#how : undefined;
    if (how !== undefined) this.#left--;
    try {
      if (how === "drop") {
        request.socket.destroy();
        return;
      }
      if (how === "refuse") {
        response.writeHead(503, { "content-type": "text/plain" }).end("try later");
        return;
      }
      if (how === "delay") await delay(3_000);
      // An intermediary that repeats a request: the server sees it twice, the client one answer.
      if (how === "duplicate") await this.#ask(request.url!);
      const { status, body } = await this.#ask(request.url!);
      response.writeHead(status, { "content-type": "application/json", "content-length": body.length });
      if (how === "truncate") {
        response.write(body.subarray(0, Math.floor(body.length / 2)));
        setTimeout(() => request.socket.destroy(), 20);
        return;
      }
      response.end(body);
    } catch {
      request.socket.destroy();
    }
  }

  #ask(path: string): Promise<{ status: number; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const call = httpRequest({ host: "127.0.0.1", port: this.target, path }, answer => {
        const chunks: Buffer[] = [];
        answer.on("data", chunk => chunks.push(chunk));
        answer.on("end", () => resolve({ status: answer.statusCode ?? 500, body: Buffer.concat(chunks) }));
        answer.on("error", reject);
      });
      call.on("error", reject);
      call.end();
    });
  }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((up, fail) => {
    server.once("error", fail);
    server.listen(0, "127.0.0.1", up);
  });
  return (server.address() as AddressInfo).port;
}
