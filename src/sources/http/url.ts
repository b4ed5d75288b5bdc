/**
 * URLs as Python's `requests` sends them (parity: the request line is what servers see).
 * Rules: requests' `prepare_url` and `requote_uri`, urllib3's normalisation, Python's `urljoin`.
 */
import { isObject } from "../../json/jsonpath";
import type { Value } from "../../json/values";
import { pythonText } from "./python-repr";

/** Query parameters in order; lists repeat the name, null leaves it out. */
export type Params = { [name: string]: Value };

const UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
const PATH_CHARS = new Set(`${UNRESERVED}!$&'()*+,;=:@/`);
const QUERY_CHARS = new Set(`${UNRESERVED}!$&'()*+,;=:@/?`);
const FORM_CHARS = new Set(UNRESERVED);

/** `a=1&b=x+y`: Python's `urlencode(..., doseq=True)` after requests' rules for None and lists. */
export function encodeParams(params: Params): string {
  const pairs: string[] = [];
  for (const [name, value] of Object.entries(params)) {
    for (const text of paramTexts(value)) pairs.push(`${quotePlus(name)}=${quotePlus(text)}`);
  }
  return pairs.join("&");
}

function paramTexts(value: Value): string[] {
  const texts: string[] = [];
  for (const one of Array.isArray(value) ? value : [value]) {
    if (one === null) continue;
    if (Array.isArray(one)) texts.push(...one.map(pythonText));
    else if (isObject(one)) texts.push(...Object.keys(one));
    else texts.push(pythonText(one));
  }
  return texts;
}

/** Python's `quote_plus`. */
export function quotePlus(text: string): string {
  return percentEncode(text, FORM_CHARS).replaceAll("%20", "+");
}

function percentEncode(text: string, safe: ReadonlySet<string>): string {
  let encoded = "";
  for (const char of text) {
    if (safe.has(char)) encoded += char;
    else
      for (const byte of Buffer.from(char, "utf8"))
        encoded += `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}

/** Escapes what may not stand in a part of a URL; existing escapes stay, those of plain letters are undone. */
function requote(text: string, safe: ReadonlySet<string>): string {
  const escapes = text.match(/%[0-9a-fA-F]{2}/g)?.length ?? 0;
  const percents = text.split("%").length - 1;
  if (escapes !== percents) return percentEncode(text, safe);
  return text
    .split(/(%[0-9a-fA-F]{2})/)
    .map((part, i) => {
      if (i % 2 === 0) return percentEncode(part, safe);
      const char = String.fromCharCode(Number.parseInt(part.slice(1), 16));
      return UNRESERVED.includes(char) ? char : part.toUpperCase();
    })
    .join("");
}

export interface SplitUrl {
  scheme: string;
  /** With user, password and port; may be empty. */
  authority: string;
  path: string;
  /** Without "?"; undefined when there is none. */
  query?: string;
}

/** Cut into parts without changing them; the fragment is dropped. */
export function splitUrl(url: string): SplitUrl {
  const match = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?/.exec(url)!;
  return {
    scheme: (match[1] ?? "").toLowerCase(),
    authority: match[2] ?? "",
    path: match[3] ?? "",
    query: match[4],
  };
}

export interface RequestTarget {
  /** `https://host:port`, without user and password. */
  origin: string;
  /** Path and query as they go on the request line. */
  path: string;
  userinfo?: { user: string; password: string };
}

/**
 * The request line for a URL and further parameters.
 * @throws Error without any part of the query, when the URL has no http(s) scheme or no host
 */
export function requestTarget(url: string, params: Params = {}): RequestTarget {
  const { scheme, authority, path, query } = splitUrl(url.trimStart());
  if (scheme !== "http" && scheme !== "https")
    throw new Error("the URL does not begin with http:// or https://");
  const at = authority.lastIndexOf("@");
  let host: URL;
  try {
    host = new URL(`${scheme}://${authority.slice(at + 1)}`);
  } catch {
    throw new Error("the URL has no valid host");
  }
  const added = encodeParams(params);
  const wholeQuery = [requote(query ?? "", QUERY_CHARS), added].filter(part => part !== "").join("&");
  const wholePath = requote(removeDotSegments(path), PATH_CHARS) || "/";
  const target: RequestTarget = {
    origin: host.origin,
    path: wholeQuery ? `${wholePath}?${wholeQuery}` : wholePath,
  };
  if (at >= 0) {
    const [user = "", password = ""] = authority.slice(0, at).split(/:(.*)/s);
    target.userinfo = { user: unquote(user), password: unquote(password) };
  }
  return target;
}

function unquote(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** RFC 3986 5.2.4. */
function removeDotSegments(path: string): string {
  if (!/(^|\/)\.\.?(\/|$)/.test(path)) return path;
  const segments = path.split("/");
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === ".") continue;
    if (segment !== "..") kept.push(segment);
    else if (kept.length > 1 || (kept.length === 1 && kept[0] !== "")) kept.pop();
  }
  if (/(^|\/)\.\.?$/.test(path)) kept.push("");
  const joined = kept.join("/");
  return path.startsWith("/") && !joined.startsWith("/") ? `/${joined}` : joined;
}

/** dlt's `join_url`: absolute http(s) paths as they are, else base without trailing and path without leading slashes. */
export function joinBase(base: string, path: string): string {
  if (isHttpUrl(path)) return path;
  if (base === "") return path;
  if (path === "") return base;
  return `${base.replace(/\/+$/, "")}/${path.replace(/^\/+/, "")}`;
}

export function isHttpUrl(text: string): boolean {
  return /^https?:/i.test(text);
}

/** Python's `urljoin`: a reference found in a response, against the URL that was asked. */
export function joinReference(base: string, reference: string): string {
  if (reference === "") return base;
  const to = splitUrl(reference);
  if (to.scheme !== "") return reference;
  const from = splitUrl(base);
  const build = (authority: string, path: string, query: string | undefined): string =>
    `${from.scheme}://${authority}${path}${query ? `?${query}` : ""}`;
  if (to.authority !== "") return build(to.authority, to.path, to.query);
  if (to.path === "") return build(from.authority, from.path, to.query ?? from.query);
  if (to.path.startsWith("/")) return build(from.authority, removeDotSegments(to.path), to.query);
  const folder = from.path.slice(0, from.path.lastIndexOf("/") + 1) || "/";
  return build(from.authority, removeDotSegments(folder + to.path), to.query);
}
