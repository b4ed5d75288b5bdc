/** Runs are found by pipeline, dataset, decision and rows: by the server where it knows the attributes, else by memo. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Client } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import {
  runsQuery,
  SEARCH_ATTRIBUTE_TYPES,
  SEARCH_ATTRIBUTES,
  type SearchAttributeName,
} from "../../src/pipeline/search-attributes";
import { type Fakes, fakes } from "../support/fake-activities";
import { type TestWorker, testClient, testWorker } from "../support/temporal";

const ALL = Object.keys(SEARCH_ATTRIBUTES) as SearchAttributeName[];
let client: Client;
let close: () => Promise<void>;
const workers: TestWorker[] = [];

beforeAll(async () => {
  ({ client, close } = await testClient());
  await client.connection.operatorService.addSearchAttributes({
    namespace: "default",
    searchAttributes: Object.fromEntries(
      ALL.map(name => [name, SEARCH_ATTRIBUTE_TYPES[SEARCH_ATTRIBUTES[name]]]),
    ),
  });
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map(worker => worker.stop()));
});
afterAll(() => close());

/** @param known what the namespace is said to know; undefined: the answer of a worker of before */
async function start(known: SearchAttributeName[] | undefined, more: Fakes = {}) {
  const name = `p'-${randomUUID()}`;
  const queue = `q-${name}`;
  const own = fakes(name, `${queue}-disk`, []);
  const resolveRun = async (...args: never[]) => ({
    ...((await own.resolveRun!(...args)) as object),
    ...(known === undefined ? {} : { search_attributes: known }),
  });
  workers.push(await testWorker([queue, `${queue}-disk`], { ...own, resolveRun, ...more }));
  const handle = await client.workflow.start("pipeline", {
    workflowId: name,
    taskQueue: queue,
    args: [{ pipeline: name }],
  });
  await handle.result().catch(() => undefined);
  return { name, described: await handle.describe() };
}

async function found(query: string): Promise<string[]> {
  for (let tries = 0; ; tries++) {
    const ids: string[] = [];
    for await (const { workflowId } of client.workflow.list({ query })) ids.push(workflowId);
    if (ids.length > 0 || tries === 20) return ids;
    await delay(100);
  }
}

test("one query finds the failed runs of a pipeline, whatever it is called", async () => {
  const failing = {
    normalizePackage: async () => {
      throw ApplicationFailure.nonRetryable("no", "CONTRACT_VIOLATION");
    },
  };
  const { name } = await start(ALL, failing);
  const good = await start(ALL);
  expect(await found(runsQuery({ TidemarkPipeline: name, status: "Failed" }))).toEqual([name]);
  const { described } = good;
  expect(described.searchAttributes).toMatchObject({
    TidemarkPipeline: [good.name],
    TidemarkDataset: ["raw"],
    TidemarkRows: [3],
  });
  expect(await found(`${runsQuery({ TidemarkPipeline: good.name })} AND TidemarkRows > 2`)).toEqual([
    good.name,
  ]);
});

test("what the namespace does not know stands in the memo, and nothing of a run of before changes", async () => {
  const some = await start(["TidemarkPipeline"]);
  expect(some.described.searchAttributes.TidemarkPipeline).toEqual([some.name]);
  expect(some.described.memo).toMatchObject({ TidemarkDataset: "raw", TidemarkRows: 3 });
  const before = await start(undefined);
  expect(before.described.memo ?? {}).not.toHaveProperty("TidemarkRows");
});

test("a run whose spec is refused is found too", async () => {
  const { name, described } = await start(ALL, {
    resolveRun: async () => {
      throw ApplicationFailure.nonRetryable("bad spec", "SPEC_INVALID", { search_attributes: ALL });
    },
  });
  expect(described.status.name).toBe("FAILED");
  expect(await found(runsQuery({ TidemarkPipeline: name, status: "Failed" }))).toEqual([name]);
});
