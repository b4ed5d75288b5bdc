/** Who is told what: routing of notices on the real server, with activities that only note. */
import { randomUUID } from "node:crypto";
import type { Client } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import type { RunResult } from "../../src/pipeline/infos";
import type { Notice } from "../../src/pipeline/notices";
import { committedPackage, type Fakes, fakes } from "../support/fake-activities";
import { type TestWorker, testClient, testWorker } from "../support/temporal";

let client: Client;
let close: () => Promise<void>;
const workers: TestWorker[] = [];

beforeAll(async () => {
  ({ client, close } = await testClient());
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map(worker => worker.stop()));
});
afterAll(() => close());

const NOTIFY = [
  { on: ["blocked", "failed"], webhook: { env: "A" } },
  { on: ["review", "stale"], webhook: { env: "B" } },
  { on: ["failed"], webhook: { env: "C" } },
  { on: ["schema_change"], webhook: { env: "D" } },
];

async function start(gate: object | undefined, more: Fakes = {}) {
  const name = `n-${randomUUID()}`;
  const own = fakes(name, `q-${name}-disk`, []);
  const told: string[] = [];
  const notices: Notice[] = [];
  const resolveRun = async (...args: never[]) => {
    const answer = (await own.resolveRun!(...args)) as { spec: object };
    const transform = { dbt: { freshness: true } };
    return {
      ...answer,
      spec: { ...answer.spec, notify: NOTIFY, ...(gate === undefined ? {} : { gate, transform }) },
    };
  };
  const dbt = { command: "x", success: true, counts: {}, findings: [], seconds: 0, notes: [] };
  const activities = {
    ...own,
    resolveRun,
    dbtFreshness: async () => ({
      ...dbt,
      findings: [{ unique_id: "source.raw.items", resource_type: "source", status: "warn", seconds: 0 }],
    }),
    dbtBuild: async () => dbt,
    collectMetrics: async () => ({}),
    decideGate: async () => ({ decision: "review", score: 70, reasons: ["old"], metrics: {} }),
    notify: async ({ receiver, notice }: { receiver: number; notice: Notice }) => {
      told.push(`${receiver} ${notice.event}`);
      notices.push(notice);
      if (receiver === 1) throw ApplicationFailure.nonRetryable("notify[1] answered 404", "NOTICE_REFUSED");
    },
    ...more,
  };
  workers.push(await testWorker([`q-${name}`, `q-${name}-disk`], activities));
  const handle = await client.workflow.start("pipeline", {
    workflowId: name,
    taskQueue: `q-${name}`,
    args: [{ pipeline: name }],
  });
  return { handle, told, notices };
}

test("a stale source and a review that becomes a block are told; what cannot be delivered stands in the result", async () => {
  const { handle, told, notices } = await start({ on_review: "wait", fail_on_block: false });
  for (let tries = 0; !told.includes("1 review") && tries < 200; tries++) {
    await new Promise(done => setTimeout(done, 50));
  }
  expect(notices.find(({ event }) => event === "review")?.gate).toEqual({
    decision: "review",
    score: 70,
    reasons: ["old"],
    waits: true,
  });
  await handle.executeUpdate("resolveReview", { args: [{ decision: "block", by: "Ann" }] });
  const result = (await handle.result()) as RunResult;
  expect(told.sort()).toEqual(["0 blocked", "1 review", "1 stale"]);
  expect(notices.find(({ event }) => event === "stale")?.stale).toEqual(["source.raw.items (warn)"]);
  expect(result.gate?.decision).toBe("block");
  expect(result.undelivered?.sort()).toEqual([
    'notice "review" was not delivered: notify[1] answered 404',
    'notice "stale" was not delivered: notify[1] answered 404',
  ]);
});

test("a failed run is told with code and step, before it closes; a run that a block fails is told once", async () => {
  const failing = await start(undefined, {
    normalizePackage: async () => {
      throw ApplicationFailure.create({
        type: "CONTRACT_VIOLATION",
        message: "no",
        nonRetryable: true,
        details: [{ step: "normalize" }],
      });
    },
  });
  await expect(failing.handle.result()).rejects.toThrow();
  expect(failing.told.sort()).toEqual(["0 failed", "2 failed"]);
  expect(failing.notices[0]?.error).toEqual({ code: "CONTRACT_VIOLATION", message: "no", step: "normalize" });

  const blocked = await start(
    { fail_on_block: true },
    { decideGate: async () => ({ decision: "block", score: 0, reasons: ["x"], metrics: {} }) },
  );
  await expect(blocked.handle.result()).rejects.toThrow();
  expect(blocked.told.sort()).toEqual(["0 blocked", "1 stale", "2 failed"]);
});

test("a cancelled run is no failed one, and the first load of a dataset is no changed schema", async () => {
  const held = await start(undefined, {
    extractResource: async () => {
      const { Context } = await import("@temporalio/activity");
      for (;;) {
        Context.current().heartbeat();
        await Context.current().sleep(100);
      }
    },
  });
  await new Promise(done => setTimeout(done, 500));
  await held.handle.cancel();
  await expect(held.handle.result()).rejects.toThrow();
  expect(held.told).toEqual([]);

  const changes = { tables: [], schema_changes: ["items", "_dlt_x", "items.a"] };
  const committed = (created: string[]) => async () => ({
    ...committedPackage(),
    migrated: { created, added: [] },
  });
  const normalized = async () => ({
    attempt: "a1",
    files: 1,
    bytes: 1,
    schema_version: 1,
    schema_version_hash: "",
    ...changes,
  });
  const first = await start(undefined, {
    normalizePackage: normalized,
    commitPackage: committed(["_dlt_loads", "items"]),
  });
  const result = (await first.handle.result()) as RunResult;
  expect([result.load?.schema_changes, first.told]).toEqual([["items", "items.a"], []]);
  const later = await start(undefined, { normalizePackage: normalized, commitPackage: committed(["items"]) });
  await later.handle.result();
  expect(later.told).toEqual(["3 schema_change"]);
});
