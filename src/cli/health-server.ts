/** What a platform asks a long-running program for, over HTTP: is it alive, does it take work. */
import { createServer, type Server } from "node:http";
import type { Health } from "../worker-health";

/**
 * `/healthz`: 200 unless a restart would help. `/readyz`: 200 when the worker takes tasks, else 503 with the reasons. Any
 * other path answers as `/healthz`, for platforms that ask for the root.
 */
export async function openHealthServer(port: number, health: () => Promise<Health>): Promise<Server> {
  const server = createServer(async (request, response) => {
    const [path] = (request.url ?? "/").split("?");
    const { alive, ready, problems } = await health();
    const good = path === "/readyz" ? ready : alive;
    response.writeHead(good ? 200 : 503, {
      "content-type": "application/json",
      "cache-control": "no-store",
    });
    response.end(`${JSON.stringify({ alive, ready, problems })}\n`);
  });
  // Probes come from outside this container.
  await new Promise<void>((up, fail) => server.once("error", fail).listen(port, "0.0.0.0", up));
  return server;
}
