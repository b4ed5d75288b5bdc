/** `tidemark drill` on a pipeline of one's own: what it compares, and what it leaves alone. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Client } from "@temporalio/client";
import { loadConfig } from "../../src/config";
import { drillStaging, planStagingDrill } from "../../src/drill/staging-drill";
import { newProject, type Project, REPOSITORY } from "../support/project";
import { testAddress, testClient } from "../support/temporal";
import { whole } from "../support/whole";

let client: Client;
let close: () => Promise<void>;
let server: Server;
let project: Project;
/** Rows that the API adds with each request for the first page: a source that does not keep still. */
let drift = 0;
let grown = 0;

beforeAll(async () => {
  ({ client, close } = await testClient());
  server = createServer((request, response) => {
    const page = Number(new URL(request.url!, "http://localhost").searchParams.get("page") ?? 0);
    if (page === 0) grown += drift;
    const rows =
      page > 9 ? [] : Array.from({ length: 100 }, (_, i) => ({ id: page * 100 + i, tags: ["a", "b"] }));
    if (page === 0) for (let i = 0; i < grown; i++) rows.push({ id: 10_000 + i, tags: [] });
    setTimeout(() => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify(rows));
    }, 150);
  });
  await new Promise<void>(up => server.listen(0, "127.0.0.1", up));
  const { port } = server.address() as AddressInfo;
  project = newProject("staging-drill");
  project.writeSpec("shop", {
    pipeline_name: "shop",
    dataset_name: "raw",
    source: {
      type: "rest_api",
      name: "shop",
      client: { base_url: `http://127.0.0.1:${port}` },
      resources: [
        {
          name: "orders",
          write_disposition: "merge",
          primary_key: "id",
          endpoint: { path: "orders", paginator: { type: "page_number", base_page: 0, total_path: null } },
        },
      ],
    },
    gate: {},
  });
  const worker = await project.worker();
  await client.workflow.execute("pipeline", {
    workflowId: "shop-of-the-user",
    taskQueue: project.queue,
    args: [{ pipeline: "shop", gate: false }],
  });
  await worker.stop();
});

afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await close();
});

const config = () =>
  loadConfig(project.folder, { ...project.env, NODE_PATH: join(REPOSITORY, "node_modules") });
const datasets = async () =>
  (
    await project.query(
      "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'raw%' ORDER BY 1",
    )
  ).map(row => row.schema_name);
const own = () => project.query("SELECT * FROM raw.orders ORDER BY id");
const drill = (more: object = {}) =>
  drillStaging(
    config(),
    "shop",
    { client, address: testAddress() },
    {
      seed: 2,
      rounds: 1,
      replace: false,
      keep: false,
      stuckAfterMs: 120_000,
      program: join(REPOSITORY, "bin", "tidemark"),
      say: () => {},
      ...more,
    },
  );

test("says what it will do before it does anything", () => {
  const plan = planStagingDrill(config(), "shop", { seed: 2, rounds: 3 });
  expect(plan).toMatchObject({ dataset: "raw", undisturbed: "raw_drill_a", disturbed: "raw_drill_b" });
  expect(plan.rounds).toHaveLength(3);
});

test("equal tables: nothing is left, and the user's own dataset is as before", async () => {
  const before = await own();
  const report = await drill();
  expect(report.rounds[0]?.problems).toEqual([]);
  expect(report.rounds[0]?.phases).toHaveLength(3);
  expect(report.rounds[0]?.strikes.some(({ struck_at }) => struck_at !== undefined)).toBe(true);
  expect(await datasets()).toEqual(["raw", "raw_staging"]);
  expect(await own()).toEqual(before);
});

whole(
  "a table that differs is told, both datasets stay, and the next drill asks before it drops them",
  async () => {
    drift = 1;
    const report = await drill();
    expect(report.failed).toHaveLength(1);
    expect(report.rounds[0]?.problems).toContainEqual(expect.stringContaining("should not be there"));
    expect(await datasets()).toEqual(expect.arrayContaining(["raw", "raw_drill_a", "raw_drill_b"]));
    drift = 0;
    await expect(drill()).rejects.toMatchObject({ code: "DRILL_FAILED" });
    const again = await drill({ replace: true });
    expect(again.failed).toEqual([]);
  },
  600_000,
);
