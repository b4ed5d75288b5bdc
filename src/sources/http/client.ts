/**
 * One HTTP client per open resource: keep-alive, retries, redirects, sorted errors.
 * Retries and waits: dlt-compatibility g.6. Knows nothing of REST configs.
 */
import { STATUS_CODES } from "node:http";
import { Agent, request as send } from "undici";
import packageJson from "../../../package.json";
import { TidemarkError } from "../../pipeline/errors";
import { ACCEPT_ENCODING, BodyReader, unpack } from "./body";
import { isRetryableStatus, SIGN_OF_LIFE_MS, wait, waitMs } from "./retry";
import { joinReference, requestTarget } from "./url";

export interface HttpCall {
  method: string;
  /** Whole URL, query included. */
  url: string;
  headers: { [name: string]: string };
  body?: string | Buffer;
  /** For messages: the resource and the path as the spec writes it. Never a query value, never a row's value. */
  what: string;
  /** What to check when the server answers 401 or 403. */
  credentials: string;
}

export interface HttpResponse {
  status: number;
  /** Valid until the client's next call: its calls come one after the other, and share the memory. */
  body: Buffer;
  /** Value of a header, several joined by ", "; undefined when absent. Any case. */
  header(name: string): string | undefined;
}

export interface HttpClientOptions {
  signal: AbortSignal;
  /** In all, first one included; at least 1. */
  attempts: number;
  onRequest?: () => void;
  onWait?: (what: string) => void;
}

const TIMEOUT_MS = 60_000;
const MAX_REDIRECTS = 30;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Not sent on to another host. */
const PRIVATE_HEADERS = new Set(["authorization", "cookie"]);

export class HttpClient {
  private readonly agent = new Agent({
    connect: { timeout: TIMEOUT_MS },
    headersTimeout: TIMEOUT_MS,
    bodyTimeout: TIMEOUT_MS,
    keepAliveTimeout: 30_000,
    pipelining: 1,
  });
  private readonly bodies = new BodyReader();

  constructor(private readonly options: HttpClientOptions) {}

  /**
   * Sends a call, with retries.
   * @param ignore asked for every response before its status counts; true ends the call with undefined
   *   (dlt: response_actions run before the retry decision)
   * @throws TidemarkError HTTP_UNREACHABLE, HTTP_RETRYABLE_STATUS, HTTP_UNAUTHORIZED, HTTP_STATUS; the signal's
   *   reason when aborted
   */
  async send(
    call: HttpCall,
    ignore?: (response: HttpResponse) => boolean,
  ): Promise<HttpResponse | undefined> {
    for (let attempt = 1; ; attempt++) {
      this.options.signal.throwIfAborted();
      let failure: TidemarkError;
      try {
        const response = await this.follow(call, ignore);
        if (response === undefined || response.status < 400) return response;
        failure = statusError(call, response, attempt);
      } catch (error) {
        this.options.signal.throwIfAborted();
        if (error instanceof TidemarkError) throw error;
        if ((error as { code?: string }).code === "UND_ERR_INVALID_ARG") throw unsendable(call);
        failure = unreachable(call, error, attempt);
      }
      if (failure.kind === "terminal" || attempt >= this.options.attempts) throw failure;
      await wait(
        failure.retryAfterMs ?? 0,
        `${call.what}: waiting to try again`,
        this.options.signal,
        this.options.onWait,
      );
    }
  }

  /** Ends all connections, also those in use. */
  async close(): Promise<void> {
    await this.agent.destroy();
  }

