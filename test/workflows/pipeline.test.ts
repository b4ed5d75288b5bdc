/** Routing of the workflows on the real server, with activities that only record (the engine has its own tests). */
import { randomUUID } from "node:crypto";
import { type Client, WorkflowFailedError, WorkflowUpdateFailedError } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import type { LoadInfo, ResolvedRun, RunResult } from "../../src/pipeline/infos";
import { activityTitle } from "../../src/pipeline/names";
import type { RunInput } from "../../src/pipeline/spec";
import type { RunProgressView } from "../../src/workflows/run-details";
import { type Call, committedPackage, type Fakes, fakes } from "../support/fake-activities";
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

async function start(input: Partial<RunInput> & { id?: string }, more: Fakes = {}) {
  const name = input.id ?? `p-${randomUUID()}`;
  const calls: Call[] = [];
  const queue = `q-${name}`;
  workers.push(await testWorker([queue, `${queue}-disk`], fakes(name, `${queue}-disk`, calls, more)));
  const handle = await client.workflow.start("pipeline", {
    workflowId: name,
    taskQueue: queue,
    args: [{ pipeline: name, ...input }],
  });
  return { handle, calls, name, queue, names: () => calls.map(call => call.name) };
}

async function until(is: () => Promise<boolean>): Promise<void> {
  while (!(await is())) await new Promise(done => setTimeout(done, 50));
}

test("the steps run in dlt's order, a child resource after its parent", async () => {
  const run = await start({});
  const result = (await run.handle.result()) as RunResult;
  expect(run.names()).toEqual([
    "resolveRun",
    "openLoad",
    "extractResource",
    "extractResource",
    "finishExtract",
    "normalizePackage",
    "commitPackage",
  ]);
  expect((run.calls[2]!.args[0] as { resource: string }).resource).toBe("customers");
  expect(result.load?.tables).toEqual([{ table: "customers", rows: 3, inserted: 3, updated: 0, deleted: 0 }]);
});

test("a step that fails twice is retried alone; finished steps are not repeated", async () => {
  let tries = 0;
  const run = await start(
    {},
    {
      normalizePackage: async () => {
        if (++tries < 3) throw ApplicationFailure.retryable("not yet", "DISK_FULL");
        return {
          attempt: "a3",
          tables: [],
          files: 0,
          bytes: 0,
          schema_version: 1,
          schema_version_hash: "",
          schema_changes: [],
        };
      },
    },
  );
  await run.handle.result();
  expect(tries).toBe(3);
  const { events } = await client.workflow.getHandle(`load/${run.name}`).fetchHistory();
  const attempts = events!.flatMap(event => {
    const started = event.activityTaskStartedEventAttributes;
    return started ? [[started.attempt, started.lastFailure?.message ?? ""]] : [];
  });
  expect(attempts).toContainEqual([3, "not yet"]);
  expect(run.names().filter(name => name === "extractResource")).toHaveLength(2);
});

test("a terminal error stops at once", async () => {
  let tries = 0;
  const run = await start(
    {},
    {
      normalizePackage: async () => {
        tries++;
        throw ApplicationFailure.nonRetryable("column refused", "CONTRACT_VIOLATION");
      },
    },
  );
  await expect(run.handle.result()).rejects.toThrow(WorkflowFailedError);
  expect(tries).toBe(1);
  expect(run.names()).not.toContain("commitPackage");
});

test("an idle run ends after extract", async () => {
  const run = await start({}, { finishExtract: async () => ({ has_work: false, cursors: [], notes: [] }) });
  const result = (await run.handle.result()) as RunResult;
  expect(run.names()).not.toContain("normalizePackage");
  expect(result.load?.load_id).toBeUndefined();
});

test("a pending package is loaded first, without extracting", async () => {
  const run = await start(
    {},
    {
      openLoad: async () => ({
        ref: { pipeline_name: "p", load_id: "1.0" },
        queue: run.queue ? `${run.queue}-disk` : "",
        outcome: "pending",
        pending_state: "normalized",
        resources: [],
        notes: ["loading the pending package 1.0"],
      }),
    },
  );
  const result = (await run.handle.result()) as RunResult;
  expect(run.names()).toEqual(["resolveRun", "commitPackage"]);
  expect(result.load?.pending).toBe(true);
});

