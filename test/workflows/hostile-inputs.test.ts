/**
 * Whatever anybody sends, by start, signal, update or query: no workflow task fails (it would be repeated for ever,
 * and the run hang without a word), and every run ends or answers. The activities resolve real specs; the rest records.
 */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Client, WorkflowHandle } from "@temporalio/client";
import { temporal } from "@temporalio/proto";
import { createActivities } from "../../src/activities";
import { loadConfig } from "../../src/config";
import type { ResolvedRun } from "../../src/pipeline/infos";
import { type Fakes, fakes } from "../support/fake-activities";
import { type TestWorker, testClient, testWorker } from "../support/temporal";

const QUEUE = `hostile-${randomUUID()}`;
const SEED = Number(process.env.TIDEMARK_SEED ?? 11);
const home = mkdtempSync(join(tmpdir(), "tidemark-hostile-"));

let client: Client;
let close: () => Promise<void>;
let worker: TestWorker;

beforeAll(async () => {
  ({ client, close } = await testClient());
  const config = loadConfig(home, { HOME: home });
  const { resolveRun } = createActivities({ config, servesHost: true });
  const recorded = fakes("hostile", `${QUEUE}-disk`, []);
  const activities: Fakes = {
    ...recorded,
    resolveRun: (async (input: never) => {
      const resolved = await resolveRun(input);
      // The steps after it do nothing, but wait long enough to be met.
      const { resources, host } = (await recorded.resolveRun!()) as ResolvedRun;
      return { ...resolved, queue: `${QUEUE}-disk`, host, resources };
    }) as never,
    normalizePackage: (async () => {
      await new Promise(done => setTimeout(done, 400));
      return recorded.normalizePackage!();
    }) as never,
    collectMetrics: async () => ({}),
    decideGate: async () => ({ decision: "review", score: 1, reasons: [], metrics: {} }),
  };
  worker = await testWorker([QUEUE, `${QUEUE}-disk`], activities);
});
afterAll(async () => {
  await worker.stop();
  await close();
  rmSync(home, { recursive: true, force: true });
});

/** Mulberry32: the same inputs for the same seed. */
function random(seed: number) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return { next, pick: <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]! };
}
type Random = ReturnType<typeof random>;

const TEXTS = [
  "",
  " ",
  "customers",
  "\ud800",
  "a\u0000b",
  "😀".repeat(120),
  "x".repeat(5000),
  "| **bold** | `code`\n\n# h",
  "__proto__",
  "2026-01-01",
  "1e999999999",
  "-9007199254740993",
  "../../etc/passwd",
];
const NUMBERS = [0, -1, 1.5, 2 ** 53, 1e308, -0, 5];
const HOSTILE_OBJECT = JSON.parse(
  '{"toString": 1, "valueOf": 1, "__proto__": {"a": 1}, "constructor": null}',
);
const deep = JSON.parse(`${'{"a":['.repeat(200)}1${"]}".repeat(200)}`) as unknown;

function anything(r: Random, depth = 0): unknown {
  const kind = r.pick(["null", "bool", "number", "text", "text", "array", "object", "hostile", "deep"]);
  if (kind === "null") return null;
  if (kind === "bool") return r.next() < 0.5;
  if (kind === "number") return r.pick(NUMBERS);
  if (kind === "text" || depth > 2) return r.pick(TEXTS);
  if (kind === "array") return Array.from({ length: Math.floor(r.next() * 4) }, () => anything(r, depth + 1));
  if (kind === "hostile") return HOSTILE_OBJECT;
  if (kind === "deep") return deep;
  return Object.fromEntries(
    Array.from({ length: Math.floor(r.next() * 4) }, () => [r.pick(TEXTS), anything(r, depth + 1)]),
  );
}

/** A good document with one to three of its fields replaced by anything. */
function spoilt(r: Random, document: { [key: string]: unknown }, keys: readonly string[]) {
  const copy = structuredClone(document);
  for (let times = 1 + Math.floor(r.next() * 3); times > 0; times--) copy[r.pick(keys)] = anything(r);
  return copy;
}

