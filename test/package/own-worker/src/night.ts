/** Starts the team's own workflow, and prints its result, the workflow ids that it made, and what can be read of them. */
import { Client, Connection } from "@temporalio/client";
import { temporal } from "@temporalio/proto";
import { Worker } from "@temporalio/worker";
import type { RunResult } from "tidemark";
import { TidemarkPlugin } from "tidemark/plugin";
import { dataConverter } from "./codec";
import { nightly } from "./nightly";

const SECRET = ["Ada", "Lovelace", "Grace", "customers", "primary_key", "2026-01-0", "Good night"];

async function main(): Promise<void> {
  const connection = await Connection.connect({ address: process.env.TEMPORAL_ADDRESS });
  const client = new Client({ connection, namespace: "elt", dataConverter });
  const byCommand: RunResult = await client.workflow.getHandle("by-command").result();
  const night = await client.workflow.execute(nightly, {
    taskQueue: "elt",
    workflowId: "tonight",
    args: ["shop"],
  });
  const histories = [];
  const readable: string[] = [];
  for await (const { workflowId, runId, type } of client.workflow.list()) {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    histories.push({ workflowId, history });
    const bytes = Buffer.from(temporal.api.history.v1.History.encode(history).finish()).toString("latin1");
    readable.push(...SECRET.filter(word => bytes.includes(word)).map(word => `${type}: ${word}`));
  }
  const replayed: { [workflow: string]: string } = {};
  const results = Worker.runReplayHistories(
    { workflowsPath: require.resolve("./workflows"), dataConverter, plugins: [new TidemarkPlugin()] },
    histories,
  );
  for await (const { workflowId, error } of results) replayed[workflowId] = error?.message ?? "replays";
  console.log(JSON.stringify({ byCommand: byCommand.load?.tables, night, readable, replayed }));
  await connection.close();
}

main().catch(error => {
  console.error(error);
  process.exit(1);
});
