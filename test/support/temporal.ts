/** A client and workers on the jest run's Temporal server. */
import { Client, Connection } from "@temporalio/client";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { activityTypes } from "../../src/pipeline/names";

try {
  Runtime.install({ logger: new DefaultLogger("ERROR") });
} catch {
  // Installed by another test of this process.
}

export const testAddress = (): string => process.env.TIDEMARK_TEST_ADDRESS!;

export async function testClient(): Promise<{ client: Client; close(): Promise<void> }> {
  const connection = await Connection.connect({ address: testAddress() });
  return { client: new Client({ connection }), close: () => connection.close() };
}

export interface TestWorker {
  stop(): Promise<void>;
}

/** A worker for the given queues, workflows on the first one only. */
export async function testWorker(
  queues: [string, ...string[]],
  activities: { [name: string]: (...args: never[]) => Promise<unknown> },
  codePath = process.env.TIDEMARK_TEST_BUNDLE!,
): Promise<TestWorker> {
  const connection = await NativeConnection.connect({ address: testAddress() });
  const workers = await Promise.all(
    queues.map((taskQueue, i) =>
      Worker.create({
        connection,
        taskQueue,
        identity: "tidemark-test",
        activities: activityTypes(activities),
        ...(i === 0 ? { workflowBundle: { codePath } } : {}),
        shutdownGraceTime: "1 second",
        maxHeartbeatThrottleInterval: "200 ms",
        defaultHeartbeatThrottleInterval: "200 ms",
      }),
    ),
  );
  const done = Promise.all(workers.map(worker => worker.run()));
  done.catch(() => {});
  return {
    async stop() {
      for (const worker of workers) if (worker.getState() === "RUNNING") worker.shutdown();
      await done;
      await connection.close();
    },
  };
}
