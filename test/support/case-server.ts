/**
 * A server for cases: routes in the format of the parity harness, answered in order, every request logged.
 * Listens on 127.0.0.1 on a free port. The text {{BASE}} in bodies and headers stands for its own address.
 */
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { parseJson } from "../../src/json/parse";
import { pythonFloat } from "../../src/json/python-text";
import { WholeFloat } from "../../src/json/values";

export interface CaseResponse {
  status?: number;
  headers?: { [name: string]: string | number };
  /** Sent as JSON, unless `raw` is given. */
  json?: unknown;
  /** Sent as it is; for numbers such as 1.0 and for what is not JSON. */
  raw?: string;
}

/** All given conditions must hold; the first route that fits wins; no route: 404. */
export interface CaseRoute {
  path: string;
  method?: string;
  /** Exact values; null: must be absent. */
  query?: { [name: string]: string | number | null };
  headers?: { [name: string]: string };
  /** Every key must equal that of the request's JSON body. */
  json?: { [key: string]: unknown };
  /** The n-th hit gets the n-th response, the last one repeats. */
  responses: CaseResponse[];
}

export interface CasePhase {
  routes?: CaseRoute[];
}

export class CaseServer {
  /** `METHOD /path?sorted=query {"json": "body"}`, one line per request, in order. */
  log: string[] = [];
  private routes: CaseRoute[] = [];
  private hits: number[] = [];

  private constructor(
    private readonly server: Server,
    readonly base: string,
  ) {}

  static async start(phase: CasePhase = {}): Promise<CaseServer> {
    const server = createServer();
    await new Promise<void>(done => server.listen(0, "127.0.0.1", done));
    const cases = new CaseServer(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on("request", async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const answer = cases.respond(
        request.method!,
        request.url!,
        request.headers,
        Buffer.concat(chunks).toString("utf8"),
      );
      response.writeHead(answer.status, {
        "Content-Type": "application/json",
        ...answer.headers,
        "Content-Length": answer.body.length,
      });
      response.end(answer.body);
    });
    cases.setPhase(phase);
    return cases;
  }

  setPhase(phase: CasePhase): void {
    this.routes = phase.routes ?? [];
    this.hits = this.routes.map(() => 0);
    this.log = [];
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise(done => this.server.close(done));
  }

  private respond(method: string, target: string, headers: IncomingHttpHeaders, text: string) {
    const [path = "", search = ""] = target.split(/\?(.*)/s);
    const query = new Map(new URLSearchParams(search));
    const body = parse(text);
    let line = `${method} ${path}`;
    const names = [...query.keys()].sort();
    if (names.length > 0) line += `?${names.map(name => `${name}=${query.get(name)}`).join("&")}`;
    if (body !== undefined && body !== null) line += ` ${pythonDumps(body)}`;
    this.log.push(line.replaceAll(this.base, "{{BASE}}"));
    const index = this.routes.findIndex(route => fits(route, method, path, query, headers, body));
    const route = this.routes[index];
    if (route === undefined) return { status: 404, headers: {}, body: Buffer.from('{"error": "no route"}') };
    const hit = this.hits[index]!++;
    const answer = route.responses[Math.min(hit, route.responses.length - 1)]!;
    const content = answer.raw ?? JSON.stringify(answer.json ?? null);
    const own = Object.entries(answer.headers ?? {}).map(([name, value]) => [name, this.fill(String(value))]);
    return {
      status: answer.status ?? 200,
      headers: Object.fromEntries(own),
      body: Buffer.from(this.fill(content)),
    };
  }

  private fill(text: string): string {
    return text.replaceAll("{{BASE}}", this.base);
  }
}

function fits(
  route: CaseRoute,
  method: string,
  path: string,
  query: ReadonlyMap<string, string>,
  headers: IncomingHttpHeaders,
  body: unknown,
): boolean {
  if (route.method !== undefined && route.method.toUpperCase() !== method) return false;
  if (route.path !== path) return false;
  for (const [name, value] of Object.entries(route.query ?? {})) {
    if (value === null ? query.has(name) : query.get(name) !== String(value)) return false;
  }
  for (const [name, value] of Object.entries(route.headers ?? {})) {
    if (headers[name.toLowerCase()] !== value) return false;
  }
  for (const [key, value] of Object.entries(route.json ?? {})) {
    if (typeof body !== "object" || body === null) return false;
    if (pythonDumps((body as { [key: string]: unknown })[key] ?? null) !== pythonDumps(value)) return false;
  }
  return true;
}

/** Keeps 1 and 1.0 apart, as the harness does. */
function parse(text: string): unknown {
  try {
    return text === "" ? undefined : parseJson(text);
  } catch {
    return undefined;
  }
}

/** `json.dumps(value, sort_keys=True)`, which the harness logs. */
function pythonDumps(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonDumps).join(", ")}]`;
  if (value instanceof WholeFloat) return pythonFloat(value.value);
  if (typeof value === "bigint") return value.toString();
  if (value !== null && typeof value === "object") {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, one]) => `${pythonDumps(key)}: ${pythonDumps(one)}`).join(", ")}}`;
  }
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    char => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