const spec = (more: object = {}) => ({
  pipeline_name: `hostile-${randomUUID()}`,
  dataset_name: "raw",
  source: { type: "rest_api", client: { base_url: "http://127.0.0.1:9" }, resources: ["customers"] },
  ...more,
});
const SPEC_KEYS = [
  ...["pipeline_name", "dataset_name", "destination", "source", "write_disposition", "schema_contract"],
  ...["retry", "transform", "gate", "resources", "refresh", "resource_hints", "columns", "table_name"],
];
const INPUT_KEYS = [
  "pipeline",
  "load",
  "resources",
  "refresh",
  "load_mode",
  "retry",
  "gate",
  "transform",
  "zz",
];
const BACKFILL = { resource: "customers", from: "2026-01-01", to: "2026-02-01" };
const BACKFILL_KEYS = ["resource", "from", "to", "allow_duplicates", "zz"];

const soon = <T>(work: Promise<T>, what: string) =>
  Promise.race([
    work,
    new Promise<never>((_done, fail) => setTimeout(() => fail(new Error(`${what} is stuck`)), 20_000)),
  ]);

/** What the server does by itself when events arrive faster than tasks are done: the task is made again at once. */
const OF_THE_SERVER = [
  temporal.api.enums.v1.WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND,
  temporal.api.enums.v1.WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_FORCE_CLOSE_COMMAND,
];

/** Tasks of a workflow that failed, each with its cause. */
async function failedTasks(handle: WorkflowHandle): Promise<string[]> {
  const { events } = await handle.fetchHistory();
  return (events ?? []).flatMap(event => {
    const failed = event.workflowTaskFailedEventAttributes;
    return failed && !OF_THE_SERVER.includes(failed.cause!)
      ? [`${handle.workflowId}: ${failed.cause} ${failed.failure?.message}`]
      : [];
  });
}

async function start(input: unknown, more: { type?: string; load?: string } = {}) {
  return await client.workflow.start(more.type ?? "pipeline", {
    workflowId: `hostile-${randomUUID()}`,
    taskQueue: QUEUE,
    args: input === undefined ? [] : [input],
  });
}

interface Ended {
  code?: string;
  message?: string;
  result?: { backfills: { status: string; reason?: string }[]; gate?: { decision: string } };
}

/** How it ended; fails when it does not, or when a task of it failed. */
async function ending(handle: WorkflowHandle, what: string): Promise<Ended> {
  const ended = await soon(
    handle.result().then(
      result => ({ result }) as Ended,
      error => {
        let inner = error;
        while (inner.cause instanceof Error) inner = inner.cause;
        return { code: inner.type as string, message: inner.message as string };
      },
    ),
    what,
  );
  expect(await failedTasks(handle)).toEqual([]);
  return ended;
}

/** The load's workflow, by the id that the run's view tells. */
async function loadOf(handle: WorkflowHandle): Promise<WorkflowHandle> {
  for (;;) {
    const view = await handle.query<{ load_workflow_id?: string; step: string }>("progress");
    if (view.load_workflow_id !== undefined && view.step === "load") {
      const child = client.workflow.getHandle(view.load_workflow_id);
      if (
        await child.describe().then(
          () => true,
          () => false,
        )
      )
        return child;
    }
    await new Promise(done => setTimeout(done, 50));
  }
}

const raw = (encoding: string, data: string) => ({
  payloads: [{ metadata: { encoding: Buffer.from(encoding) }, data: Buffer.from(data) }],
});
const UNREADABLE = [
  raw("json/plain", "{bad"),
  raw("binary/foo", "x"),
  raw("", ""),
  raw("json/protobuf", "\u0000"),
];

