/**
 * What a host may take on, and what its workers' deaths cost. Clocks are shortened by `host_timeout_seconds`; the figures
 * of the pages (`docs/architecture.md`, laws 8, 10, 13) are held here in small: TIDEMARK_KILLS and TIDEMARK_PAGES make
 * the whole of it.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type Client, WorkflowFailedError, type WorkflowHandle } from "@temporalio/client";
import { NativeConnection, Worker } from "@temporalio/worker";
import { createActivities } from "../../src/activities";
import { loadConfig } from "../../src/config";
import type { RunResult } from "../../src/pipeline/infos";
import { activityTypes } from "../../src/pipeline/names";
import { newProject, type Project } from "../support/project";
import { testAddress, testClient } from "../support/temporal";
import { casesOf } from "../support/whole";
import { apiSpec, type CountingApi, countingApi } from "./counting-api";

const KILLS = Number(process.env.TIDEMARK_KILLS ?? 5);
const PAGES = Number(process.env.TIDEMARK_PAGES ?? 600);

let client: Client;
let close: () => Promise<void>;
const apis: CountingApi[] = [];

beforeAll(async () => {
  ({ client, close } = await testClient());
});
afterEach(() => {
  for (const api of apis.splice(0)) api.close();
});
afterAll(() => close());

async function start(project: Project, name: string): Promise<WorkflowHandle> {
  return await client.workflow.start("pipeline", {
    workflowId: `${name}-${randomUUID().slice(0, 8)}`,
    taskQueue: project.queue,
    args: [{ pipeline: name }],
  });
}

async function api(rows: number, perPage: number): Promise<CountingApi> {
  const made = await countingApi({ rows, perPage });
  apis.push(made);
  return made;
}

test(`${KILLS} kills over ${PAGES} pages: only pages in flight are asked for again, and no attempt is used up`, async () => {
  const source = await api(PAGES * 10, 10);
  source.delay = 5;
  const project = newProject("kills");
  project.writeSpec("shop", apiSpec("shop", source.url));
  let worker = await project.worker();
  const run = await start(project, "shop");
  for (let kill = 1; kill <= KILLS; kill++) {
    const until = Math.round((PAGES * (kill - 0.5)) / KILLS + kill);
    while (source.requests.length < until) await delay(5);
    worker.child.kill("SIGKILL");
    await worker.ended;
    worker = await project.worker();
  }
  const result = (await run.result()) as RunResult;
  await worker.stop();
  // One page after the last is asked for to see that it is empty. Two may be in flight at a kill: the one that is being
  // fetched, and the one before it, whose place is written meanwhile.
  expect(source.requests.length - (PAGES + 1)).toBeLessThanOrEqual(2 * KILLS);
  expect(result.load?.tables.find(table => table.table === "events")?.rows).toBe(PAGES * 10);
  expect(
    await project.query("SELECT count(*)::int AS n, count(DISTINCT id)::int AS ids FROM raw.events"),
  ).toEqual([{ n: PAGES * 10, ids: PAGES * 10 }]);
}, 1_800_000);

test("nine long resources load at the first try on a busy worker, and a small pipeline beside them is not held up", async () => {
  const long = await api(20, 10);
  const small = await api(30, 10);
  const project = newProject("busy-host");
  const names = Array.from({ length: 9 }, (_, i) => `long_${i}`);
  project.writeSpec(
    "long",
    apiSpec("long", long.url, { resources: names, resource: { parallelized: true } }),
  );
  project.writeSpec("small", apiSpec("small", small.url, { disposition: "merge" }));
  const worker = await project.worker();
  const timed = async () => {
    const begun = Date.now();
    await (await start(project, "small")).result();
    return Date.now() - begun;
  };
  await timed();
  const alone = Math.min(await timed(), await timed(), await timed());
  // Every answer of theirs is held for three times as long as a host has to prove that it lives.
  long.holdFrom(0);
  const run = await start(project, "long");
  while (long.requests.length < 8) await delay(50);
  const beside = Math.min(await timed(), await timed(), await timed());
  await delay(27_000);
  // As many as the run may have at the same time, and no more.
  expect(long.requests.length).toBe(8);
  long.holdFrom(Number.POSITIVE_INFINITY);
  const result = (await run.result()) as RunResult;
  await worker.stop();
  expect(result.load?.notes.join(" ")).not.toMatch(/does not answer|elsewhere/);
  expect(result.load?.tables.filter(table => !table.table.includes("__")).map(table => table.rows)).toEqual(
    names.map(() => 20),
  );
  expect(beside).toBeLessThan(alone * 1.5 + 500);
});

test("a worker that serves only the shared queue is told within seconds", async () => {
  const source = await api(10, 10);
  const project = newProject("half-served");
  project.writeSpec("shop", apiSpec("shop", source.url, { more: { retry: { activity_attempts: 1 } } }));
  const config = loadConfig(project.folder, { ...project.env });
  const connection = await NativeConnection.connect({ address: testAddress() });
  const worker = await Worker.create({
    connection,
    taskQueue: project.queue,
    activities: activityTypes(createActivities({ config })),
    workflowBundle: { codePath: process.env.TIDEMARK_TEST_BUNDLE! },
  });
  const told = await worker.runUntil(async () => {
    const begun = Date.now();
    const failure = await (await start(project, "shop")).result().then(
      () => undefined,
      (error: WorkflowFailedError) => error.cause?.cause as Error,
    );
    return { message: failure?.message, seconds: (Date.now() - begun) / 1000 };
  });
  await connection.close();
  expect(told.message).toMatch(
    /No worker serves the task queue "tidemark-disk-.*start `tidemark worker` on this host/,
  );
  expect(told.seconds).toBeLessThan(30);
  expect(source.requests).toEqual([]);
});

test.each(casesOf(["extract", "normalize", "load"], step => step !== "normalize"))(
  "cancelled in %s: the run ends within seconds, nothing is half done",
  async step => {
    const source = await api(30_000, 1_000);
    const project = newProject(`cancel-${step}`);
    project.writeSpec("shop", apiSpec("shop", source.url));
    if (step === "extract") source.delay = 200;
    const worker = await project.worker();
    const run = await start(project, "shop");
    const reached = async () => {
      const view = (await client.workflow
        .getHandle(
          ((await run.query("progress")) as { load_workflow_id?: string }).load_workflow_id ?? "none",
        )
        .query("progress")
        .catch(() => undefined)) as { step?: string } | undefined;
      return view?.step === step;
    };
    while (!(await reached()) && (await run.describe()).status.name === "RUNNING") await delay(20);
    const begun = Date.now();
    await run.cancel();
    const ended = await run.result().then(
      () => "completed",
      error => (error instanceof WorkflowFailedError ? "cancelled" : String(error)),
    );
    expect(Date.now() - begun).toBeLessThan(10_000);
    const again = (await (await start(project, "shop")).result()) as RunResult;
    // What was left pending or cut off is gone on with, unless the commit was faster than the cancel: every row once.
    if (ended === "cancelled" && step === "extract") expect(again.load?.load_id).toBeDefined();
    await (await start(project, "shop")).result();
    await worker.stop();
    expect(
      await project.query("SELECT count(*)::int AS n, count(DISTINCT id)::int AS ids FROM raw.events"),
    ).toEqual([{ n: 30_000, ids: 30_000 }]);
  },
);
