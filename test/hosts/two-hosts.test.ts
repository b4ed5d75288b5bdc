/**
 * Two worker hosts with a disk each: what one left behind never doubles rows or sets them back, whoever goes on. Real
 * server, real processes; a host is a worker with a home and a package root of its own.
 */
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client, type WorkflowFailedError, type WorkflowHandle } from "@temporalio/client";
import type { RunResult } from "../../src/pipeline/infos";
import { type Finished, tidemark } from "../support/cli";
import { newProject, type Project } from "../support/project";
import { testAddress, testClient } from "../support/temporal";
import { casesOf } from "../support/whole";
import { apiSpec, type CountingApi, countingApi } from "./counting-api";

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

async function start(
  project: Project,
  name: string,
  input: object = {},
  id?: string,
): Promise<WorkflowHandle> {
  return await client.workflow.start("pipeline", {
    workflowId: id ?? `${name}-${randomUUID().slice(0, 8)}`,
    taskQueue: project.queue,
    args: [{ pipeline: name, ...input }],
  });
}

const finish = async (handle: WorkflowHandle) => (await handle.result()) as RunResult;

const innermost = (error: Error): Error => (error.cause instanceof Error ? innermost(error.cause) : error);

async function api(rows: number, perPage = 500): Promise<CountingApi> {
  const made = await countingApi({ rows, perPage });
  apis.push(made);
  return made;
}

const FAULT = (fault: object, project: Project) => ({
  FAULT: JSON.stringify(fault),
  FAULT_MARKER: join(project.folder, `${randomUUID()}.json`),
});

const counts = (project: Project) =>
  project.query(
    "SELECT count(*)::int AS n, count(DISTINCT id)::int AS ids, min(version)::int AS oldest FROM raw.events",
  );

describe("a package that was left on a dead host", () => {
  test.each(casesOf(["append", "merge"] as const, one => one === "merge"))(
    "is dropped and told once another host has loaded newer rows (%s)",
    async disposition => {
      const source = await api(3_000);
      source.versioned = disposition === "merge";
      const project = newProject(`left-${disposition}`);
      project.writeSpec("shop", apiSpec("shop", source.url, { disposition }));
      const a = await project.worker({
        ...project.host("a"),
        ...FAULT({ step: "normalize" }, project),
      });
      const first = await start(project, "shop");
      expect(await a.ended).toBe("SIGKILL");
      await first.terminate("the host is gone");

      const b = await project.worker(project.host("b"));
      source.rows = 4_000;
      const second = await finish(await start(project, "shop"));
      expect(second.load?.load_id).toBeDefined();
      expect(await counts(project)).toEqual([{ n: 4_000, ids: 4_000, oldest: source.versioned ? 4_000 : 0 }]);
      await b.stop();

      // The host of the old package is back, alone.
      const again = await project.worker(project.host("a"));
      source.rows = 5_000;
      const third = await finish(await start(project, "shop"));
      await again.stop();
      expect(third.load?.notes.join(" ")).toMatch(
        /begun before any load, but the newest load .* extracted again/,
      );
      expect(third.load?.pending).toBeUndefined();
      const [found] = await counts(project);
      expect(found).toMatchObject({ n: 5_000, ids: 5_000 });
      expect(third.cursors[0]?.value.text).toBe(String(1_000 + 4_999));
    },
  );

  test("is loaded first by the host that holds it, while that lives", async () => {
    const source = await api(2_000);
    const project = newProject("holder");
    project.writeSpec("shop", apiSpec("shop", source.url));
    const begun = await project.worker(project.host("a"));
    await finish(await start(project, "shop"));
    await begun.stop();
    source.rows = 3_000;
    const a = await project.worker({ ...project.host("a"), ...FAULT({ step: "normalize" }, project) });
    const first = await start(project, "shop");
    expect(await a.ended).toBe("SIGKILL");
    await first.terminate("lost patience");
    const again = await project.worker(project.host("a"));
    const others = [await project.worker(project.host("b")), await project.worker(project.host("c"))];
    const asked = source.requests.length;
    const second = await finish(await start(project, "shop"));
    await Promise.all([again, ...others].map(worker => worker.stop()));
    expect(second.load?.pending).toBe(true);
    expect(source.requests.length).toBe(asked);
    expect(await counts(project)).toEqual([{ n: 3_000, ids: 3_000, oldest: 0 }]);
  });
});