  private async follow(
    call: HttpCall,
    ignore?: (response: HttpResponse) => boolean,
  ): Promise<HttpResponse | undefined> {
    let current = call;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const response = await this.once(current);
      if (ignore?.(response)) return undefined;
      const location = response.header("location");
      if (!REDIRECTS.has(response.status) || location === undefined) return response;
      current = redirected(current, response.status, location);
    }
    throw new TidemarkError(
      "HTTP_STATUS",
      `${call.what}: more than ${MAX_REDIRECTS} redirects. Check the base URL and the path.`,
      { dltException: "TooManyRedirects" },
    );
  }

  private async once(call: HttpCall): Promise<HttpResponse> {
    const target = targetOf(call);
    const { signal, onRequest, onWait } = this.options;
    const alive = setInterval(() => onWait?.(`${call.what}: waiting for the answer`), SIGN_OF_LIFE_MS);
    try {
      onRequest?.();
      const response = await send(target.origin + target.path, {
        dispatcher: this.agent,
        method: call.method.toUpperCase() as "GET",
        headers: {
          "user-agent": `tidemark/${packageJson.version}`,
          accept: "*/*",
          "accept-encoding": ACCEPT_ENCODING,
          ...call.headers,
        },
        body: call.body ?? null,
        signal,
      });
      const header = (name: string): string | undefined => {
        const value = response.headers[name.toLowerCase()];
        return Array.isArray(value) ? value.join(", ") : value;
      };
      const raw = await this.bodies.readAll(response.body, header("content-length"), call.what);
      const body = await unpack(raw, header("content-encoding"), call.what);
      return { status: response.statusCode, body, header };
    } finally {
      clearInterval(alive);
    }
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

/** requests' rules: 303 and (by custom) 301/302 turn into GET; credentials stay on their host. */
function redirected(call: HttpCall, status: number, location: string): HttpCall {
  const url = joinReference(call.url, location);
  const method = call.method.toUpperCase();
  const toGet = status === 303 || status === 302 ? method !== "HEAD" : status === 301 && method === "POST";
  const keepsBody = status === 307 || status === 308;
  const sameHost = hostOf(call.url) === hostOf(url);
  const headers = Object.fromEntries(
    Object.entries(call.headers).filter(([name]) => {
      const lower = name.toLowerCase();
      return (keepsBody || !lower.startsWith("content-")) && (sameHost || !PRIVATE_HEADERS.has(lower));
    }),
  );
  return { ...call, url, method: toGet ? "GET" : method, headers, body: keepsBody ? call.body : undefined };
}

function hostOf(url: string): string {
  return /^[a-z+.-]+:\/\/[^/?#]*/i.exec(url)?.[0].toLowerCase() ?? "";
}

function statusError(call: HttpCall, response: HttpResponse, attempt: number): TidemarkError {
  const { status } = response;
  const answer = `answered ${status}${STATUS_CODES[status] ? ` ${STATUS_CODES[status]}` : ""}`;
  if (status === 401 || status === 403) {
    return new TidemarkError("HTTP_UNAUTHORIZED", `${call.what} ${answer}. ${call.credentials}`, {
      dltException: "HTTPError",
    });
  }
  if (!isRetryableStatus(status)) {
    return new TidemarkError(
      "HTTP_STATUS",
      `${call.what} ${answer}. Check base_url, path, params and data; to go on without this answer, add ` +
        `{"status_code": ${status}, "action": "ignore"} to response_actions.`,
      { dltException: "HTTPError" },
    );
  }
  const retryAfterMs = waitMs(attempt, response.header("retry-after"));
  return new TidemarkError("HTTP_RETRYABLE_STATUS", `${call.what} ${answer} (attempt ${attempt}).`, {
    retryAfterMs,
    dltException: "HTTPError",
  });
}

function unreachable(call: HttpCall, error: unknown, attempt: number): TidemarkError {
  return new TidemarkError(
    "HTTP_UNREACHABLE",
    `${call.what} could not be reached: ${reasonOf(error)} (attempt ${attempt}). Check base_url and the network.`,
    { retryAfterMs: waitMs(attempt, undefined), dltException: "ConnectionError" },
  );
}

function unsendable(call: HttpCall): TidemarkError {
  return new TidemarkError(
    "SPEC_INVALID",
    `${call.what} cannot be sent: a header or the method holds characters that HTTP does not allow.`,
  );
}

/** The system's or library's code, never its text, which may hold a URL. */
function reasonOf(error: unknown): string {
  const seen = error as { code?: string; name?: string; cause?: { code?: string } };
  return seen?.code ?? seen?.cause?.code ?? seen?.name ?? "unknown error";
}
