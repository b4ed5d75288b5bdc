/** A dlt project by the command line: its own Python extracts, a killed worker costs an attempt, secrets stay out of history. */
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunResult } from "../../src/pipeline/infos";
import { toolPaths } from "../../src/tools";
import { tidemark } from "../support/cli";
import { newProject } from "../support/project";
import { testClient } from "../support/temporal";

const SOURCE = `
import dlt, os, time

@dlt.source
def shop(rows: int, api_key: str = dlt.secrets.value):
    assert api_key == "key-of-the-shop"
    @dlt.resource(write_disposition="merge", primary_key="id")
    def orders(at=dlt.sources.incremental("id", initial_value=0)):
        print("asking with " + api_key)
        yield [{"id": i, "lines": [{"sku": i}]} for i in range(at.last_value, rows)]

    @dlt.resource
    def slow():
        marker = os.path.join(os.path.dirname(__file__), "slow.txt")
        first = not os.path.exists(marker)
        open(marker, "a").write("once\\n")
        yield {"id": 1}
        if first:
            time.sleep(60)
        yield {"id": 2}

    return orders, slow
`;

test("two runs, the second only what is new, one worker killed while Python waits", async () => {
  const project = newProject("dlt-project");
  writeFileSync(join(project.folder, "shop_source.py"), SOURCE);
  const spec = (rows: number) => ({
    pipeline_name: "shop",
    dataset_name: "raw",
    // A worker that dies is noticed after a third of it.
    retry: { host_timeout_seconds: 24 },
    source: {
      type: "dlt",
      module: "shop_source",
      source: "shop",
      args: { rows },
      python: toolPaths(process.env).parityPython,
      settings: { "sources.shop_source.shop.api_key": { env: "SHOP_KEY" } },
    },
  });
  project.writeSpec("shop", spec(3));
  const key = { SHOP_KEY: "key-of-the-shop" };
  const { client, close } = await testClient();
  let worker = await project.worker(key);
  try {
    const handle = await client.workflow.start("pipeline", {
      taskQueue: project.queue,
      workflowId: `shop-${randomUUID()}`,
      args: [{ pipeline: "shop" }],
    });
    const marker = join(project.folder, "slow.txt");
    while (!existsSync(marker)) await new Promise(done => setTimeout(done, 100));
    worker.child.kill("SIGKILL");
    await worker.ended;
    worker = await project.worker(key);
    const { load } = (await handle.result()) as RunResult;
    expect(load?.tables.find(one => one.table === "slow")?.rows).toBe(2);
    expect(readFileSync(marker, "utf8")).toBe("once\nonce\n");
    const { events } = await handle.fetchHistory();
    expect(JSON.stringify(events)).not.toContain(
      Buffer.from("key-of-the-shop").toString("base64").slice(0, 18),
    );
  } finally {
    await worker.stop();
    await close();
  }

  project.writeSpec("shop", spec(5));
  const second = await tidemark(project, ["run", "shop"], key);
  expect([second.code, second.stderr]).toEqual([0, expect.not.stringContaining("key-of-the-shop")]);
  expect(await project.query("SELECT count(*) AS n, max(id) AS last FROM raw.orders")).toEqual([
    { n: "5", last: "4" },
  ]);
});