test("state and abort-packages ask the host that holds the package; one that is gone is told", async () => {
  const source = await api(2_000);
  const project = newProject("asked");
  project.writeSpec("shop", apiSpec("shop", source.url));
  const a = await project.worker({ ...project.host("a"), ...FAULT({ step: "normalize" }, project) });
  const first = await start(project, "shop");
  expect(await a.ended).toBe("SIGKILL");
  await first.terminate("lost patience");
  const b = await project.worker(project.host("b"));
  const env = { ...project.host("b"), TEMPORAL_ADDRESS: testAddress() };
  const command = (...args: string[]) => tidemark(project, args, env);
  // The cancelled load ends first.
  let abort: Finished;
  do abort = await command("abort-packages", "shop");
  while (abort.stderr.includes("LOAD_RUNNING"));
  expect(abort.stdout).toMatch(
    /^No package is pending on this host\. The last load \(\S+\) did not complete, .* cannot be asked: No worker of host/,
  );
  const again = await project.worker(project.host("a"));
  const { pending_packages } = JSON.parse((await command("state", "shop", "--json")).stdout);
  expect(pending_packages).toEqual([
    expect.objectContaining({ state: "extracted", host: expect.any(String) }),
  ]);
  const [{ load_id }] = pending_packages;
  expect((await command("abort-packages", "shop")).stdout).toMatch(
    new RegExp(`^Dropped ${load_id.replace(".", "\\.")} on host `),
  );
  const next = await finish(await start(project, "shop"));
  await Promise.all([again.stop(), b.stop()]);
  expect(next.load?.pending).toBeUndefined();
  expect(await counts(project)).toEqual([{ n: 2_000, ids: 2_000, oldest: 0 }]);
}, 120_000);

test("a host that dies in normalize is told, and the run goes on elsewhere", async () => {
  const source = await api(2_000);
  const project = newProject("gone");
  project.writeSpec("shop", apiSpec("shop", source.url));
  const a = await project.worker({ ...project.host("a"), ...FAULT({ step: "normalize" }, project) });
  const run = await start(project, "shop");
  expect(await a.ended).toBe("SIGKILL");
  const died = Date.now();
  const b = await project.worker(project.host("b"));
  const result = await finish(run);
  await b.stop();
  expect(Date.now() - died).toBeLessThan(60_000);
  expect(result.load?.notes.join(" ")).toMatch(/does not answer any more: the load goes on elsewhere/);
  expect(await counts(project)).toEqual([{ n: 2_000, ids: 2_000, oldest: 0 }]);
});

test("a host that comes back in time goes on where it was", async () => {
  const source = await api(5_000);
  source.holdFrom(6);
  const project = newProject("back");
  project.writeSpec("shop", apiSpec("shop", source.url, { more: { retry: { host_timeout_seconds: 45 } } }));
  const first = await project.worker(project.host("a"));
  const run = await start(project, "shop");
  while (source.requests.length < 7) await delay(50);
  first.child.kill("SIGKILL");
  await first.ended;
  source.holdFrom(Number.POSITIVE_INFINITY);
  const again = await project.worker(project.host("a"));
  const result = await finish(run);
  await again.stop();
  expect(result.load?.notes.join(" ")).not.toMatch(/elsewhere/);
  // The page that was under way, and the one before it when its checkpoint was not written yet.
  expect(source.requests.length - new Set(source.requests).size).toBeLessThanOrEqual(2);
  expect(await counts(project)).toEqual([{ n: 5_000, ids: 5_000, oldest: 0 }]);
});

test("two namespaces at once: the second waits for the first or says for whom, and no row is loaded twice", async () => {
  const source = await api(4_000, 400);
  source.holdFrom(2);
  const project = newProject("namespaces");
  project.writeSpec("shop", apiSpec("shop", source.url));
  const namespace = `other-${randomUUID().slice(0, 8)}`;
  await client.connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  // A namespace is known to all parts of the server a little later.
  await delay(3_000);
  const here = await project.worker(project.host("a"));
  const there = await project.worker({ ...project.host("b"), TEMPORAL_NAMESPACE: namespace });
  const other = new Client({ connection: client.connection, namespace });
  const startThere = (input: object) =>
    other.workflow.start("pipeline", {
      workflowId: `shop-${randomUUID()}`,
      taskQueue: project.queue,
      args: [{ pipeline: "shop", ...input }],
    });
  const first = await start(project, "shop");
  while (source.requests.length < 3) await delay(50);
  const refused = await finish(await startThere({ on_busy: "fail" })).then(
    () => undefined,
    (error: WorkflowFailedError) => innermost(error).message,
  );
  expect(refused).toMatch(
    /is being loaded into "raw" by workflow load\/.* in namespace default on host .*nothing was begun/,
  );
  const waits = await startThere({});
  await delay(2_000);
  source.holdFrom(Number.POSITIVE_INFINITY);
  const results = await Promise.all([finish(first), finish(waits)]);
  await Promise.all([here.stop(), there.stop()]);
  expect(results.filter(result => result.load?.load_id !== undefined)).toHaveLength(1);
  expect(await counts(project)).toEqual([{ n: 4_000, ids: 4_000, oldest: 0 }]);
});