test("two runs of one pipeline and dataset take turns, whatever their workflow ids", async () => {
  const inside: string[] = [];
  let most = 0;
  const slow: Fakes = {
    commitPackage: async () => {
      inside.push("x");
      most = Math.max(most, inside.length);
      await new Promise(done => setTimeout(done, 1_000));
      inside.pop();
      return committedPackage();
    },
  };
  const first = await start({}, slow);
  const second = await client.workflow.start("pipeline", {
    workflowId: `${first.name}-scheduled`,
    taskQueue: first.queue,
    args: [{ pipeline: first.name }],
  });
  await Promise.all([first.handle.result(), second.result()]);
  expect(most).toBe(1);
});

describe("backfill", () => {
  const good = { resource: "customers", from: "2026-01-01", to: "2026-02-01" };

  test("a signal during the run is taken up after the load", async () => {
    let release = () => {};
    const held = new Promise<void>(done => {
      release = done;
    });
    const run = await start(
      {},
      {
        normalizePackage: async () => {
          await held;
          return {
            attempt: "a1",
            tables: [],
            files: 0,
            bytes: 0,
            schema_version: 1,
            schema_version_hash: "",
            schema_changes: [],
          };
        },
      },
    );
    await run.handle.signal("backfill", good);
    release();
    const result = (await run.handle.result()) as RunResult;
    const opens = run.calls
      .filter(call => call.name === "openLoad")
      .map(call => (call.args[0] as { backfill?: unknown }).backfill);
    expect(opens).toEqual([undefined, good]);
    expect(result.backfills).toEqual([expect.objectContaining({ resource: "customers", status: "done" })]);
  });

  test("signal-with-start with load: false does the backfill only", async () => {
    const name = `p-${randomUUID()}`;
    const calls: Call[] = [];
    workers.push(await testWorker([`q-${name}`, `q-${name}-disk`], fakes(name, `q-${name}-disk`, calls)));
    const handle = await client.workflow.signalWithStart("pipeline", {
      workflowId: name,
      taskQueue: `q-${name}`,
      args: [{ pipeline: name, load: false }],
      signal: "backfill",
      signalArgs: [good],
    });
    const result = (await handle.result()) as RunResult;
    expect(calls.filter(call => call.name === "openLoad")).toHaveLength(1);
    expect(result.load).toBeUndefined();
    expect(result.backfills[0]?.status).toBe("done");
  });

  test("a queued backfill runs also after a failed load", async () => {
    let opens = 0;
    const run = await start(
      {},
      {
        openLoad: (async ({ backfill }: { backfill?: unknown }) => {
          opens++;
          if (backfill === undefined) {
            await new Promise(done => setTimeout(done, 500));
            throw ApplicationFailure.nonRetryable("no", "SQL_QUERY");
          }
          return {
            ref: { pipeline_name: "p", load_id: "2" },
            queue: `${run.queue}-disk`,
            outcome: "opened",
            resources: [{ name: "customers" }],
            notes: [],
          };
        }) as never,
      },
    );
    await run.handle.signal("backfill", good);
    await expect(run.handle.result()).rejects.toThrow(WorkflowFailedError);
    expect(opens).toBe(2);
  });

  const host = (name: string, queue: string) => ({
    host: name,
    disk: queue,
    extract: queue,
    dbt: queue,
    lease: queue,
  });
  /** What resolveRun says, with more of it. */
  const resolved =
    (name: string, more: object, retry: object = {}) =>
    async () => {
      const known = (await fakes(name, `q-${name}-disk`, []).resolveRun!()) as ResolvedRun;
      return { ...known, ...more, spec: { ...known.spec, retry: { ...known.spec.retry, ...retry } } };
    };
  /** Queues that the newest load of a run was opened on. */
  async function openedOn(name: string): Promise<string[]> {
    const { events } = await client.workflow.getHandle(`load/${name}`).fetchHistory();
    return events!.flatMap(({ activityTaskScheduledEventAttributes: step }) =>
      activityTitle(step?.activityType?.name ?? "") === "openLoad" ? [step!.taskQueue!.name!] : [],
    );
  }

  test("begins anywhere when the holder of what was pending is gone", async () => {
    const name = `p-${randomUUID()}`;
    const holder = host("gone", `${name}-nobody`);
    const run = await start(
      { id: name },
      { resolveRun: resolved(name, { holder }, { host_timeout_seconds: 3 }) },
    );
    await run.handle.signal("backfill", good);
    const result = (await run.handle.result()) as RunResult;
    expect(result.backfills).toEqual([expect.objectContaining({ status: "done" })]);
    expect(result.load?.notes.join(" ")).toMatch(/host gone .* does not answer: another begins the load/);
    expect(await openedOn(name)).toEqual([run.queue]);
  });

  test("begins where a load of this run left its package when it failed", async () => {
    const name = `p-${randomUUID()}`;
    const there = host("there", `q-${name}-there`);
    let release = () => {};
    const held = new Promise<void>(done => {
      release = done;
    });
    const openLoad = (async ({ backfill }: { backfill?: unknown }) => {
      if (backfill === undefined) {
        await held;
        throw ApplicationFailure.nonRetryable("no", "SQL_QUERY");
      }
      return {
        ref: { pipeline_name: "p", load_id: "2" },
        queue: `q-${name}-disk`,
        host: host("here", `q-${name}-disk`),
        outcome: "opened",
        resources: [{ name: "customers" }],
        notes: [],
      };
    }) as never;
    const more = { openLoad, findHolder: async () => ({ holder: there }) };
    workers.push(await testWorker([`unused-${name}`, there.lease], fakes(name, `q-${name}-disk`, [], more)));
    const run = await start({ id: name }, more);
    await run.handle.signal("backfill", good);
    release();
    await expect(run.handle.result()).rejects.toThrow(WorkflowFailedError);
    expect(await openedOn(name)).toEqual([there.lease]);
  });

  test.each([
    [{ resource: "customer", from: "2026-01-01" }, /did you mean "customers"/],
    [{ resource: "orders", from: "2026-01-01" }, /no incremental cursor/],
    [{ resource: "customers", from: "2026-02-01", to: "2026-01-01" }, /"from" must be before "to"/],
    [{ resource: "customers", from: "soon" }, /date or timestamp/],
    [{ resource: "customers" }, /"from" must be/],
  ])("the update refuses %j", async (request, reason) => {
    const run = await start(
      {},
      {
        normalizePackage: async () => {
          await new Promise(done => setTimeout(done, 1_500));
          return {
            attempt: "a1",
            tables: [],
            files: 0,
            bytes: 0,
            schema_version: 1,
            schema_version_hash: "",
            schema_changes: [],
          };
        },
      },
    );
    while (!run.names().includes("openLoad")) await new Promise(done => setTimeout(done, 50));
    const refused = run.handle.executeUpdate("requestBackfill", { args: [request] });
    await expect(refused).rejects.toThrow(WorkflowUpdateFailedError);
    await refused.catch(error => expect(error.cause.message).toMatch(reason));
    const result = (await run.handle.result()) as RunResult;
    expect(result.backfills).toEqual([]);
  });

  test("a bad signal is recorded and ignored", async () => {
    const run = await start({ load: false });
    await run.handle.signal("backfill", { nonsense: true });
    const result = (await run.handle.result()) as RunResult;
    expect(result.backfills).toEqual([expect.objectContaining({ status: "refused" })]);
  });
});

