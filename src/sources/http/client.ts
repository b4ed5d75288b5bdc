/**
 * One HTTP client per open resource: retries, redirects, cookies, sorted errors; its pace is shared.
 * Retries and waits: dlt-compatibility g.6, docs/rest-sources.md. Knows nothing of REST configs.
 */
import packageJson from "../../../package.json";
import { TidemarkError } from "../../pipeline/errors";
import type { NetworkSettings } from "../../pipeline/network";
import { ACCEPT_ENCODING, unpack } from "./body";
import type { HttpCall, HttpResponse } from "./call";
import { CookieJar } from "./cookies";
import {
  connectionFailure,
  type Failure,
  FEW_ATTEMPTS,
  LOST_WAIT_MS,
  pauseOf,
  statusFailure,
} from "./failures";
import { Pace } from "./pace";
import type { ProxyTable } from "./proxies";
import { isRateLimited } from "./rate-limit";
import { MAX_REDIRECTS, REDIRECTS, redirected } from "./redirect";
import { SIGN_OF_LIFE_MS, waitUntil } from "./retry";
import type { TlsOptions } from "./tls";
import { Transport } from "./transport";
import { requestTarget } from "./url";

export interface HttpClientOptions {
  signal: AbortSignal;
  /** In all, first one included; at least 1. */
  attempts: number;
  onRequest?: () => void;
  onWait?: (what: string) => void;
  /** Shared by all that ask the same API; alone without it. */
  pace?: Pace;
  tls?: TlsOptions;
  proxies?: ProxyTable;
  network?: NetworkSettings;
  /** Texts that may not follow a redirect to another host. */
  secrets?: readonly string[];
  /** Names of hosts that messages may tell, since the spec says them: others may come from rows. */
  hosts?: ReadonlySet<string>;
}

const NO_SETTINGS: NetworkSettings = { proxies: {}, ca_files: [], folder: "." };

export class HttpClient {
  private readonly transport: Transport;
  private readonly cookies = new CookieJar();
  private readonly pace: Pace;
  /** Whom the last request went to. */
  private origin = "";

  constructor(private readonly options: HttpClientOptions) {
    const { tls = {}, proxies = {}, network = NO_SETTINGS, signal, onRequest } = options;
    this.transport = new Transport({ tls, proxies, network, signal, onRequest });
    this.pace = options.pace ?? new Pace();
    this.pace.users++;
  }

  /**
   * Sends a call, with retries.
   * @param ignore asked for every response before its status counts; true ends the call with undefined
   *   (dlt: response_actions run before the retry decision)
   * @param isWhole false: the body seems to be cut; it is asked for again, a few times
   * @throws TidemarkError HTTP_*, SOURCE_BAD_RESPONSE; the signal's reason when aborted
   */
  async send(
    call: HttpCall,
    ignore?: (response: HttpResponse) => boolean,
    isWhole?: (response: HttpResponse) => boolean,
  ): Promise<HttpResponse | undefined> {
    let repeated = false;
    // What is worth few attempts has them for itself: two answers of 500 say nothing about one that is cut.
    const failed = new Map<string, number>();
    const isEnough = (kind: string, most: number): boolean => {
      const times = (failed.get(kind) ?? 0) + 1;
      failed.set(kind, times);
      return times >= Math.min(this.options.attempts, most);
    };
    for (let attempt = 1; ; attempt++) {
      this.options.signal.throwIfAborted();
      let failure: Failure;
      try {
        const response = await this.follow(call, ignore);
        if (response === undefined) return undefined;
        if (response.status < 400) {
          if (isWhole === undefined || isWhole(response) || isEnough("cut", FEW_ATTEMPTS)) return response;
          await waitUntil(
            performance.now() + LOST_WAIT_MS,
            `${call.what}: asking again for an answer that is cut,`,
            this.options,
          );
          continue;
        }
        failure = statusFailure(call, response, attempt);
      } catch (error) {
        this.options.signal.throwIfAborted();
        if (error instanceof TidemarkError) throw error;
        if (isUnsendable(error)) throw unsendable(call);
        failure = connectionFailure(call, error, attempt, this.knownHost());
        if (failure.lost && !repeated && this.transport.hasAnswered(this.origin)) {
          // The server had closed the connection that was kept: what was sent there counts as not sent.
          repeated = true;
          attempt--;
          continue;
        }
      }
      const kind = failure.attempts === undefined ? "usual" : failure.error.code;
      if (failure.waitMs === undefined || isEnough(kind, failure.attempts ?? this.options.attempts))
        throw failure.error;
      const end = performance.now() + failure.waitMs;
      await waitUntil(end, `${call.what}: waiting to try again,`, this.options);
    }
  }

