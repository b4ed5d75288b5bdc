/** Which proxy a request goes through (requests: `resolve_proxies`, `should_bypass_proxies`, `select_proxy`). */
import { BlockList, isIPv4 } from "node:net";
import { TidemarkError } from "../../pipeline/errors";
import type { NetworkSettings } from "../../pipeline/network";

export interface ProxyServer {
  /** `http://host:port`, without user and password: fit for a message. */
  origin: string;
  /** Value of Proxy-Authorization. */
  authorization?: string;
}

/** Proxies of a spec by scheme, as requests takes them: `https`, `https://host`, `all`; null: none. */
export type ProxyTable = { [scheme: string]: string | null };

/**
 * @param own proxies of the client, which win over the environment
 * @returns undefined: the host is asked directly
 * @throws TidemarkError SPEC_INVALID for an address that is no proxy's
 */
export function proxyFor(
  url: { protocol: string; hostname: string; port: string },
  own: ProxyTable,
  environment: NetworkSettings["proxies"],
): ProxyServer | undefined {
  const scheme = url.protocol.replace(":", "");
  const table: ProxyTable = { ...own };
  const noProxy = own.no_proxy ?? environment.no ?? "";
  const fromEnvironment = environment[scheme] ?? environment.all;
  if (fromEnvironment !== undefined && !Object.hasOwn(table, scheme) && !isBypassed(url, noProxy))
    table[scheme] = fromEnvironment;
  for (const key of [`${scheme}://${url.hostname}`, scheme, `all://${url.hostname}`, "all"]) {
    const found = table[key];
    if (Object.hasOwn(table, key)) return found ? readProxy(found) : undefined;
  }
  return undefined;
}

/** NO_PROXY: `*`, hosts with or without a port, their subdomains, IPv4 addresses and networks. */
export function isBypassed(url: { hostname: string; port: string }, noProxy: string): boolean {
  const host = url.hostname.toLowerCase().replace(/^\[|\]$/g, "");
  const names = noProxy
    .split(",")
    .map(name => name.replaceAll(" ", "").toLowerCase())
    .filter(name => name !== "");
  if (names.length === 1 && names[0] === "*") return true;
  if (isIPv4(host) && names.some(name => isInNetwork(host, name))) return true;
  return names.some(name => {
    const bare = name.replace(/^\.+/, "");
    return [host, `${host}:${url.port}`].some(one => one === bare || one.endsWith(`.${bare}`));
  });
}

function isInNetwork(address: string, name: string): boolean {
  const [net = "", bits = ""] = name.split("/");
  if (!isIPv4(net) || !/^\d+$/.test(bits) || Number(bits) < 1 || Number(bits) > 32) return false;
  const list = new BlockList();
  list.addSubnet(net, Number(bits));
  return list.check(address);
}

function readProxy(text: string): ProxyServer {
  let url: URL;
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  } catch {
    throw new TidemarkError(
      "SPEC_INVALID",
      "A proxy's address cannot be read. Write http://host:port, or http://user:password@host:port with # / ? % & : @ in " +
        "user and password escaped (client.proxies, HTTP_PROXY, HTTPS_PROXY).",
    );
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw new TidemarkError(
      "SPEC_INVALID",
      `A proxy of kind ${url.protocol}// is not supported; http:// and https:// are (client.proxies, HTTP_PROXY, HTTPS_PROXY).`,
    );
  }
  const { username, password } = url;
  if (username === "" && password === "") return { origin: url.origin };
  const pair = `${decode(username)}:${decode(password)}`;
  return { origin: url.origin, authorization: `Basic ${Buffer.from(pair, "utf8").toString("base64")}` };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