test("pause holds the next step until resume", async () => {
  const run = await start(
    {},
    {
      extractResource: (async ({ resource }: { resource: string }) => {
        await new Promise(done => setTimeout(done, 700));
        return { resource, attempt: "a1", rows: 0, bytes: 0, pages: 1, requests: 1 };
      }) as never,
    },
  );
  while (!run.names().includes("openLoad")) await new Promise(done => setTimeout(done, 50));
  await run.handle.executeUpdate("pause");
  await new Promise(done => setTimeout(done, 2_500));
  expect(run.names()).not.toContain("normalizePackage");
  await run.handle.executeUpdate("resume");
  const result = (await run.handle.result()) as RunResult;
  expect(run.names()).toContain("commitPackage");
  expect((result.load as LoadInfo).load_id).toBe("1.5");
});

test("dbt's nodes are seen in the workflow's own progress; what is no progress changes nothing", async () => {
  let finish: (info: object) => void = () => undefined;
  const name = `p-${randomUUID()}`;
  const calls: Call[] = [];
  const own = fakes(name, `q-${name}-disk`, calls);
  const run = await start(
    { id: name },
    {
      resolveRun: async () => {
        const resolved = (await own.resolveRun!()) as ResolvedRun;
        const dbt = { project_dir: "/none", freshness: false };
        return { ...resolved, spec: { ...resolved.spec, transform: { dbt } } };
      },
      dbtBuild: () =>
        new Promise(done => {
          finish = done;
        }),
    },
  );
  const progress = () => run.handle.query<RunProgressView>("progress");
  await until(async () => (await progress()).step === "dbt build");
  const nodes = { done: 3, total: 9, failed: ["b"], slowest: [{ name: "a", seconds: 1.5 }] };
  await run.handle.signal("dbtNodes", nodes);
  await until(async () => (await progress()).nodes !== undefined);
  expect((await progress()).nodes).toEqual(nodes);
  await run.handle.signal("dbtNodes", { done: "many", failed: 7 });
  await until(async () => (await progress()).nodes === undefined);
  finish({ command: "dbt build", success: true, counts: {}, findings: [], seconds: 1, notes: [] });
  expect(((await run.handle.result()) as RunResult).dbt?.success).toBe(true);
});