test("two files under one name: refused with both hosts named, nothing loaded", async () => {
  const source = await api(100);
  const project = newProject("files");
  project.writeSpec("shop", apiSpec("shop", source.url, { more: { retry: { activity_attempts: 1 } } }));
  const a = await project.worker(project.host("a"));
  const b = await project.worker({
    ...project.host("b"),
    DUCKDB_PATH: join(project.folder, "b", "data.duckdb"),
  });
  const failure = await finish(await start(project, "shop")).then(
    () => undefined,
    (error: WorkflowFailedError) => error.cause?.cause as Error,
  );
  await Promise.all([a.stop(), b.stop()]);
  expect(failure?.message).toMatch(/Two workers serve the task queue/);
  expect(source.requests).toHaveLength(0);
  for (const path of [project.duckdb, join(project.folder, "b", "data.duckdb")])
    expect(existsSync(path)).toBe(false);
});

test("pause stops a long extraction within a page, resume goes on there", async () => {
  const source = await api(10_000, 100);
  source.delay = 50;
  const project = newProject("pause");
  project.writeSpec("shop", apiSpec("shop", source.url));
  const worker = await project.worker();
  const run = await start(project, "shop");
  while (source.requests.length < 10) await delay(20);
  await run.executeUpdate("pause");
  await delay(2_500);
  const asked = source.requests.length;
  await delay(2_500);
  expect(source.requests.length).toBe(asked);
  await run.executeUpdate("resume");
  await finish(run);
  await worker.stop();
  expect(source.requests.length - new Set(source.requests).size).toBeLessThanOrEqual(1);
  expect(await counts(project)).toEqual([{ n: 10_000, ids: 10_000, oldest: 0 }]);
});

test("SIGTERM hands a long extraction back at the next page; another worker of the disk goes on", async () => {
  const source = await api(10_000, 100);
  source.delay = 50;
  const project = newProject("sigterm");
  project.writeSpec("shop", apiSpec("shop", source.url));
  source.holdFrom(10);
  const first = await project.worker(project.host("a"));
  const run = await start(project, "shop");
  while (source.requests.length < 11) await delay(20);
  const second = await project.worker(project.host("a"));
  source.holdFrom(Number.POSITIVE_INFINITY);
  const before = Date.now();
  await first.stop();
  if (process.env.SHOW) console.log(source.requests.join(" "));
  // Not after the grace period of ten seconds.
  expect(Date.now() - before).toBeLessThan(9_000);
  await finish(run);
  await second.stop();
  expect(source.requests.length - new Set(source.requests).size).toBeLessThanOrEqual(1);
  expect(await counts(project)).toEqual([{ n: 10_000, ids: 10_000, oldest: 0 }]);
});

test("a rerun takes over the pages of an extraction that a terminated run had begun", async () => {
  const source = await api(5_000);
  source.holdFrom(6);
  const project = newProject("takeover");
  project.writeSpec("shop", apiSpec("shop", source.url));
  const worker = await project.worker();
  const run = await start(project, "shop");
  while (source.requests.length < 7) await delay(50);
  await delay(500);
  await run.terminate("wrong moment");
  await delay(4_000);
  source.holdFrom(Number.POSITIVE_INFINITY);
  const result = await finish(await start(project, "shop"));
  await worker.stop();
  expect(result.load?.notes.join(" ")).toMatch(
    /extraction goes on in load package .* which an earlier run had begun/,
  );
  // The page that was under way is asked for again, and no other.
  // The page that was under way, and the one before it when its checkpoint was not written yet.
  expect(source.requests.length - new Set(source.requests).size).toBeLessThanOrEqual(2);
  expect(await counts(project)).toEqual([{ n: 5_000, ids: 5_000, oldest: 0 }]);
});

test("a lost package folder begins the load anew", async () => {
  const source = await api(1_000);
  const project = newProject("lost");
  project.writeSpec("shop", apiSpec("shop", source.url));
  const worker = await project.worker();
  source.holdFrom(1);
  const run = await start(project, "shop");
  const root = join(project.folder, "home", "packages", "shop");
  while (!existsSync(root) || readdirSync(root).length === 0 || source.requests.length < 2) await delay(50);
  const { rmSync } = await import("node:fs");
  rmSync(root, { recursive: true, force: true });
  source.holdFrom(Number.POSITIVE_INFINITY);
  const result = await finish(run);
  await worker.stop();
  expect(result.load?.notes.join(" ")).toMatch(/begins anew/);
  expect(await counts(project)).toEqual([{ n: 1_000, ids: 1_000, oldest: 0 }]);
});
