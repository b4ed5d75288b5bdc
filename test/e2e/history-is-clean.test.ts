/**
 * No row value and no secret enters Temporal history (design law 1): every payload, heartbeat, summary and failure of
 * good and failing runs is decoded recursively and searched for values planted in every column.
 */
import { randomUUID } from "node:crypto";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import type { Client } from "@temporalio/client";
import { newProject, type Project, type WorkerProcess } from "../support/project";
import { testClient } from "../support/temporal";

const SECRET = "s3cr3t-7f1c9e";
let client: Client;
let close: () => Promise<void>;
let project: Project;
let worker: WorkerProcess;
let server: Server;
let base: string;

/** Path → answer. Values that must not be found start with PLANT or contain 77123. */
const ANSWERS: { [path: string]: { status?: number; body: unknown } } = {
  "/good": {
    body: [
      {
        id: 7712301,
        name: "PLANT-name",
        amount: 77123.25,
        at: "2026-01-01T00:00:00Z",
        nested: { deep: "PLANT-deep" },
        list: [{ v: "PLANT-child" }, { v: "PLANT-other" }],
        when: "1971-07-12T03:07:12.771230Z",
      },
      {
        id: 2,
        name: "x",
        amount: 1.5,
        at: "2026-01-02T00:00:00Z",
        nested: { deep: "y" },
        list: [],
        when: null,
      },
    ],
  },
  "/two-columns": { body: [{ id: 1, a: 1 }] },
  "/new-column": { body: [{ id: 1, a: 1, extra: "PLANT-extra" }] },
  "/other-type": { body: [{ id: 1, a: "PLANT-text-in-bigint" }] },
  "/null-key": { body: [{ id: null, name: "PLANT-beside-null" }] },
  "/too-big": { body: '[{"id": 1, "n": 9223372036854771230}, {"id": 2, "n": 17712399999999999999}]' },
  "/huge": { body: '[{"id": 1, "n": 771239999999999999999999999999}]' },
  "/no-cursor": { body: [{ id: 1, name: "PLANT-no-cursor" }] },
  "/mixed-cursor": {
    body: [
      { id: 1, at: "PLANT-cursor-text" },
      { id: 2, at: 5 },
    ],
  },
  "/wide-decimal": { body: [{ id: 1, d: "77123771237712377123.5" }] },
  "/broken": { body: '{"data": [{"name": "PLANT-broken' },
  "/error": { status: 500, body: { message: "PLANT-in-error" } },
  "/denied": { status: 401, body: { message: `no access for PLANT-user with ${SECRET}` } },
  "/missing": { status: 404, body: { message: "PLANT-missing" } },
};

const PLANTED = [/PLANT/, /77123/, new RegExp(SECRET)];

