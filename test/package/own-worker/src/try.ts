/** The user's own test of a pipeline. */
import { join } from "node:path";
import { DefaultLogger, Runtime } from "@temporalio/worker";
import { TestProject } from "tidemark/testing";
import { shop } from "./shop";

async function main(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger("ERROR") });
  const project = await TestProject.start({ project: join(__dirname, ".."), sources: { shop } });
  await project.run("shop");
  const own = await project.rows("customers");
  await project.run("shop", { rows: { orders: [{ id: 2, name: "Fake", at: "2026-01-03T00:00:00Z" }] } });
  console.log(JSON.stringify({ own, faked: await project.rows("orders") }));
  await project.close();
}

main().catch(error => {
  console.error(error);
  process.exit(1);
});
