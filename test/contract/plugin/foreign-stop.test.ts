/** Two workers of somebody else's: one is asked to stop in mid extraction, the other ends the run. Real processes. */
import type { RunResult } from "../../../src/pipeline/infos";
import { apiSpec, countingApi } from "../../hosts/counting-api";
import { newProject } from "../../support/project";
import { testClient } from "../../support/temporal";

test("SIGTERM hands the extraction back after its page; the second worker goes on there", async () => {
  const api = await countingApi({ rows: 2_000, perPage: 500 });
  const project = newProject("foreign-stop");
  project.writeSpec("shop", apiSpec("shop", api.url));
  const script = `${__dirname}/foreign-worker.ts`;
  const first = await project.worker({ SIGNALS: "own" }, script);
  const { client, close } = await testClient();
  try {
    api.holdFrom(1);
    const run = await client.workflow.start("pipeline", {
      workflowId: project.queue,
      taskQueue: project.queue,
      args: [{ pipeline: "shop" }],
    });
    while (api.requests.length < 2) await new Promise(done => setTimeout(done, 20));
    first.child.kill("SIGTERM");
    const second = await project.worker({}, script);
    api.holdFrom(Number.POSITIVE_INFINITY);
    expect(await first.ended).toBe(0);
    const result = (await run.result()) as RunResult;
    expect(result.load?.tables).toContainEqual(expect.objectContaining({ table: "events", inserted: 2_000 }));
    const [counts] = await project.query(
      "SELECT count(*)::int AS n, count(DISTINCT id)::int AS ids FROM raw.events",
    );
    expect(counts).toEqual({ n: 2_000, ids: 2_000 });
    // What was safe when the first one left is not asked for again.
    expect(api.requests.filter(url => /page=0/.test(url))).toHaveLength(1);
    expect(second.child.exitCode).toBeNull();
    second.child.kill("SIGTERM");
    expect(await second.ended).toBe(0);
  } finally {
    api.close();
    await close();
    await first.stop();
  }
}, 120_000);
