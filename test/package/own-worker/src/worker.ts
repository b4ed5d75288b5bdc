import { join } from "node:path";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { TidemarkPlugin } from "tidemark/plugin";
import * as activities from "./activities";
import { dataConverter } from "./codec";
import { shop } from "./shop";

async function main(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger("ERROR") });
  const connection = await NativeConnection.connect({ address: process.env.TEMPORAL_ADDRESS });
  const worker = await Worker.create({
    connection,
    namespace: "elt",
    taskQueue: "elt",
    workflowsPath: require.resolve("./workflows"),
    activities,
    dataConverter,
    plugins: [new TidemarkPlugin({ project: join(__dirname, ".."), sources: { shop } })],
  });
  console.log("Created");
  await worker.run();
  await connection.close();
}

main().catch(error => {
  console.error(error);
  process.exit(1);
});
