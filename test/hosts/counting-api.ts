/** An API whose pages a test can hold back, and which counts what it is asked. */
import { createServer, type Server } from "node:http";

export interface CountingApi {
  url: string;
  requests: string[];
  /** Pages from this number on are not answered until it is raised. */
  holdFrom(page: number): void;
  /** Milliseconds that every answer takes. */
  delay: number;
  rows: number;
  /** Rows say how many there were when they were asked for: newer answers can be told from older ones. */
  versioned: boolean;
  close(): void;
}

/** Serves `/<any>?page=n`: rows of ascending `at`, `perPage` at a time. */
export async function countingApi(options: {
  rows: number;
  perPage: number;
  delay?: number;
}): Promise<CountingApi> {
  const { perPage } = options;
  const requests: string[] = [];
  let held = Number.POSITIVE_INFINITY;
  const waiting: (() => void)[] = [];
  const api = { delay: options.delay ?? 0, rows: options.rows, versioned: false } as CountingApi;
  const server: Server = createServer(async (request, response) => {
    requests.push(request.url!);
    const url = new URL(request.url!, "http://localhost");
    const page = Number(url.searchParams.get("page") ?? 0);
    while (page >= held) await new Promise<void>(go => waiting.push(go));
    if (api.delay > 0) await new Promise(done => setTimeout(done, api.delay));
    const first = page * perPage;
    const rows = Array.from({ length: Math.max(0, Math.min(perPage, api.rows - first)) }, (_, i) => ({
      id: first + i,
      at: 1_000 + first + i,
      version: api.versioned ? api.rows : 0,
      tags: [{ tag: (first + i) % 7 }],
    }));
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(rows));
  });
  await new Promise<void>(up => server.listen(0, "127.0.0.1", up));
  const { port } = server.address() as { port: number };
  return Object.assign(api, {
    url: `http://127.0.0.1:${port}`,
    requests,
    holdFrom(page: number) {
      held = page;
      for (const go of waiting.splice(0)) go();
    },
    close() {
      held = Number.POSITIVE_INFINITY;
      for (const go of waiting.splice(0)) go();
      server.closeAllConnections();
      server.close();
    },
  });
}

export interface SpecOptions {
  disposition?: "append" | "merge" | "replace";
  resources?: string[];
  more?: object;
  resource?: object;
}

/** Incremental resources on `at`, each under a path of its own name. */
export function apiSpec(name: string, url: string, options: SpecOptions = {}): object {
  const { disposition = "append", resources = ["events"], more = {}, resource = {} } = options;
  return {
    pipeline_name: name,
    dataset_name: "raw",
    // A third of this passes before a dead worker is noticed: short, for tests.
    retry: { host_timeout_seconds: 9 },
    source: {
      type: "rest_api",
      name: "shop",
      client: { base_url: url },
      resources: resources.map(one => ({
        name: one,
        write_disposition: disposition,
        ...(disposition === "merge" ? { primary_key: "id" } : {}),
        endpoint: {
          path: one,
          paginator: { type: "page_number", base_page: 0, total_path: null },
          incremental: { cursor_path: "at", initial_value: 0 },
        },
        ...resource,
      })),
    },
    ...more,
  };
}