test("specs and run inputs of any form: every run ends with a code, none is INTERNAL", async () => {
  const r = random(SEED);
  const inputs: unknown[] = [
    undefined,
    null,
    [],
    [1],
    { pipeline: "nothing" },
    5,
    "",
    "nothing",
    true,
    {},
    deep,
    "x".repeat(100_000),
  ];
  inputs.push(
    { pipeline: { ["k".repeat(1_000_000)]: 1 } },
    { pipeline: spec({ retry: { activity_attempts: -1 } }) },
  );
  inputs.push({ pipeline: Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`k${i}`, i])) });
  inputs.push({ pipeline: spec({ table_name: "t".repeat(1_500_000) }) });
  for (let i = 0; i < 25; i++) inputs.push({ pipeline: spoilt(r, spec(), SPEC_KEYS) });
  for (let i = 0; i < 12; i++) inputs.push(spoilt(r, { pipeline: spec() }, INPUT_KEYS));
  for (let i = 0; i < 6; i++) inputs.push(anything(r));
  const codes = await Promise.all(
    inputs.map(async (input, number) => {
      const { code, message } = await ending(await start(input), `input ${number}`);
      return code === undefined || /^(SPEC|SECRET)_/.test(code)
        ? code
        : `input ${number}: ${code} ${message}`;
    }),
  );
  expect(codes.filter(code => code?.startsWith("input"))).toEqual([]);
  expect(codes).toContain("SPEC_INVALID");
  expect(codes).toContain("SPEC_NOT_FOUND");
  expect(codes).toContain(undefined);
});

test("activity_attempts 0 is no limit", async () => {
  const handle = await start({ pipeline: spec({ retry: { activity_attempts: 0 } }) });
  const load = await loadOf(handle);
  expect((await ending(handle, "run")).code).toBeUndefined();
  const { events } = await load.fetchHistory();
  const attempts = events!.flatMap(event => {
    const policy = event.activityTaskScheduledEventAttributes?.retryPolicy;
    return policy ? [policy.maximumAttempts ?? 0] : [];
  });
  expect(attempts.length).toBeGreaterThan(5);
  expect(new Set(attempts)).toEqual(new Set([0]));
});

test("names as long and as strange as a spec may hold go through ids and summaries", async () => {
  const names = { pipeline_name: `${"日".repeat(160)}${randomUUID()}`, dataset_name: "é|`*".repeat(50) };
  expect((await ending(await start({ pipeline: spec(names) }), "run")).code).toBeUndefined();
});

test("a payload that nobody can read: a start is refused, a signal is told and ignored", async () => {
  for (const input of UNREADABLE) {
    const workflowId = `hostile-${randomUUID()}`;
    await client.workflowService.startWorkflowExecution({
      namespace: "default",
      workflowId,
      requestId: randomUUID(),
      workflowType: { name: "pipeline" },
      taskQueue: { name: QUEUE },
      input,
    } as never);
    const ended = await ending(client.workflow.getHandle(workflowId), "start");
    expect(ended).toMatchObject({
      code: "SPEC_INVALID",
      message: expect.stringMatching(/unreadable payload/),
    });
  }
  const handle = await start({ pipeline: spec() });
  const load = await loadOf(handle);
  for (const input of UNREADABLE) {
    for (const [workflowId, signalName] of [
      [handle.workflowId, "backfill"],
      [load.workflowId, "pauseLoad"],
    ]) {
      const workflowExecution = { workflowId };
      const signal = { namespace: "default", workflowExecution, signalName, input };
      await client.workflowService.signalWorkflowExecution(signal as never);
    }
  }
  const { result } = await ending(handle, "run");
  expect(result!.backfills.map(one => one.status)).toEqual(UNREADABLE.map(() => "refused"));
  expect(await failedTasks(load)).toEqual([]);
});

