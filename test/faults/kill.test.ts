/**
 * A worker is killed (SIGKILL) at chosen places of a load of 120,000 rows and more: append, nested merge, incremental.
 * Each time another worker takes over, and the tables end row by row like those of an undisturbed run.
 */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import type { Client } from "@temporalio/client";
import type { RunResult } from "../../src/pipeline/infos";
import { newProject, type Project, REPOSITORY } from "../support/project";
import { testClient } from "../support/temporal";
import { casesOf } from "../support/whole";

const EVENTS = 60_000;
const ORDERS = 30_000;
const PAGE = 3_000;

let client: Client;
let close: () => Promise<void>;
let undisturbed: { [table: string]: { [column: string]: unknown }[] };

interface Api {
  url: string;
  requests: string[];
  server: Server;
}

async function api(): Promise<Api> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url!);
    const url = new URL(request.url!, "http://localhost");
    const first = Number(url.searchParams.get("page") ?? 0) * PAGE;
    const count = url.pathname === "/events" ? EVENTS : ORDERS;
    const make = url.pathname === "/events" ? event : order;
    const rows = Array.from({ length: Math.max(0, Math.min(PAGE, count - first)) }, (_, i) =>
      make(first + i),
    );
    const body = JSON.stringify(rows);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(body);
  });
  await new Promise<void>(up => server.listen(0, "127.0.0.1", up));
  const { port } = server.address() as { port: number };
  return { url: `http://127.0.0.1:${port}`, requests, server };
}

const event = (i: number) => ({ event_no: i, kind: `kind ${i % 7}`, at: 1_000_000 + i, value: i + 0.5 });
const order = (i: number) => ({
  id: i,
  at: 2_000_000 + i,
  customer: { name: `customer ${i % 100}` },
  lines: [0, 1].map(n => ({ order_no: i, n, sku: `sku ${(i + n) % 50}` })),
});

function spec(name: string, url: string, transform: boolean): object {
  const endpoint = (path: string) => ({
    path,
    paginator: { type: "page_number", base_page: 0, total_path: null },
    incremental: { cursor_path: "at", initial_value: 0 },
  });
  return {
    pipeline_name: name,
    dataset_name: "raw",
    // A worker that dies is noticed after a third of it.
    retry: { host_timeout_seconds: 24 },
    source: {
      type: "rest_api",
      name: "shop",
      client: { base_url: url },
      resources: [
        { name: "events", write_disposition: "append", endpoint: endpoint("events") },
        { name: "orders", write_disposition: "merge", primary_key: "id", endpoint: endpoint("orders") },
      ],
    },
    ...(transform ? { transform: { dbt: { project_dir: join(REPOSITORY, "dbt"), freshness: false } } } : {}),
  };
}

async function tables(project: Project): Promise<typeof undisturbed> {
  return {
    events: await project.query("SELECT * EXCLUDE (_dlt_id, _dlt_load_id) FROM raw.events ORDER BY ALL"),
    orders: await project.query("SELECT * EXCLUDE (_dlt_id, _dlt_load_id) FROM raw.orders ORDER BY ALL"),
    lines: await project.query(
      `SELECT l.* EXCLUDE (_dlt_id, _dlt_parent_id, _dlt_root_id), o.id AS parent
       FROM raw.orders__lines l JOIN raw.orders o ON o._dlt_id = l._dlt_parent_id AND o._dlt_id = l._dlt_root_id ORDER BY ALL`,
    ),
    loads: await project.query(
      "SELECT count(*) AS n, count(DISTINCT load_id) AS loads FROM raw._dlt_loads WHERE status = 0",
    ),
    ids: await project.query("SELECT count(*) - count(DISTINCT _dlt_id) AS doubled FROM raw.events"),
  };
}

async function runIn(project: Project, name: string): Promise<RunResult> {
  const handle = await client.workflow.start("pipeline", {
    workflowId: `${name}-${randomUUID()}`,
    taskQueue: project.queue,
    args: [{ pipeline: name }],
  });
  return (await handle.result()) as RunResult;
}

beforeAll(async () => {
  ({ client, close } = await testClient());
  const source = await api();
  const project = newProject("undisturbed");
  project.writeSpec("shop", spec("shop", source.url, false));
  const worker = await project.worker();
  await runIn(project, "shop");
  await worker.stop();
  undisturbed = await tables(project);
  source.server.close();
  expect(undisturbed.events).toHaveLength(EVENTS);
  expect(undisturbed.lines).toHaveLength(ORDERS * 2);
});

afterAll(() => close());

const FAULTS: [string, object, (requests: string[]) => void][] = [
  [
    "mid-page of a resource",
    { step: "extract", subject: "events", rows: 20_000 },
    // The page that was under way may be asked again; finished pages are not.
    requests => expect(repeated(requests)).toBeLessThanOrEqual(3),
  ],
  [
    "mid-file of normalize",
    { step: "normalize", rows: 20_000 },
    requests => expect(repeated(requests)).toBe(0),
  ],
  [
    "inside the load transaction",
    { step: "load", phase: "in transaction" },
    requests => expect(repeated(requests)).toBe(0),
  ],
  [
    "just before _dlt_loads",
    { step: "load", phase: "before _dlt_loads" },
    requests => expect(repeated(requests)).toBe(0),
  ],
  ["during dbt", { step: "transform" }, requests => expect(repeated(requests)).toBe(0)],
];

function repeated(requests: string[]): number {
  return requests.length - new Set(requests).size;
}

/** The others are steps that die at the same places in test/contract/engine, without processes. */
const COVERING = ["mid-page of a resource", "inside the load transaction", "during dbt"];

test.each(casesOf(FAULTS, ([label]) => COVERING.includes(label)))(
  "killed %s",
  async (label, fault, judge) => {
    const source = await api();
    const project = newProject("killed");
    project.writeSpec("shop", spec("shop", source.url, label === "during dbt"));
    const marker = join(project.folder, "killed.json");
    const first = await project.worker({ FAULT: JSON.stringify(fault), FAULT_MARKER: marker });
    const result = runIn(project, "shop");
    expect(await first.ended).toBe("SIGKILL");
    expect(existsSync(marker)).toBe(true);
    const second = await project.worker();
    try {
      const done = await result;
      expect(done.load?.load_id).toBeDefined();
      expect(await tables(project)).toEqual(undisturbed);
      judge(source.requests);
      if (label === "during dbt") expect(done.dbt?.success).toBe(true);
    } finally {
      await second.stop();
      source.server.close();
    }
  },
);
