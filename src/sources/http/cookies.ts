/** Cookies of one client, over pages and redirects, as RFC 6265 has them. */
import { isIP } from "node:net";

interface Cookie {
  name: string;
  value: string;
  domain: string;
  /** For that host alone, not for its subdomains. */
  hostOnly: boolean;
  path: string;
  secure: boolean;
  /** Milliseconds since 1970; undefined: as long as the client lives. */
  expires?: number;
}

/** A client of a hostile server must not grow. */
const MAX_COOKIES = 300;
const MAX_COOKIE_LENGTH = 8 * 1024;

export class CookieJar {
  private readonly cookies = new Map<string, Cookie>();

  /** Takes the Set-Cookie headers of an answer from `url`; what cannot be read is left out. */
  take(url: string, headers: readonly string[], now: number = Date.now()): void {
    for (const header of headers) {
      const cookie = header.length > MAX_COOKIE_LENGTH ? undefined : readCookie(header, new URL(url), now);
      if (cookie === undefined) continue;
      const key = `${cookie.domain};${cookie.path};${cookie.name}`;
      this.cookies.delete(key);
      if (cookie.expires !== undefined && cookie.expires <= now) continue;
      this.cookies.set(key, cookie);
      if (this.cookies.size > MAX_COOKIES) this.cookies.delete(this.cookies.keys().next().value!);
    }
  }

  /** Value of the Cookie header for `url`: longer paths first; undefined: none fits. */
  header(url: string, now: number = Date.now()): string | undefined {
    if (this.cookies.size === 0) return undefined;
    const { hostname, pathname, protocol } = new URL(url);
    const host = hostname.toLowerCase();
    const fitting = [...this.cookies.values()]
      .filter(
        one =>
          (one.expires === undefined || one.expires > now) &&
          (protocol === "https:" || !one.secure) &&
          (host === one.domain || (!one.hostOnly && isBelow(host, one.domain))) &&
          pathFits(pathname, one.path),
      )
      .sort((a, b) => b.path.length - a.path.length);
    return fitting.length === 0
      ? undefined
      : fitting.map(({ name, value }) => (name === "" ? value : `${name}=${value}`)).join("; ");
  }
}

function readCookie(header: string, url: URL, now: number): Cookie | undefined {
  const [pair = "", ...rest] = header.split(";");
  const equals = pair.indexOf("=");
  const name = equals < 0 ? "" : pair.slice(0, equals).trim();
  const value = pair.slice(equals + 1).trim();
  if (name === "" && value === "") return undefined;
  if (hasControl(name + value)) return undefined;
  const host = url.hostname.toLowerCase();
  const cookie: Cookie = {
    name,
    value,
    domain: host,
    hostOnly: true,
    path: defaultPath(url.pathname),
    secure: false,
  };
  let maxAge: number | undefined;
  for (const part of rest) {
    const [key = "", text = ""] = part.split(/=(.*)/s).map(one => one.trim());
    switch (key.toLowerCase()) {
      case "domain": {
        const domain = text.toLowerCase().replace(/^\./, "");
        if (domain === "" || domain === host) break;
        // Another host's, or a whole top-level domain's.
        if (isIP(host) !== 0 || !domain.includes(".") || !isBelow(host, domain)) return undefined;
        cookie.domain = domain;
        break;
      }
      case "path":
        if (text.startsWith("/")) cookie.path = text;
        break;
      case "secure":
        cookie.secure = true;
        break;
      case "max-age":
        if (/^-?\d+$/.test(text)) maxAge = now + Number(text) * 1000;
        break;
      case "expires": {
        const at = Date.parse(text.replaceAll("-", " "));
        if (!Number.isNaN(at)) cookie.expires = at;
        break;
      }
    }
    if (key.toLowerCase() === "domain") cookie.hostOnly = text.replace(/^\./, "") === "";
  }
  if (maxAge !== undefined) cookie.expires = maxAge;
  return cookie;
}

function hasControl(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f || code > 0xff) return true;
  }
  return false;
}

function isBelow(host: string, domain: string): boolean {
  return host.endsWith(`.${domain}`);
}

function pathFits(path: string, cookie: string): boolean {
  return path === cookie || path.startsWith(cookie.endsWith("/") ? cookie : `${cookie}/`);
}

/** RFC 6265 5.1.4. */
function defaultPath(path: string): string {
  const end = path.lastIndexOf("/");
  return end <= 0 ? "/" : path.slice(0, end);
}