  /** Ends all connections, also those in use. */
  async close(): Promise<void> {
    this.pace.users--;
    await this.transport.close();
  }

  private async follow(
    call: HttpCall,
    ignore?: (response: HttpResponse) => boolean,
  ): Promise<HttpResponse | undefined> {
    let current = call;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const response = await this.once(current, hops > 0);
      if (ignore?.(response)) return undefined;
      const location = response.header("location");
      if (!REDIRECTS.has(response.status) || location === undefined) return response;
      current = redirected(current, response.status, location, this.options.secrets ?? []);
    }
    throw new TidemarkError(
      "HTTP_STATUS",
      `${call.what}: more than ${MAX_REDIRECTS} redirects. Check the base URL and the path.`,
      { dltException: "TooManyRedirects" },
    );
  }

  private async once(call: HttpCall, isRedirect: boolean): Promise<HttpResponse> {
    const { origin, path } = targetOf(call);
    const { signal, onWait } = this.options;
    this.origin = origin;
    await this.pace.enter({ what: call.what, signal, onWait });
    const alive = setInterval(() => onWait?.(`${call.what}: waiting for the answer`), SIGN_OF_LIFE_MS);
    try {
      const answer = await this.transport.exchange({
        origin,
        path,
        method: call.method.toUpperCase(),
        headers: {
          "user-agent": `tidemark/${packageJson.version}`,
          accept: "*/*",
          "accept-encoding": ACCEPT_ENCODING,
          ...this.withCookies(call.headers, origin + path, isRedirect),
        },
        body: call.body,
        what: call.what,
      });
      this.cookies.take(origin + path, answer.values("set-cookie"));
      const header = (name: string): string | undefined => {
        const values = answer.values(name.toLowerCase());
        return values.length === 0 ? undefined : values.join(", ");
      };
      const body = await unpack(answer.raw, header("content-encoding"), call.what);
      const response: HttpResponse = { status: answer.status, body, header };
      this.learn(response);
      return response;
    } finally {
      clearInterval(alive);
      this.pace.leave();
    }
  }

  /** While the request still has its place: nobody may slip in before a pause that the answer asks for. */
  private learn(response: HttpResponse): void {
    const pause = pauseOf(response);
    if (pause !== undefined) this.pace.pause(pause);
    if (isRateLimited(response)) this.pace.refused();
    else this.pace.succeeded();
  }

  /** A Cookie header of the spec wins, as in requests; after a redirect those of the server do. */
  private withCookies(headers: HttpCall["headers"], url: string, isRedirect: boolean): HttpCall["headers"] {
    const cookies = this.cookies.header(url);
    if (cookies === undefined) return headers;
    const own = Object.keys(headers).find(name => name.toLowerCase() === "cookie");
    if (own === undefined) return { ...headers, cookie: cookies };
    return isRedirect ? { ...headers, [own]: cookies } : headers;
  }

  private knownHost(): string | undefined {
    const host = new URL(this.origin).hostname;
    return this.options.hosts?.has(host) ? host : undefined;
  }
}

function targetOf(call: HttpCall): { origin: string; path: string } {
  try {
    return requestTarget(call.url);
  } catch (error) {
    throw new TidemarkError(
      "SOURCE_BAD_RESPONSE",
      `${call.what}: ${(error as Error).message}. Check base_url, path and the paginator.`,
    );
  }
}

function isUnsendable(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === "UND_ERR_INVALID_ARG" || code === "UND_ERR_NOT_SUPPORTED" || code === "ERR_INVALID_CHAR";
}

function unsendable(call: HttpCall): TidemarkError {
  return new TidemarkError(
    "SPEC_INVALID",
    `${call.what} cannot be sent: a header or the method holds characters that HTTP does not allow.`,
  );
}