beforeAll(async () => {
  ({ client, close } = await testClient());
  server = createServer((request, response) => {
    const { status = 200, body } = ANSWERS[new URL(request.url!, "http://localhost").pathname] ?? {
      status: 404,
      body: {},
    };
    response.writeHead(status, { "content-type": "application/json" });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>(up => server.listen(0, "127.0.0.1", up));
  base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  project = newProject("clean");
  worker = await project.worker({ MY_TOKEN: SECRET });
});

afterAll(async () => {
  await worker.stop();
  server.close();
  await close();
});

function spec(path: string, resource: object, more: object = {}): object {
  return {
    pipeline_name: path.slice(1),
    dataset_name: `d_${path.slice(1).replaceAll("-", "_")}`,
    source: {
      type: "rest_api",
      name: "api",
      client: {
        base_url: base,
        auth: { type: "api_key", name: "key", api_key: { env: "MY_TOKEN" }, location: "query" },
      },
      resources: [{ name: "items", endpoint: { path, paginator: "single_page" }, ...resource }],
    },
    retry: { http_attempts: 1, activity_attempts: 2 },
    ...more,
  };
}

async function run(document: { pipeline_name?: string }): Promise<{ failure?: string; texts: string[] }> {
  const workflowId = `${document.pipeline_name}-${randomUUID()}`;
  const handle = await client.workflow.start("pipeline", {
    workflowId,
    taskQueue: project.queue,
    args: [{ pipeline: document }],
  });
  let failure: string | undefined;
  try {
    await handle.result();
  } catch (error) {
    let inner = error as Error;
    while (inner.cause instanceof Error) inner = inner.cause;
    failure = `${(inner as { type?: string }).type}: ${inner.message}`;
  }
  const texts: string[] = [];
  const ids = [workflowId];
  const resolved = await handle.query<{ load_workflow_id?: string }>("progress");
  if (resolved.load_workflow_id) ids.push(resolved.load_workflow_id);
  for (const id of ids) {
    try {
      collect(await client.workflow.getHandle(id).fetchHistory(), texts);
      collect((await client.workflow.getHandle(id).describe()).raw, texts);
      texts.push(JSON.stringify(await client.workflow.getHandle(id).query("__temporal_workflow_metadata")));
    } catch (error) {
      // A run that failed to resolve has no load child.
      if (!/not found/i.test((error as Error).message)) throw error;
    }
  }
  return { failure, texts };
}

/** Every text and every payload's bytes, wherever they stand. */
function collect(node: unknown, into: string[]): void {
  if (typeof node === "string") into.push(node);
  else if (node instanceof Uint8Array) into.push(Buffer.from(node).toString("utf8"));
  else if (node !== null && typeof node === "object")
    for (const inner of Object.values(node)) collect(inner, into);
}

function expectClean(texts: string[]): void {
  expect(texts.length).toBeGreaterThan(20);
  for (const text of texts) for (const planted of PLANTED) expect(text).not.toMatch(planted);
}

test("the search itself can find: a planted pipeline name is seen", async () => {
  const { texts } = await run(spec("/good", { name: "PLANT-visible" }));
  expect(texts.some(text => /PLANT-visible/.test(text))).toBe(true);
});

test("a run that loads everything", async () => {
  const { failure, texts } = await run(
    spec("/good", {
      write_disposition: "merge",
      primary_key: "id",
      endpoint: { path: "/good", paginator: "single_page", incremental: { cursor_path: "at" } },
    }),
  );
  expect(failure).toBeUndefined();
  expectClean(texts);
  expect(await project.query("SELECT name FROM d_good.items WHERE id = 7712301")).toEqual([
    { name: "PLANT-name" },
  ]);
});

const FAILING: [string, object, RegExp][] = [
  [
    "/other-type",
    { columns: { a: { name: "a", data_type: "bigint" } }, schema_contract: { data_type: "freeze" } },
    /CONTRACT_VIOLATION/,
  ],
  ["/null-key", { primary_key: "id", write_disposition: "merge" }, /NULL_IN_KEY/],
  ["/too-big", { columns: { n: { name: "n", data_type: "bigint" } } }, /DESTINATION_REFUSED/],
  ["/huge", {}, /INTEGER_TOO_LARGE/],
  [
    "/no-cursor",
    { endpoint: { path: "/no-cursor", paginator: "single_page", incremental: { cursor_path: "at" } } },
    /CURSOR_VALUE_MISSING/,
  ],
  [
    "/mixed-cursor",
    { endpoint: { path: "/mixed-cursor", paginator: "single_page", incremental: { cursor_path: "at" } } },
    /CURSOR_TYPE/,
  ],
  [
    "/wide-decimal",
    { columns: { d: { name: "d", data_type: "decimal", precision: 6, scale: 2 } } },
    /DESTINATION_REFUSED/,
  ],
  ["/broken", {}, /HTTP_BAD_JSON/],
  ["/error", {}, /HTTP_RETRYABLE_STATUS/],
  ["/denied", {}, /HTTP_UNAUTHORIZED/],
  ["/missing", {}, /HTTP_STATUS/],
];

test.each(FAILING)("a run that fails: %s", async (path, resource, code) => {
  const { failure, texts } = await run(spec(path, resource));
  expect(failure).toMatch(code);
  expectClean(texts);
  const dataset = `d_${path.slice(1).replaceAll("-", "_")}`;
  const loads = await project.query(
    `SELECT count(*) AS n FROM information_schema.tables WHERE table_schema = '${dataset}' AND table_name = 'items'`,
  );
  if (loads[0]!.n !== "0")
    expect(await project.query(`SELECT count(*) AS n FROM ${dataset}.items`)).toEqual([{ n: "0" }]);
});

test("a run that fails: a new column under freeze, on a table of an earlier run", async () => {
  const frozen = { schema_contract: { columns: "freeze" } };
  const before = spec("/two-columns", frozen) as { pipeline_name: string; dataset_name: string };
  expect((await run(before)).failure).toBeUndefined();
  const after = {
    ...spec("/new-column", frozen),
    pipeline_name: before.pipeline_name,
    dataset_name: before.dataset_name,
  };
  const { failure, texts } = await run(after);
  expect(failure).toMatch(/CONTRACT_VIOLATION/);
  expectClean(texts);
  expect(await project.query(`SELECT count(*) AS n FROM ${before.dataset_name}.items`)).toEqual([{ n: "1" }]);
});

test("a generator that throws with a row in its message", async () => {
  writeFileSync(
    join(project.folder, "pipelines", "throws.js"),
    'exports.items = async function* () { yield { id: 1, name: "PLANT-row" }; throw new Error("bad row PLANT-thrown"); };',
  );
  const { failure, texts } = await run({
    pipeline_name: "throws",
    source: { type: "code", name: "c", module: "throws.js", resources: [{ name: "items" }] },
    retry: { activity_attempts: 1 },
  } as never);
  expect(failure).toMatch(/SOURCE_CODE_FAILED/);
  expectClean(texts);
});
