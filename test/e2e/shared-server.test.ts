/** Good manners on a server that others use: nothing of theirs is taken, attached to, changed or cancelled. */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, WorkflowHandle } from "@temporalio/client";
import { NativeConnection, Worker } from "@temporalio/worker";
import { TidemarkClient } from "../../src/client";
import { tidemark } from "../support/cli";
import { newProject, type Project, REPOSITORY } from "../support/project";
import { testAddress, testClient } from "../support/temporal";

const ROWS = `
exports.rows = async function* ({ args, signal }) {
  const fs = require("node:fs");
  fs.writeFileSync(args.asked, "");
  while (fs.existsSync(args.hold) && !signal.aborted) await new Promise(done => setTimeout(done, 50));
  yield [{ id: 1, updated_at: "2026-01-01T00:00:00Z" }];
};
`;

let client: Client;
let close: () => Promise<void>;
let project: Project;
/** Pipelines' names are unique on the server that all tests share. */
const name = `shop_${randomUUID().slice(0, 8)}`;
const hold = () => join(project.folder, "hold");
const asked = () => join(project.folder, "asked");

beforeAll(async () => {
  ({ client, close } = await testClient());
  project = newProject("shared");
  project.env.TEMPORAL_ADDRESS = testAddress();
  writeFileSync(join(project.folder, "pipelines", "rows-source.js"), ROWS);
  const incremental = { cursor_path: "updated_at", initial_value: "2026-01-01T00:00:00Z" };
  project.writeSpec(name, {
    pipeline_name: name,
    source: {
      type: "code",
      name: "shop",
      module: "rows-source.js",
      resources: [
        {
          name: "rows",
          write_disposition: "merge",
          primary_key: "id",
          incremental,
          args: { hold: hold(), asked: asked() },
        },
      ],
    },
  });
});
afterAll(() => close());

const backfill = ["--resource", "rows", "--from", "2026-01-01T00:00:00Z"];
const statusOf = async (id: string) => (await client.workflow.getHandle(id).describe()).status.name;

async function foreignWorker(taskQueue: string): Promise<() => Promise<void>> {
  const connection = await NativeConnection.connect({ address: testAddress() });
  const workflowsPath = require.resolve("../support/foreign-workflows");
  const worker = await Worker.create({ connection, taskQueue, identity: "shop-worker", workflowsPath });
  const done = worker.run();
  return async () => {
    worker.shutdown();
    await done;
    await connection.close();
  };
}

async function schedule(scheduleId: string, workflowType: string, pipeline: string): Promise<void> {
  await client.schedule.create({
    scheduleId,
    spec: { intervals: [{ every: "30 days", offset: "1 day" }] },
    action: {
      type: "startWorkflow",
      workflowType,
      workflowId: scheduleId,
      taskQueue: project.queue,
      args: [{ pipeline }],
    },
  });
}

test("nobody serves the task queue: it is said at once, and nothing is started", async () => {
  for (const command of [
    ["run", name],
    ["backfill", name, ...backfill],
  ]) {
    const done = await tidemark(project, [...command, "--json"]);
    expect(done.code).toBe(1);
    expect(JSON.parse(done.stdout).error.code).toBe("QUEUE_NOT_SERVED");
    expect(done.stderr).toContain(project.queue);
    expect(done.stderr).toContain("--with-worker");
  }
  await expect(statusOf(`tidemark-${name}`)).rejects.toThrow(/not found/);
  const over = new TidemarkClient(client, { taskQueue: project.queue });
  await expect(over.run(name)).rejects.toMatchObject({ code: "QUEUE_NOT_SERVED" });
});

test("workflows of others under our ids are neither joined, told nor cancelled", async () => {
  const queue = `${project.queue}-theirs`;
  const env = { TIDEMARK_TASK_QUEUE: queue };
  const theirs: WorkflowHandle[] = [];
  for (const [workflowId, type] of [
    [`tidemark-${name}`, "shopkeeper"],
    [`mine-${name}`, "pipeline"],
  ] as const) {
    theirs.push(await client.workflow.start(type, { workflowId, taskQueue: queue, args: [] }));
  }
  for (const command of [
    ["run", name, "--no-worker"],
    ["run", name, "--no-worker", "--workflow-id", `mine-${name}`],
    ["backfill", name, ...backfill, "--no-worker"],
  ]) {
    const done = await tidemark(project, [...command, "--json"], env);
    expect(done.code).toBe(2);
    expect(JSON.parse(done.stdout).error).toMatchObject({ code: "NOT_OURS" });
  }
  const over = new TidemarkClient(client, { taskQueue: queue });
  await expect(over.pause({ workflowId: `mine-${name}` })).rejects.toMatchObject({ code: "NOT_OURS" });
  await expect(over.cancel(name)).rejects.toMatchObject({ code: "NOT_OURS" });
  const stop = await foreignWorker(queue);
  try {
    // Their worker takes their tasks; one of ours beside it would take them too.
    const done = await tidemark(project, ["run", name, "--with-worker", "--json"], env);
    expect(JSON.parse(done.stdout).error).toMatchObject({
      code: "QUEUE_OF_OTHERS",
      message: expect.stringContaining("shop-worker"),
    });
    for (const one of theirs) {
      expect((await one.describe()).status.name).toBe("RUNNING");
      await one.signal("close");
      expect(await one.result()).toEqual({ told: 0 });
    }
    // Where only their worker is, a run of ours does not wait in silence.
    const waiting = start(["run", name, "--workflow-id", `unknown-${name}`, "--json"], env);
    await waiting.says(/waiting for a worker of task queue .* another workflow of that name/);
    waiting.child.kill("SIGTERM");
    await sleep(500);
    waiting.child.kill("SIGTERM");
    await waiting.ended;
    const unheard = new TidemarkClient(client, { taskQueue: queue, workflowType: "unheard_of" });
    const run = await unheard.start(name, { workflowId: `unheard-${name}` });
    const stuck = await new Promise(said => {
      unheard.follow(run, look => look.stuck && said(look.stuck)).catch(() => {});
    });
    expect(stuck).toMatch(/that can run workflow "unheard_of".*no such function is exported/);
    await run.handle.terminate();
  } finally {
    await stop();
  }
});

