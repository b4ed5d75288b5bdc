/** `tidemark worker` as its surroundings see it: health, readiness, metrics, and a log that machines read. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "@temporalio/client";
import { freePort } from "../../src/dev-server";
import type { RunResult } from "../../src/pipeline/infos";
import { METRICS } from "../../src/pipeline/metrics";
import { newProject, type Project, REPOSITORY } from "../support/project";
import { testAddress, testClient } from "../support/temporal";

const SECRET = "s3cr3t-8a41d0";
let client: Client;
let close: () => Promise<void>;
let project: Project;
let api: Server;
let base: string;
let worker: ChildProcess;
let ended: Promise<number | null>;
let log = "";
let health: number;
let metrics: number;
const held: ServerResponse[] = [];
let flaky = 0;
/** What the good webhook got. */
const told: { text: string; event: string }[] = [];

beforeAll(async () => {
  ({ client, close } = await testClient());
  api = createServer((request, response) => {
    const { pathname } = new URL(request.url!, "http://localhost");
    if (pathname === "/held") return void held.push(response);
    if (pathname === `/hook-${SECRET}`) {
      request.on("data", data => told.push(JSON.parse(String(data))));
      return void request.on("end", () => response.end("ok"));
    }
    const status = pathname === "/denied" ? 403 : pathname === "/flaky" && ++flaky === 1 ? 503 : 200;
    response.writeHead(status, { "content-type": "application/json" });
    response.end(
      JSON.stringify([
        { id: 1, updated_at: "2026-01-02T03:04:05Z", ...(flaky > 2 ? { extra: 1 } : {}) },
        { id: 2, updated_at: "2026-01-01T00:00:00Z" },
      ]),
    );
  });
  await new Promise<void>(up => api.listen(0, "127.0.0.1", up));
  base = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  project = newProject("outside");
  health = await freePort(0);
  metrics = await freePort(0);
  worker = spawn(
    process.execPath,
    [join(REPOSITORY, "bin", "tidemark"), "worker"].concat([
      "--health-port",
      String(health),
      "--metrics-port",
      String(metrics),
    ]),
    {
      cwd: project.folder,
      env: {
        ...project.env,
        TEMPORAL_ADDRESS: testAddress(),
        LOG_FORMAT: "json",
        MY_TOKEN: SECRET,
        GOOD_HOOK: `${base}/hook-${SECRET}`,
        BAD_HOOK: `${base}/denied?${SECRET}`,
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  ended = new Promise(done => worker.once("exit", done));
  worker.stderr!.on("data", data => {
    log += data;
  });
  await new Promise<void>((up, fail) => {
    worker.stdout!.on("data", data => String(data).includes("Worker ready") && up());
    worker.once("exit", code => fail(new Error(`the worker ended with ${code}: ${log}`)));
  });
});

afterAll(async () => {
  for (const response of held) response.end("[]");
  if (worker.exitCode === null) worker.kill("SIGKILL");
  await ended;
  api.close();
  await close();
});

const spec = (name: string) => ({
  pipeline_name: name,
  dataset_name: `d_${name}`,
  source: {
    type: "rest_api",
    name: "api",
    client: {
      base_url: base,
      auth: { type: "api_key", name: "key", api_key: { env: "MY_TOKEN" }, location: "query" },
    },
    resources: [
      {
        name: "items",
        endpoint: {
          path: name,
          paginator: "single_page",
          incremental: { cursor_path: "updated_at", initial_value: "2020-01-01T00:00:00Z" },
        },
      },
    ],
  },
  retry: { http_attempts: 1, activity_attempts: 3 },
  notify: [
    { on: ["failed"], webhook: { env: "BAD_HOOK" } },
    { on: ["failed", "schema_change"], webhook: { env: "GOOD_HOOK" } },
    { on: ["schema_change"], webhook: { env: "NOT_SET" } },
  ],
});

const start = (name: string) =>
  client.workflow.start("pipeline", {
    workflowId: `${project.queue}-${name}`,
    taskQueue: project.queue,
    args: [{ pipeline: spec(name) }],
  });

async function probe(path: string): Promise<{ status: number; problems: string[] }> {
  const response = await fetch(`http://127.0.0.1:${health}${path}`);
  const { problems } = (await response.json()) as { problems: string[] };
  return { status: response.status, problems };
}

/** Series of ours: name, labels, value. */
async function scrape(): Promise<{ name: string; labels: { [label: string]: string }; value: number }[]> {
  const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
  return [...text.matchAll(/^(tidemark_\w+)\{(.*)\} (\S+)$/gm)].map(([, name, labels, value]) => ({
    name: name!,
    labels: Object.fromEntries([...labels!.matchAll(/(\w+)="([^"]*)"/g)].map(([, k, v]) => [k!, v!])),
    value: Number(value),
  }));
}

test("a worker that polls is ready", async () => {
  // Its word that it is ready may be faster than its first poll.
  for (
    const end = performance.now() + 20_000;
    (await probe("/readyz")).status !== 200 && performance.now() < end;
  )
    await new Promise(done => setTimeout(done, 200));
  expect(await probe("/readyz")).toEqual({ status: 200, problems: [] });
  expect((await probe("/healthz")).status).toBe(200);
  expect((await probe("/")).status).toBe(200);
});

test("metrics count rows, retries and failures by resource, and have the documented labels", async () => {
  await (await start("flaky")).result();
  await expect((await start("denied")).result()).rejects.toThrow();
  const series = await scrape();
  const sum = (name: string, labels: { [label: string]: string }) =>
    series
      .filter(one => one.name === name && Object.entries(labels).every(([k, v]) => one.labels[k] === v))
      .reduce((all, { value }) => all + value, 0);
  const items = { pipeline: "flaky", resource: "items" };
  expect(sum("tidemark_extracted_rows", items)).toBe(2);
  expect(sum("tidemark_extracted_pages", items)).toBe(1);
  expect(sum("tidemark_source_requests", items)).toBe(1);
  expect(sum("tidemark_extracted_bytes", items)).toBeGreaterThan(50);
  expect(sum("tidemark_step_retries", { ...items, code: "HTTP_RETRYABLE_STATUS" })).toBe(1);
  expect(sum("tidemark_step_failures", { pipeline: "denied", code: "HTTP_UNAUTHORIZED" })).toBe(1);
  expect(sum("tidemark_loaded_rows", { pipeline: "flaky", table: "items" })).toBe(2);
  expect(sum("tidemark_pending_packages", { pipeline: "flaky" })).toBe(0);
  expect(sum("tidemark_package_bytes_count", { pipeline: "flaky" })).toBe(1);
  expect(sum("tidemark_step_seconds_count", { pipeline: "flaky", step: "load", outcome: "done" })).toBe(1);
  expect(sum("tidemark_cursor_timestamp", items)).toBe(Date.parse("2026-01-02T03:04:05Z") / 1000);
  expect(
    Math.abs(sum("tidemark_last_load_timestamp", { pipeline: "flaky" }) - Date.now() / 1000),
  ).toBeLessThan(120);
  for (const { name, labels } of series) {
    const metric = METRICS[name.replace(/_(bucket|sum|count)$/, "") as keyof typeof METRICS];
    expect([name, Object.keys(labels)]).toEqual([name, expect.arrayContaining([...metric.labels])]);
  }
});

test("a failed run and a changed schema are told; a notice that cannot be delivered fails nothing", async () => {
  expect(told).toEqual([
    expect.objectContaining({
      event: "failed",
      pipeline: "denied",
      dataset: "d_denied",
      workflow_id: `${project.queue}-denied`,
      error: expect.objectContaining({ code: "HTTP_UNAUTHORIZED", step: "extract" }),
      text: expect.stringMatching(/^Pipeline denied failed in step extract: .*HTTP_UNAUTHORIZED/),
    }),
  ]);
  flaky = 2;
  const changed = (await (await start("flaky")).result()) as RunResult;
  expect(changed.load?.schema_changes).toEqual(["items.extra"]);
  expect(told.slice(1)).toEqual([
    expect.objectContaining({ event: "schema_change", schema_changes: ["items.extra"] }),
  ]);
  expect(changed.undelivered).toEqual([
    expect.stringMatching(/"schema_change".*NOT_SET.*notify\/2\/webhook/),
  ]);
  for (const name of ["denied", "flaky"]) {
    const history = await client.workflow.getHandle(`${project.queue}-${name}`).fetchHistory();
    const payloads = JSON.stringify(history, (_, value) =>
      value?.type === "Buffer" || value instanceof Uint8Array
        ? Buffer.from(value.data ?? value).toString()
        : value,
    );
    expect(payloads).toContain("notify");
    expect(payloads).not.toContain(SECRET);
  }
});

test("each line of the log is JSON that names pipeline, run, load, resource and attempt; no secret stands there", () => {
  const lines = log
    .trim()
    .split("\n")
    .map(line => JSON.parse(line) as { [field: string]: unknown });
  const extracted = lines.filter(({ message, resource }) => message === "step done" && resource === "items");
  expect(extracted.slice(0, 1)).toEqual([
    expect.objectContaining({
      level: "INFO",
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      pipeline: "flaky",
      step: "extract",
      load_id: expect.stringMatching(/^\d+\.\d+$/),
      attempt: 2,
      workflow_id: expect.stringContaining("load"),
      run_id: expect.any(String),
    }),
  ]);
  expect(lines).toContainEqual(
    expect.objectContaining({ level: "WARN", pipeline: "denied", code: "HTTP_UNAUTHORIZED" }),
  );
  expect(log).not.toContain(SECRET);
  expect(log).not.toContain("task_token");
});

test("while it stops it is alive and not ready", async () => {
  await start("held");
  for (let tries = 0; held.length === 0 && tries < 100; tries++) await delay(100);
  worker.kill("SIGTERM");
  let last = { status: 200, problems: [] as string[] };
  for (let tries = 0; last.status === 200 && tries < 50; tries++) {
    await delay(20);
    last = await probe("/readyz");
  }
  expect(last).toEqual({ status: 503, problems: ["The worker is stopping."] });
  expect((await probe("/healthz")).status).toBe(200);
  for (const response of held) response.end("[]");
  expect(await ended).toBe(0);
  await client.workflow.getHandle(`${project.queue}-held`).terminate();
});
