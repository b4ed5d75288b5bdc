/** One request and its whole answer: keep-alive through undici, proxies, and a second reading of odd answers. */
import { Agent } from "undici";
import type { NetworkSettings } from "../../pipeline/network";
import { BodyReader } from "./body";
import { connector, ProxyUnreachable, TIMEOUT_MS } from "./connect";
import { MAX_HEADER_BYTES, plainExchange, tooManyHeaders } from "./plain-exchange";
import { type ProxyServer, type ProxyTable, proxyFor } from "./proxies";
import { type TlsOptions, type TlsSettings, tlsSettings } from "./tls";

export interface TransportOptions {
  tls: TlsOptions;
  proxies: ProxyTable;
  network: NetworkSettings;
  signal: AbortSignal;
  /** Called for every request that is sent. */
  onRequest?: () => void;
}

export interface Outgoing {
  /** `https://host:port` */
  origin: string;
  path: string;
  method: string;
  headers: { [name: string]: string };
  body?: string | Buffer;
  /** For messages. */
  what: string;
}

export interface Answer {
  status: number;
  /** As it came, still packed; valid until the next answer. */
  raw: Buffer;
  /** Values of a header by its name in lower case. */
  values(name: string): string[];
  /** The proxy gave it. */
  proxied: boolean;
}

/** Codes of a connection that could not be made at all. */
const NO_CONNECTION = new Set([
  ...["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH", "ETIMEDOUT"],
  "UND_ERR_CONNECT_TIMEOUT",
]);

export class Transport {
  private readonly agents = new Map<string, Agent>();
  private readonly bodies = new BodyReader();
  /** Origins whose answers undici cannot read. */
  private readonly odd = new Set<string>();
  private readonly answered = new Set<string>();
  private tls: TlsSettings | undefined;
  /** What a connection said first since the request began. */
  private heard: NodeJS.ErrnoException | undefined;
  private readonly hear = (error: Error): void => {
    this.heard ??= error;
  };

  constructor(private readonly options: TransportOptions) {}

  /**
   * @throws TidemarkError SOURCE_BAD_RESPONSE, HTTP_TLS, SPEC_INVALID; UnreadableAnswer, TunnelRefused,
   *   ProxyUnreachable, errors of Node and undici
   */
  async exchange(request: Outgoing): Promise<Answer> {
    const { signal, onRequest, proxies, network } = this.options;
    this.heard = undefined;
    const proxy = proxyFor(new URL(request.origin), proxies, network.proxies);
    if (!this.odd.has(request.origin)) {
      try {
        onRequest?.();
        return this.noted(request, await this.kept(request, proxy));
      } catch (error) {
        signal.throwIfAborted();
        if (!isRefusedByParser(error)) throw this.reworded(error, request, proxy);
        this.odd.add(request.origin);
      }
    }
    try {
      onRequest?.();
      return this.noted(request, await this.plain(request, proxy));
    } catch (error) {
      signal.throwIfAborted();
      throw this.reworded(error, request, proxy);
    }
  }

  /** There was an answer from there before: a connection that is lost without one may have been an old one. */
  hasAnswered(origin: string): boolean {
    return this.answered.has(origin) && !this.odd.has(origin);
  }

  /** Ends all connections, also those in use. */
  async close(): Promise<void> {
    await Promise.all([...this.agents.values()].map(agent => agent.destroy()));
  }

  private noted(request: Outgoing, answer: Answer): Answer {
    this.answered.add(request.origin);
    return answer;
  }

  /** Over a connection that stays. */
  private async kept(request: Outgoing, proxy: ProxyServer | undefined): Promise<Answer> {
    const { origin, target, headers, tunnel } = routed(request, proxy);
    const response = await this.agent(origin, tunnel).request({
      origin,
      path: target,
      method: request.method as "GET",
      headers,
      body: request.body ?? null,
      signal: this.options.signal,
    });
    const values = (name: string): string[] => {
      const value = response.headers[name];
      return value === undefined ? [] : Array.isArray(value) ? value : [value];
    };
    const raw = await this.bodies.readAll(response.body, values("content-length")[0], request.what);
    return { status: response.statusCode, raw, values, proxied: proxy !== undefined };
  }

  /** Over a connection of its own. */
  private async plain(request: Outgoing, proxy: ProxyServer | undefined): Promise<Answer> {
    const { origin, target, headers, tunnel } = routed(request, proxy);
    const { method, body, what } = request;
    const answer = await plainExchange(
      { origin, target, method, headers, body },
      connector(this.tlsOf(origin, tunnel), tunnel, this.hear),
      this.options.signal,
    );
    const raw = await this.bodies.readAll(answer.body, undefined, what);
    return {
      status: answer.status,
      raw,
      values: name => answer.headers.get(name) ?? [],
      proxied: proxy !== undefined,
    };
  }

  private agent(origin: string, tunnel: ProxyServer | undefined): Agent {
    const key = `${origin.startsWith("https:")} ${tunnel?.origin ?? ""} ${tunnel?.authorization ?? ""}`;
    let agent = this.agents.get(key);
    if (agent === undefined) {
      agent = new Agent({
        connect: connector(this.tlsOf(origin, tunnel), tunnel, this.hear),
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
        keepAliveTimeout: 30_000,
        maxHeaderSize: MAX_HEADER_BYTES,
        pipelining: 1,
        // A client asks one thing after the other.
        connections: 1,
      });
      this.agents.set(key, agent);
    }
    return agent;
  }

  private reworded(error: unknown, request: Outgoing, proxy: ProxyServer | undefined): unknown {
    const { code } = error as { code?: string };
    if (code === "UND_ERR_HEADERS_OVERFLOW") return tooManyHeaders();
    if (code === "UND_ERR_SOCKET" && this.heard?.code?.startsWith("ERR_SSL_")) return this.heard;
    const toProxy = proxy !== undefined && request.origin.startsWith("http:");
    return toProxy && NO_CONNECTION.has(code ?? "") ? new ProxyUnreachable(error) : error;
  }

  private tlsOf(origin: string, tunnel: ProxyServer | undefined): TlsSettings | undefined {
    if (!origin.startsWith("https:") && !tunnel?.origin.startsWith("https:")) return undefined;
    this.tls ??= tlsSettings(this.options.tls, this.options.network);
    return this.tls;
  }
}

/** A proxy is asked for the whole URL where the target speaks plainly, and for a tunnel where it does not. */
function routed(request: Outgoing, proxy: ProxyServer | undefined) {
  const { origin, path, headers } = request;
  if (proxy === undefined || origin.startsWith("https:")) {
    return { origin, target: path, headers, tunnel: proxy };
  }
  const own: { [name: string]: string } = { host: new URL(origin).host, ...headers };
  if (proxy.authorization !== undefined) own["proxy-authorization"] = proxy.authorization;
  return { origin: proxy.origin, target: origin + path, headers: own, tunnel: undefined };
}

function isRefusedByParser(error: unknown): boolean {
  const { code, message } = error as { code?: string; message?: string };
  return (
    code?.startsWith("HPE_") === true ||
    code === "UND_ERR_RES_CONTENT_LENGTH_MISMATCH" ||
    // An interim answer that nobody asked for.
    (code === "UND_ERR_SOCKET" && message === "bad response")
  );
}
