/** What a platform asks a long-running program for: an HTTP answer on the port it names. Databricks Apps do. */
import { createServer, type Server } from "node:http";

/** Answers every request with 200 while the worker is up; says nothing about pipelines. */
export async function openAppDoor(port: number): Promise<Server> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/plain", "cache-control": "no-store" });
    response.end("The Tidemark worker is up.\n");
  });
  // The platform's proxy comes from outside this container.
  await new Promise<void>((up, fail) => server.once("error", fail).listen(port, "0.0.0.0", up));
  return server;
}
