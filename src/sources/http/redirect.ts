/** What of a call goes on to where a server sends it. */
import { TidemarkError } from "../../pipeline/errors";
import type { HttpCall } from "./call";
import { joinReference, requestTarget, splitUrl } from "./url";

export const MAX_REDIRECTS = 30;
export const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Headers whose names say that a secret stands in them. */
const SECRET_HEADER =
  /auth|token|secret|passw|pwd|credential|cookie|signature|assertion|session|(^|[-_])(api|access|private|subscription|functions)?[-_]?key$|apikey/i;
const DEFAULT_PORTS: { [scheme: string]: string } = { http: "80", https: "443" };

/**
 * requests' rules: 303 and (by custom) 301/302 turn into GET. Where requests drops `Authorization` (another host, port
 * or scheme), every secret goes: headers by name or value, and parameters that the server copied into its target.
 * @param secrets texts that may not leave the host
 * @throws TidemarkError HTTP_STATUS where the body that would go on to another host holds a secret
 */
export function redirected(
  call: HttpCall,
  status: number,
  location: string,
  secrets: readonly string[],
): HttpCall {
  const method = call.method.toUpperCase();
  const toGet = status === 303 || status === 302 ? method !== "HEAD" : status === 301 && method === "POST";
  const keepsBody = status === 307 || status === 308;
  const target = joinReference(call.url, location);
  const trusted = keepsCredentials(call.url, target);
  const isSecret = (text: string) => secrets.some(secret => text.includes(secret));
  if (keepsBody && !trusted && call.body !== undefined && isSecret(call.body.toString())) {
    throw new TidemarkError(
      "HTTP_STATUS",
      `${call.what} answered ${status}, which sends the request on to another host, and its body holds credentials: not ` +
        "followed. Use the other host's address where that host is yours.",
      { dltException: "HTTPError" },
    );
  }
  const headers = Object.entries(call.headers).filter(([name, value]) => {
    const lower = name.toLowerCase();
    if (lower === "host") return trusted;
    if (!keepsBody && (lower.startsWith("content-") || lower === "transfer-encoding")) return false;
    return trusted || !(SECRET_HEADER.test(name) || isSecret(value));
  });
  return {
    ...call,
    url: trusted ? target : withoutSecrets(target, secrets),
    method: toGet ? "GET" : method,
    headers: Object.fromEntries(headers),
    body: keepsBody ? call.body : undefined,
  };
}

/** requests: `should_strip_auth`, the other way around. */
export function keepsCredentials(from: string, to: string): boolean {
  const [old, next] = [originOf(from), originOf(to)];
  if (old === undefined || next === undefined || old.host !== next.host) return false;
  const isUpgrade = old.scheme === "http" && old.port === "80" && next.scheme === "https";
  if (isUpgrade && next.port === "443") return true;
  return old.scheme === next.scheme && old.port === next.port;
}

function originOf(url: string): { scheme: string; host: string; port: string } | undefined {
  try {
    const { origin } = requestTarget(url);
    const { protocol, hostname, port } = new URL(origin);
    const scheme = protocol.slice(0, -1);
    return { scheme, host: hostname, port: port || DEFAULT_PORTS[scheme]! };
  } catch {
    return undefined;
  }
}

/** Parameters with one of our secrets in them are left out, also user and password. */
function withoutSecrets(url: string, secrets: readonly string[]): string {
  const { scheme, authority, path, query } = splitUrl(url);
  const kept = query
    ?.split("&")
    .filter(pair => !secrets.some(secret => pair.includes(secret) || decoded(pair).includes(secret)))
    .join("&");
  return `${scheme}://${authority}${path}${kept ? `?${kept}` : ""}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
