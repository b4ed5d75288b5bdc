/** Connections: direct, or through a proxy's tunnel. */
import { request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import type { Socket } from "node:net";
import { buildConnector } from "undici";
import type { ProxyServer } from "./proxies";
import type { TlsSettings } from "./tls";

/** One for the connection, one for every silence after it, as in dlt. */
export const TIMEOUT_MS = 60_000;

/** The proxy answered, and not with a tunnel. */
export class TunnelRefused extends Error {
  constructor(readonly status: number) {
    super(`the proxy answered ${status}`);
  }
}

/** The proxy itself could not be had. */
export class ProxyUnreachable extends Error {
  constructor(override readonly cause: unknown) {
    super("the proxy could not be reached");
  }
}

/**
 * @param onError told of errors of connections that were made: undici only says that the other side has closed, where
 *   TLS 1.3 says that a client certificate is missing
 */
export function connector(
  tls: TlsSettings | undefined,
  proxy?: ProxyServer,
  onError: (error: Error) => void = () => {},
): buildConnector.connector {
  const connect = buildConnector({ ...tls, timeout: TIMEOUT_MS } as buildConnector.BuildOptions);
  const direct: buildConnector.connector = (options, callback) =>
    connect(options, (error, socket) => {
      socket?.on("error", onError);
      if (error === null) callback(null, socket);
      else callback(error, null);
    });
  if (proxy === undefined) return direct;
  return (options, callback) => {
    openTunnel(proxy, options.hostname, options.port || "443", tls).then(
      socket => direct({ ...options, httpSocket: socket }, callback),
      (error: Error) => callback(error, null),
    );
  };
}

/** A connection to `host` that the proxy hands through. @throws TunnelRefused, ProxyUnreachable */
function openTunnel(
  proxy: ProxyServer,
  hostname: string,
  port: string,
  tls: TlsSettings | undefined,
): Promise<Socket> {
  const { protocol, hostname: proxyHost, port: proxyPort } = new URL(proxy.origin);
  const host = hostname.includes(":") && !hostname.startsWith("[") ? `[${hostname}]` : hostname;
  const target = `${host}:${port}`;
  const secure = protocol === "https:";
  return new Promise((resolve, reject) => {
    const request = (secure ? tlsRequest : plainRequest)({
      host: proxyHost.replace(/^\[|\]$/g, ""),
      port: proxyPort || (secure ? 443 : 80),
      method: "CONNECT",
      path: target,
      headers: {
        host: target,
        ...(proxy.authorization === undefined ? {} : { "proxy-authorization": proxy.authorization }),
      },
      agent: false,
      timeout: TIMEOUT_MS,
      ...(secure ? tls : {}),
    });
    request.once("connect", (response, socket: Socket) => {
      const status = response.statusCode ?? 0;
      if (status >= 200 && status < 300) {
        socket.setTimeout(0);
        resolve(socket);
      } else {
        socket.destroy();
        reject(new TunnelRefused(status));
      }
    });
    // A proxy that takes CONNECT for an ordinary request.
    request.once("response", response => {
      response.destroy();
      reject(new TunnelRefused(response.statusCode ?? 0));
    });
    request.once("timeout", () => request.destroy(Object.assign(new Error(), { code: "ETIMEDOUT" })));
    request.on("error", error => reject(new ProxyUnreachable(error)));
    request.end();
  });
}