test("a candidate waits for its review, and what the person says decides what readers see", async () => {
  const name = `p-${randomUUID()}`;
  const calls: Call[] = [];
  const own = fakes(name, `q-${name}-disk`, calls);
  const candidate = { generation: 4, live_schema: "marts", suffix: "__candidate_4" };
  const decisions: string[] = [];
  const run = await start(
    { id: name },
    {
      resolveRun: async () => {
        const resolved = (await own.resolveRun!()) as ResolvedRun;
        const transform = { dbt: { project_dir: "/none", freshness: false, publish: "candidate" } };
        return {
          ...resolved,
          spec: { ...resolved.spec, transform, gate: { on_review: "wait", thresholds: {} } },
        };
      },
      dbtBuild: async () => ({
        command: "dbt build",
        success: true,
        counts: {},
        findings: [],
        seconds: 1,
        notes: [],
        candidate,
      }),
      collectMetrics: async () => ({}),
      decideGate: async () => ({ decision: "review", score: 80, reasons: ["a look is needed"], metrics: {} }),
      publishCandidate: (async (request: { decision: string }) => {
        decisions.push(request.decision);
        return { generation: 4, state: request.decision === "promote" ? "live" : "review", notes: [] };
      }) as never,
    },
  );
  const progress = () => run.handle.query<RunProgressView>("progress");
  await until(async () => (await progress()).waiting_for?.includes("resolveReview") === true);
  expect(decisions).toEqual(["review"]);
  await run.handle.executeUpdate("resolveReview", { args: [{ decision: "promote", by: "Ann" }] });
  const result = (await run.handle.result()) as RunResult;
  expect(decisions).toEqual(["review", "promote"]);
  expect(result).toMatchObject({
    gate: { decision: "promote", resolved_by: "Ann" },
    publish: { state: "live" },
  });
});

test("cancellation reaches the load child and ends the run", async () => {
  const run = await start(
    {},
    {
      normalizePackage: async () => {
        throw ApplicationFailure.retryable("again", "DISK_FULL");
      },
    },
  );
  while (!run.names().includes("finishExtract")) await new Promise(done => setTimeout(done, 50));
  await run.handle.cancel();
  await expect(run.handle.result()).rejects.toThrow(WorkflowFailedError);
  const child = await client.workflow.getHandle(`load/${run.name}`).describe();
  expect(child.status.name).toBe("CANCELLED");
});
