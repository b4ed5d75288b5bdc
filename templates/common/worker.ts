/**
 * A worker that stays, for a Temporal server of yours (TEMPORAL_ADDRESS): `npm run worker`. Activities and workflows of your
 * own go beside the plugin. With the local server, `npx tidemark dev` is all it takes.
 */
import { NativeConnection, Worker } from "@temporalio/worker";
import { TidemarkPlugin } from "tidemark/plugin";

async function main(): Promise<void> {
  const connection = await NativeConnection.connect({
    address: process.env.TEMPORAL_ADDRESS ?? "127.0.0.1:7233",
  });
  const worker = await Worker.create({
    connection,
    namespace: process.env.TEMPORAL_NAMESPACE ?? "default",
    taskQueue: process.env.TIDEMARK_TASK_QUEUE ?? "tidemark",
    plugins: [new TidemarkPlugin({ project: __dirname })],
  });
  await worker.run();
}

main().catch(error => {
  console.error(error);
  process.exitCode = 1;
});