test("signals and updates with any JSON: recorded or answered, and the run goes on", async () => {
  const r = random(SEED + 1);
  const handle = await start({ pipeline: spec() });
  const load = await loadOf(handle);
  await handle.executeUpdate("pause", { args: [deep] });
  const backfills = [null, [], 5, "x", true, { ["k".repeat(1_000_000)]: 1 }, HOSTILE_OBJECT, deep];
  backfills.push({ resource: "customers", from: "2026-01-01", to: "9".repeat(200) });
  backfills.push({ resource: "r".repeat(500), from: "1".repeat(200), to: "2".repeat(200) });
  for (let i = 0; i < 30; i++)
    backfills.push(r.next() < 0.3 ? (anything(r) as never) : spoilt(r, BACKFILL, BACKFILL_KEYS));
  const answers = new Set<string>();
  const answer = (update: string, payload: unknown) =>
    handle.executeUpdate(update, { args: [payload] }).then(
      () => answers.add("taken"),
      error => answers.add(error.cause?.type ?? String(error.message)),
    );
  for (const payload of backfills) {
    await soon(
      Promise.all([
        handle.signal("backfill", payload),
        load.signal("pauseLoad", typeof payload === "boolean" ? "false" : payload),
        ...["requestBackfill", "resolveReview", "no such update"].map(update => answer(update, payload)),
        handle.query("progress", payload),
      ]),
      JSON.stringify(payload).slice(0, 200),
    );
  }
  await handle.executeUpdate("resume", { args: [null] });
  expect([...answers].sort()).toEqual(expect.arrayContaining(["BACKFILL_REFUSED", "NO_REVIEW"]));
  expect(answers).not.toContain("INTERNAL");
  const { result } = await ending(handle, "run");
  expect(result!.backfills.length).toBeGreaterThanOrEqual(backfills.length);
  expect(result!.backfills.filter(one => one.status === "failed")).toEqual([]);
  expect(await failedTasks(load)).toEqual([]);
});

test("a review of any form is answered, and the first good one decides", async () => {
  const r = random(SEED + 2);
  const handle = await start({ pipeline: spec({ gate: { on_review: "wait" } }) });
  const waits = async () => (await handle.query<{ waiting_for?: string }>("progress")).waiting_for;
  while (!(await waits())?.startsWith("a person")) await new Promise(done => setTimeout(done, 50));
  const reviews = [null, undefined, [], "promote", { decision: "promote", reason: HOSTILE_OBJECT }];
  reviews.push({ decision: "block", by: 5 } as never, { decision: "promote", reason: "x".repeat(1001) });
  for (let i = 0; i < 20; i++)
    reviews.push(spoilt(r, { decision: "shrug" }, ["by", "reason", "zz"]) as never);
  for (const review of reviews) {
    const answer = handle.executeUpdate("resolveReview", { args: [review] });
    await expect(answer).rejects.toMatchObject({ cause: { type: "NO_REVIEW" } });
  }
  await handle.executeUpdate("resolveReview", { args: [{ decision: "promote", by: "me", zz: 1 }] });
  expect((await ending(handle, "run")).result!.gate!.decision).toBe("promote");
});

test("a flood of backfills is cut off, and the result still fits", async () => {
  const handle = await start({ pipeline: spec() });
  await loadOf(handle);
  await handle.executeUpdate("pause");
  const bad = { resource: "r".repeat(500), from: "1".repeat(200), to: "2".repeat(200) };
  await Promise.all(Array.from({ length: 350 }, () => handle.signal("backfill", bad)));
  const refused = handle.executeUpdate("requestBackfill", { args: [BACKFILL] });
  await expect(refused).rejects.toMatchObject({ cause: { message: expect.stringMatching(/300 backfills/) } });
  await handle.executeUpdate("resume");
  const { result } = await ending(handle, "run");
  expect(result!.backfills).toHaveLength(301);
  const counted = result!.backfills.filter(one => /^50 requests/.test(one.reason ?? ""));
  expect(counted).toHaveLength(1);
});

test("workflow load with any input ends with a code", async () => {
  const r = random(SEED + 3);
  const inputs = [
    undefined,
    null,
    [],
    5,
    "x",
    {},
    { spec: null },
    { spec: { pipeline_name: 5 } },
    HOSTILE_OBJECT,
  ];
  const codes = await Promise.all(
    inputs.map(async input => (await ending(await start(input, { type: "load" }), "load")).code),
  );
  expect(codes).toEqual(inputs.map(() => "SPEC_INVALID"));
  // A spec that no run has resolved: sorted by the net.
  const specs = Array.from({ length: 10 }, () => ({
    spec: spoilt(r, { pipeline_name: "p", source: { name: "s" }, retry: {} }, [
      "source",
      "retry",
      "dataset_name",
    ]),
    commits: "package",
  }));
  await Promise.all(
    specs.map(async request => {
      const ended = await ending(await start(request, { type: "load" }), "load");
      expect([undefined, "INTERNAL"]).toContain(ended.code);
    }),
  );
});
