/** A worker as a team writes it: its own connection and Worker.create, the plugin, and an end on SIGTERM. */
import { NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { TidemarkPlugin } from "../../../src/plugin";

async function main(): Promise<void> {
  // Else the SDK's own handler stops all workers, as most have it.
  const ownHandler = process.env.SIGNALS === "own";
  if (ownHandler) Runtime.install({ shutdownSignals: [] });
  const connection = await NativeConnection.connect({ address: process.env.TIDEMARK_TEST_ADDRESS });
  const worker = await Worker.create({
    connection,
    taskQueue: process.env.TIDEMARK_TASK_QUEUE!,
    workflowBundle: { codePath: process.env.TIDEMARK_TEST_BUNDLE! },
    plugins: [new TidemarkPlugin({ project: process.cwd() })],
  });
  if (ownHandler) process.once("SIGTERM", () => worker.shutdown());
  const running = worker.run();
  process.stdout.write("Ready\n");
  await running;
  await connection.close();
}

main().catch(error => {
  console.error(error);
  process.exit(1);
});
