/** What a failed attempt means: the error to tell, how long to wait before the next one, how often it is worth it. */
import { STATUS_CODES } from "node:http";
import { TidemarkError } from "../../pipeline/errors";
import type { HttpCall, HttpResponse } from "./call";
import { ProxyUnreachable, TunnelRefused } from "./connect";
import { announcedPauseMs, isRateLimited, retryAfterMs, spentBudgetMs } from "./rate-limit";
import { clock, isRetryableStatus, MAX_WAIT_MS, waitMs } from "./retry";
import { UnreadableAnswer } from "./unreadable-answer";

export interface Failure {
  error: TidemarkError;
  /** Before the next attempt; undefined: there is none. */
  waitMs?: number;
  /** More attempts than this are useless, whatever the run allows. */
  attempts?: number;
  /** The connection was lost before an answer began, or in it. */
  lost?: true;
}

/** A name that is not known and an answer that cannot be read may be passing; rarely. */
export const FEW_ATTEMPTS = 3;
export const LOST_WAIT_MS = 1_000;
const LOST = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE"]);

export function statusFailure(call: HttpCall, response: HttpResponse, attempt: number): Failure {
  const { status } = response;
  const answer = `answered ${status}${STATUS_CODES[status] ? ` ${STATUS_CODES[status]}` : ""}`;
  if (isRateLimited(response)) {
    const pauseMs = pauseOf(response);
    const until = pauseMs === undefined ? "" : `; it asks for a pause until ${clock(Date.now() + pauseMs)}`;
    const limit = status === 429 ? "" : ": its rate limit is reached";
    return {
      error: new TidemarkError(
        "HTTP_RETRYABLE_STATUS",
        `${call.what} ${answer}${limit}${until} (attempt ${attempt}).`,
        { retryAfterMs: pauseMs ?? waitMs(attempt, undefined), dltException: "HTTPError" },
      ),
      waitMs: pauseMs === undefined ? waitMs(attempt, undefined) : 0,
    };
  }
  if (status === 401 || status === 403) {
    return {
      error: new TidemarkError("HTTP_UNAUTHORIZED", `${call.what} ${answer}. ${call.credentials}`, {
        dltException: "HTTPError",
      }),
    };
  }
  if (status === 407) return { error: proxyRefused(call, status) };
  if (!isRetryableStatus(status)) {
    return {
      error: new TidemarkError(
        "HTTP_STATUS",
        `${call.what} ${answer}. Check base_url, path, params and data; to go on without this answer, add ` +
          `{"status_code": ${status}, "action": "ignore"} to response_actions.`,
        { dltException: "HTTPError" },
      ),
    };
  }
  const ms = waitMs(attempt, response.header("retry-after"));
  return {
    error: new TidemarkError("HTTP_RETRYABLE_STATUS", `${call.what} ${answer} (attempt ${attempt}).`, {
      retryAfterMs: ms,
      dltException: "HTTPError",
    }),
    waitMs: pauseOf(response) === undefined ? ms : 0,
  };
}

/** How long nobody may ask: a limit is reached, or a server that is being mended says when it is back. */
export function pauseOf(response: HttpResponse): number | undefined {
  if (isRateLimited(response)) return announcedPauseMs(response);
  if (response.status < 400) return spentBudgetMs(response);
  const after =
    response.status === 503 ? retryAfterMs(response.header("retry-after"), Date.now()) : undefined;
  return after === undefined ? undefined : Math.min(after, MAX_WAIT_MS);
}

