/** A mistake of ours ends the run with code INTERNAL; a history that the code does not fit ends nothing. */
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Client, WorkflowHandle } from "@temporalio/client";
import { type Call, fakes } from "../support/fake-activities";
import { testClient, testWorker } from "../support/temporal";

let client: Client;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ client, close } = await testClient());
});
afterAll(() => close());

/** The bundle with one text replaced: the same workflows with a mistake, or of another version. */
function otherBundle(name: string, from: string, to: string): string {
  const code = readFileSync(process.env.TIDEMARK_TEST_BUNDLE!, "utf8");
  expect(code.split(from).length - 1).toBe(1);
  const path = join(process.env.TIDEMARK_TEST_TMP!, `${name}-${randomUUID()}.js`);
  writeFileSync(path, code.replace(from, to));
  return path;
}

async function failedTasks(handle: WorkflowHandle): Promise<string[]> {
  const { events } = await handle.fetchHistory();
  return events!.flatMap(event => event.workflowTaskFailedEventAttributes?.failure?.message ?? []);
}

const start = (name: string) =>
  client.workflow.start("pipeline", { workflowId: name, taskQueue: name, args: [{ pipeline: name }] });
/** A workflow whose task has just failed takes no update; the server says so at once. */
async function resume(handle: WorkflowHandle): Promise<void> {
  for (;;) {
    try {
      await handle.executeUpdate("resume");
      return;
    } catch (error) {
      const { message, cause } = error as Error;
      if (!/in failed state/.test(`${message} ${(cause as Error | undefined)?.message}`)) throw error;
      await new Promise(done => setTimeout(done, 200));
    }
  }
}

const innermost = (error: Error): Error => (error.cause instanceof Error ? innermost(error.cause) : error);

test.each([
  ["in a workflow's body", "new PipelineRun(input).run()", "null.run()", "workflow pipeline"],
  ["in a child's body", "progress.opened(opened);", "progress.opened(null.x);", "workflow load"],
])("a mistake %s", async (_where, from, to, place) => {
  const name = `unexpected-${randomUUID()}`;
  const bundle = otherBundle("mistake", from, to);
  const worker = await testWorker([name, `${name}-disk`], fakes(name, `${name}-disk`, []), bundle);
  const handle = await start(name);
  const error = innermost(await handle.result().catch(error => error));
  expect(error).toMatchObject({ type: "INTERNAL", nonRetryable: true });
  expect(error.message).toContain(`did not expect in ${place} (TypeError)`);
  // Its place, but not what it says, which may hold anything.
  expect(error.stack).toMatch(/\n\s+at /);
  expect(error.stack).not.toContain("Cannot read");
  expect(await failedTasks(handle)).toEqual([]);
  await worker.stop();
});

test("a mistake in an update's handler is its answer, and the run goes on", async () => {
  const name = `unexpected-${randomUUID()}`;
  const bundle = otherBundle("mistake", "setPaused).call(this, true)", "setPaused).call(null, true)");
  let release = () => {};
  const held = new Promise<void>(done => {
    release = done;
  });
  const more = {
    extractResource: (async ({ resource }: { resource: string }) => {
      await held;
      return { resource, attempt: "a1", rows: 0, bytes: 0, pages: 1, requests: 1 };
    }) as never,
  };
  const worker = await testWorker([name, `${name}-disk`], fakes(name, `${name}-disk`, [], more), bundle);
  const handle = await start(name);
  await expect(handle.executeUpdate("pause")).rejects.toMatchObject({ cause: { type: "INTERNAL" } });
  release();
  await handle.result();
  expect(await failedTasks(handle)).toEqual([]);
  await worker.stop();
});

test("code that a history does not fit waits for the right one: the run ends as if nothing had been", async () => {
  const name = `unexpected-${randomUUID()}`;
  const queues: [string, string] = [name, `${name}-disk`];
  const calls: Call[] = [];
  const activities = fakes(name, `${name}-disk`, calls, {
    openLoad: (async () => {
      await new Promise(done => setTimeout(done, 1_000));
      return {
        ref: { pipeline_name: name, load_id: "1" },
        queue: queues[1],
        outcome: "opened",
        resources: [],
        notes: [],
      };
    }) as never,
  });
  // Paused with the step "resolve" in its history, which the other code does not have.
  const first = await testWorker(queues, activities);
  const handle = await client.workflow.start("pipeline", {
    workflowId: name,
    taskQueue: name,
    args: [{ pipeline: name }],
    workflowTaskTimeout: "2 seconds",
  });
  while (calls.length === 0) await new Promise(done => setTimeout(done, 20));
  await handle.executeUpdate("pause");
  await first.stop();

  const wrong = await testWorker(
    queues,
    activities,
    otherBundle("other", '"resolveRun", [', '"otherStep", ['),
  );
  await handle.signal("backfill", null);
  for (let failed: string[] = []; failed.length === 0; failed = await failedTasks(handle)) {
    await new Promise(done => setTimeout(done, 200));
  }
  expect((await failedTasks(handle))[0]).toMatch(/[Nn]ondeterminism/);
  expect((await handle.describe()).status.name).toBe("RUNNING");
  await wrong.stop();

  const right = await testWorker(queues, activities);
  await resume(handle);
  await handle.result();
  await right.stop();
});
