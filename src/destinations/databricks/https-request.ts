/** One HTTPS request to the workspace: small answers in memory, a file as the body streamed from disk. */
import { createReadStream } from "node:fs";
import { request } from "node:https";
import { pipeline } from "node:stream";
import type { Endpoint } from "./endpoint";

export interface HttpsRequest {
  method: "GET" | "PUT" | "POST" | "DELETE" | "HEAD";
  /** Path and query, already encoded. */
  path: string;
  headers: { [name: string]: string };
  body?: string;
  /** In place of `body`. */
  file?: { path: string; bytes: number };
  signal?: AbortSignal;
}

export interface HttpsAnswer {
  status: number;
  headers: { [name: string]: string | string[] | undefined };
  body: string;
}

/** No byte for so long means that the connection is dead. */
const IDLE_MS = 120_000;

/** @throws the error of the socket, or the signal's reason */
export function httpsRequest(
  endpoint: Pick<Endpoint, "host" | "port" | "agent">,
  { method, path, headers, body, file, signal }: HttpsRequest,
): Promise<HttpsAnswer> {
  return new Promise((resolve, reject) => {
    const length = file?.bytes ?? Buffer.byteLength(body ?? "");
    const call = request(
      {
        host: endpoint.host,
        port: endpoint.port,
        agent: endpoint.agent,
        method,
        path,
        headers: { ...headers, "content-length": String(length) },
        timeout: IDLE_MS,
        ...(signal === undefined ? {} : { signal }),
      },
      response => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: Buffer.concat(chunks).toString("utf8"),
          }),
        );
      },
    );
    call.on("timeout", () => call.destroy(new Error("ETIMEDOUT")));
    call.on("error", error => reject(signal?.aborted ? signal.reason : error));
    if (file === undefined) call.end(body);
    // a file that fails to be read breaks off the request, and the request's error is the one told
    else
      pipeline(
        createReadStream(file.path),
        call,
        error => error && reject(signal?.aborted ? signal.reason : error),
      );
  });
}