/** @param host the call's host where it may be told: one that the spec names */
export function connectionFailure(
  call: HttpCall,
  error: unknown,
  attempt: number,
  host: string | undefined,
): Failure {
  const ms = waitMs(attempt, undefined);
  if (error instanceof TunnelRefused) {
    if (isRetryableStatus(error.status))
      return { error: unreachable(call, attempt, error.message), waitMs: ms };
    return { error: proxyRefused(call, error.status) };
  }
  if (error instanceof ProxyUnreachable) {
    const advice = "Check the proxy (client.proxies, HTTP_PROXY, HTTPS_PROXY, NO_PROXY).";
    return {
      error: unreachable(call, attempt, `the proxy could not be reached (${reasonOf(error.cause)})`, advice),
      waitMs: ms,
      ...(codeOf(error.cause) === "ENOTFOUND" ? { attempts: FEW_ATTEMPTS } : {}),
    };
  }
  if (error instanceof UnreadableAnswer) {
    return {
      error: new TidemarkError(
        "SOURCE_BAD_RESPONSE",
        `${call.what}: the answer cannot be read: ${error.message}. The server, or a proxy before it, breaks the rules of HTTP.`,
        { dltException: "ConnectionError" },
      ),
      waitMs: LOST_WAIT_MS,
      attempts: FEW_ATTEMPTS,
    };
  }
  const code = codeOf(error);
  const named = host === undefined ? "the host that an answer or a row names" : `the host "${host}"`;
  if (code === "ENOTFOUND") {
    return {
      error: new TidemarkError(
        "HTTP_HOST_UNKNOWN",
        `${call.what}: ${named} is not known (ENOTFOUND). Check base_url, and the name service or proxy of this machine.`,
        { dltException: "ConnectionError" },
      ),
      waitMs: ms,
      attempts: FEW_ATTEMPTS,
    };
  }
  const tls = tlsReason(code);
  if (tls !== undefined) {
    const said = `${call.what}: no safe connection to ${named}: ${tls} (${code}).`;
    return { error: new TidemarkError("HTTP_TLS", said, { dltException: "SSLError" }) };
  }
  if (LOST.has(code ?? "")) {
    return {
      error: unreachable(
        call,
        attempt,
        "the connection was closed before the whole answer was there",
        "",
        code,
      ),
      // It was there a moment ago: nothing is won by waiting longer each time.
      waitMs: attempt === 1 ? 0 : LOST_WAIT_MS,
      lost: true,
    };
  }
  return { error: unreachable(call, attempt, reasonOf(error), undefined, undefined, host), waitMs: ms };
}

function unreachable(
  call: HttpCall,
  attempt: number,
  reason: string,
  advice = "Check base_url and the network.",
  code?: string,
  host?: string,
): TidemarkError {
  const where = host === undefined ? "" : ` at "${host}"`;
  const shown = code === undefined ? reason : `${reason} (${code})`;
  return new TidemarkError(
    "HTTP_UNREACHABLE",
    `${call.what} could not be reached${where}: ${shown} (attempt ${attempt}).${advice === "" ? "" : ` ${advice}`}`,
    { retryAfterMs: waitMs(attempt, undefined), dltException: "ConnectionError" },
  );
}

function proxyRefused(call: HttpCall, status: number): TidemarkError {
  const answer = `${status}${STATUS_CODES[status] ? ` ${STATUS_CODES[status]}` : ""}`;
  return new TidemarkError(
    "HTTP_UNAUTHORIZED",
    `${call.what}: the proxy answered ${answer}. Check its address, user and password (client.proxies, HTTP_PROXY, ` +
      "HTTPS_PROXY), and whether it lets this host through; hosts in NO_PROXY are asked directly.",
    { dltException: "ConnectionError" },
  );
}

const UNTRUSTED =
  "its certificate is signed by an authority that is not trusted here. Name that authority's PEM file: REQUESTS_CA_BUNDLE " +
  "or SSL_CERT_FILE where the worker runs, or client.verify in the spec";
const CERTIFICATES: { [code: string]: string } = {
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  CERT_UNTRUSTED: UNTRUSTED,
  CERT_HAS_EXPIRED: "its certificate has expired. The server needs a new one",
  CERT_NOT_YET_VALID: "its certificate is not valid yet. Check the clock of this machine",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "its certificate is for another name. Check base_url: it must name the host as the certificate does",
  ERR_SSL_WRONG_VERSION_NUMBER: "it speaks no TLS on that port. Check the port, or write http:// in base_url",
  ERR_SSL_PACKET_LENGTH_TOO_LONG:
    "it speaks no TLS on that port. Check the port, or write http:// in base_url",
};

function tlsReason(code: string | undefined): string | undefined {
  if (code === undefined) return undefined;
  const known = CERTIFICATES[code];
  if (known !== undefined) return known;
  if (/^ERR_SSL_.*(CERTIFICATE|HANDSHAKE_FAILURE|UNKNOWN_CA|BAD_CERT)/.test(code)) {
    return "it refused the handshake, as servers do that want another client certificate or none of these ciphers. Check client.cert";
  }
  if (
    /^(CERT_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|ERR_TLS_CERT|CRL_)/.test(code)
  )
    return `${UNTRUSTED}, or have the server's certificate mended`;
  return undefined;
}

function codeOf(error: unknown): string | undefined {
  const seen = error as { code?: string; cause?: { code?: string } };
  return seen?.code ?? seen?.cause?.code;
}

/** The system's or library's code, never its text, which may hold a URL. */
function reasonOf(error: unknown): string {
  return codeOf(error) ?? (error as { name?: string })?.name ?? "unknown error";
}
