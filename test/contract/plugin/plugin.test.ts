/** The plugin in a worker of somebody else's: what it brings, what it leaves alone, and what it refuses at once. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { WorkflowFailedError } from "@temporalio/client";
import type { ApplicationFailure } from "@temporalio/common";
import { bundleWorkflowCode, NativeConnection, Worker, type WorkerOptions } from "@temporalio/worker";
import { source } from "../../../src";
import type { RunResult } from "../../../src/pipeline/infos";
import { TidemarkPlugin, type TidemarkPluginOptions } from "../../../src/plugin";
import { requireOneSdk } from "../../../src/plugin/sdk-check";
import { newProject } from "../../support/project";
import { testAddress, testClient } from "../../support/temporal";

const CODE = { codePath: process.env.TIDEMARK_TEST_BUNDLE! };
const shop = source({ orders: { primary_key: "id", write_disposition: "merge", rows: () => [{ id: 1 }] } });

let project: ReturnType<typeof newProject>;
let connection: NativeConnection;

beforeAll(async () => {
  project = newProject("plugin");
  connection = await NativeConnection.connect({ address: testAddress() });
});
afterAll(() => connection.close());

function options(more: Partial<WorkerOptions> = {}, plugin: TidemarkPluginOptions = {}): WorkerOptions {
  return {
    connection,
    taskQueue: project.queue,
    plugins: [
      new TidemarkPlugin({
        project: project.folder,
        config: { env: { DUCKDB_PATH: project.duckdb } },
        ...plugin,
      }),
    ],
    ...more,
  };
}

async function refused(given: WorkerOptions): Promise<{ code?: string; message: string }> {
  try {
    await Worker.create(given);
  } catch (error) {
    return error as Error;
  }
  return { message: "it was made" };
}

test("twice in a worker; activities under our names; a project that is not there, or cannot be written", async () => {
  const [plugin] = options().plugins!;
  expect(await refused(options({ plugins: [plugin!, new TidemarkPlugin()] }))).toMatchObject({
    code: "PLUGIN_TWICE",
  });
  expect(await refused(options({ activities: { "tidemark.openLoad": async () => 1 } }))).toMatchObject({
    code: "NAME_TAKEN",
    message: expect.stringContaining("tidemark.openLoad"),
  });
  const missing = await refused(options({}, { project: join(project.folder, "nowhere") }));
  expect(missing).toMatchObject({ code: "PROJECT_UNUSABLE", message: expect.stringContaining("nowhere") });
  const file = join(project.folder, "file");
  writeFileSync(file, "");
  expect(await refused(options({}, { config: { packageRoot: join(file, "packages") } }))).toMatchObject({
    code: "PROJECT_UNUSABLE",
  });
  expect(
    await refused(options({}, { sources: { shop }, config: { sources: { shop: () => [] } } })),
  ).toMatchObject({ code: "NAME_TAKEN", message: expect.stringContaining('"shop"') });
  expect(await refused(options({}, { sources: { shop: {} as never } }))).toMatchObject({
    code: "SPEC_INVALID",
  });
});

test("workflow code without ours, or with another one in its place; also while it is bundled", async () => {
  const at = (name: string) => ({ workflowsPath: join(__dirname, `${name}.ts`) });
  expect(await refused(options(at("no-workflows")))).toMatchObject({ code: "WORKFLOWS_MISSING" });
  expect(await refused(options(at("taken-workflows")))).toMatchObject({
    code: "NAME_TAKEN",
    message: expect.stringContaining("export { pipeline as tidemark_pipeline }"),
  });
  expect(await refused(options({ workflowBundle: { code: "globalThis.a = 1" } }))).toMatchObject({
    code: "WORKFLOWS_MISSING",
  });
  const plugins = options().plugins as unknown as TidemarkPlugin[];
  const bundled = await bundleWorkflowCode({ ...at("renamed-workflows"), plugins });
  expect(bundled.code).toContain("the team's own");
  await expect(bundleWorkflowCode({ ...at("no-workflows"), plugins })).rejects.toMatchObject({
    code: "WORKFLOWS_MISSING",
  });
});

test("another copy of the SDK is told with both places", () => {
  const ours = require.resolve("@temporalio/activity");
  expect(() => requireOneSdk([ours])).not.toThrow();
  const other = "/team/node_modules/other/node_modules/@temporalio/activity/lib/index.js";
  expect(() => requireOneSdk([ours, other])).toThrow(/Two copies of @temporalio\/activity.*\/team\/.*npm ls/);
});

test("runs beside the owner's own, under another name; sources by name; one host, served once; the process as it was", async () => {
  const before = { env: { ...process.env }, signals: process.listenerCount("SIGTERM") };
  project.writeSpec("shop", { pipeline_name: "shop", source: { type: "code", source: "shop" } });
  project.writeSpec("other", { pipeline_name: "other", source: { type: "code", source: "shp" } });
  const own = { workflowsPath: join(__dirname, "renamed-workflows.ts") };
  const config = { env: { DUCKDB_PATH: project.duckdb }, pipelinesDir: join(project.folder, "pipelines") };
  const worker = await Worker.create(
    options({ ...own, activities: { openLoad: async () => "mine" } }, { sources: { shop }, config }),
  );
  const second = await Worker.create(
    options({ taskQueue: `${project.queue}-2`, workflowBundle: CODE }, { config }),
  );
  const { client, close } = await testClient();
  const start = (type: string, ...args: unknown[]) =>
    client.workflow.execute(type, {
      taskQueue: project.queue,
      workflowId: `${project.queue}-${args.length}-${JSON.stringify(args)}`,
      args,
    });
  const done = await worker.runUntil(async () => {
    const result = (await start("elt", { pipeline: "shop" })) as RunResult;
    const failed = await start("elt", { pipeline: "other" }).catch(
      (error: WorkflowFailedError) => error.cause?.cause as ApplicationFailure,
    );
    return {
      result,
      failed,
      own: await start("pipeline"),
      twice: await second.run().catch(e => e),
    };
  });
  expect(done.result.load?.tables).toEqual([expect.objectContaining({ table: "orders", inserted: 1 })]);
  expect(done.failed).toMatchObject({
    type: "SOURCE_NOT_REGISTERED",
    message: expect.stringContaining('did you mean "shop"'),
  });
  expect(done.own).toBe("the team's own");
  expect(done.twice).toMatchObject({ code: "PLUGIN_TWICE" });
  expect(await project.query("SELECT id FROM raw.orders")).toEqual([{ id: "1" }]);
  expect({ env: { ...process.env }, signals: process.listenerCount("SIGTERM") }).toEqual(before);
  // After the first has ended the second may.
  await second.runUntil(Promise.resolve());
  await close();
});