function start(args: string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [join(REPOSITORY, "bin", "tidemark"), ...args], {
    cwd: project.folder,
    env: { ...project.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stderr.on("data", data => {
    said += data;
  });
  const ended = new Promise<number | null>(done => child.once("close", done));
  return {
    child,
    ended,
    said: () => said,
    async says(text: RegExp) {
      const until = Date.now() + 40_000;
      while (!text.test(said) && Date.now() < until) await sleep(50);
      expect(said).toMatch(text);
    },
  };
}

describe("schedules", () => {
  const ours = `tidemark-${name}`;
  const every = ["schedule", name, "--every", "30d"];
  const described = (id: string) => client.schedule.getHandle(id).describe();
  const remove = (id: string) => client.schedule.getHandle(id).delete();

  test("one of somebody else's stays, and a paused one of ours stays paused", async () => {
    await schedule(name, "shopkeeper", name);
    expect((await tidemark(project, every)).stdout).toContain(`Schedule ${ours}: every 30d.`);
    expect((await described(name)).action).toMatchObject({ workflowType: "shopkeeper" });
    await client.schedule.getHandle(ours).pause("the shop is closed");
    const changed = await tidemark(project, ["schedule", name, "--cron", "0 6 * * *"]);
    expect(changed.stdout).toContain("paused and stays so");
    const after = await described(ours);
    expect(after.state).toMatchObject({ paused: true, note: "the shop is closed" });
    expect(after.spec.intervals).toEqual([]);
    expect(after.action).toMatchObject({ workflowType: "pipeline", workflowId: ours });
    expect((await tidemark(project, ["schedule", name, "--resume"])).code).toBe(0);
    expect((await described(ours)).state.paused).toBe(false);
    expect((await tidemark(project, ["schedule", name, "--remove"])).code).toBe(0);
    await expect(described(ours)).rejects.toThrow();
    expect((await described(name)).action).toMatchObject({ workflowType: "shopkeeper" });
    const bad = await tidemark(project, ["schedule", name, "--cron", "every now and then", "--json"]);
    expect([bad.code, JSON.parse(bad.stdout).error.code]).toEqual([2, "SPEC_INVALID"]);
    await remove(name);
  });

  test("one of before, under the bare name, is taken over, paused as it was; a foreign one under our id is refused", async () => {
    await schedule(name, "pipeline", name);
    await client.schedule.getHandle(name).pause("for the holidays");
    expect((await tidemark(project, every)).stdout).toContain(`in place of schedule ${name}`.slice(3, 8));
    await expect(described(name)).rejects.toThrow();
    expect((await described(ours)).state).toMatchObject({ paused: true, note: "for the holidays" });
    await remove(ours);
    await schedule(ours, "shopkeeper", "x");
    for (const command of [every, ["schedule", name, "--remove"]]) {
      const done = await tidemark(project, [...command, "--json"]);
      expect(JSON.parse(done.stdout).error).toMatchObject({ code: "NOT_OURS" });
    }
    expect((await described(ours)).action).toMatchObject({ workflowType: "shopkeeper" });
    await remove(ours);
  });
});

test("with --with-worker a run is done here; a second one joins, and its Ctrl-C leaves the run alone", async () => {
  writeFileSync(hold(), "");
  // Started by Temporal's own means, under the pipeline's bare name: ours by the memo that the workflow leaves.
  const first = await client.workflow.start("pipeline", {
    workflowId: name,
    taskQueue: project.queue,
    args: [{ pipeline: name }],
  });
  const worker = await project.worker();
  try {
    while (!existsSync(asked())) await sleep(50);
    expect((await first.describe()).memo).toMatchObject({ tidemark_run: { pipeline: name } });
    const second = start(["run", name]);
    await second.says(new RegExp(`${name} is running already`));
    second.child.kill("SIGINT");
    expect(await second.ended).toBe(130);
    expect(second.said()).toContain(`${name} goes on`);
    expect((await first.describe()).status.name).toBe("RUNNING");
    const over = new TidemarkClient(client, { taskQueue: project.queue });
    expect(await over.start(name)).toMatchObject({ attached: true, workflowId: name });
    const looked = await over.progress(name);
    expect(looked.run?.pipeline_name).toBe(name);
    await over.pause(name);
    await over.resume(name);
    const queued = await over.backfill(name, { resource: "rows", from: "2026-01-01T00:00:00Z" });
    expect(queued.queued).toBe(true);
    await expect(over.backfill(name, { resource: "rws", from: "2026-01-01" })).rejects.toMatchObject({
      code: "BACKFILL_REFUSED",
    });
    await expect(over.resolveReview(name, { decision: "promote" })).rejects.toMatchObject({
      code: "REVIEW_REFUSED",
    });
    unlinkSync(hold());
    expect((await over.follow(name, () => {})).backfills).toMatchObject([{ status: "done" }]);
    expect((await over.state({ workflowId: name })).cursors).toHaveLength(1);
    await expect(over.state("nobody")).rejects.toMatchObject({ code: "RUN_NOT_FOUND" });
  } finally {
    await worker.stop();
  }
  const alone = await tidemark(project, ["run", name, "--with-worker", "--json"]);
  expect(alone.code).toBe(0);
  expect(await statusOf(`tidemark-${name}`)).toBe("COMPLETED");
});
