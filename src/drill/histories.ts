/** What histories tell after a drill: workflow tasks that failed, and runs that nobody closed. */
import type { Client } from "@temporalio/client";
import { patiently } from "./server-calls";

/** Causes (by number) that come from the server's ordinary business or from an operator's reset. */
const ORDINARY_CAUSES = [
  1, // UNHANDLED_COMMAND: something arrived while the task was under way; it is done again
  13, // RESET_STICKY_TASK_QUEUE
  17, // FORCE_CLOSE_COMMAND
  18, // FAILOVER_CLOSE_COMMAND
  20, // RESET_WORKFLOW
  31, // UNHANDLED_UPDATE
];

export interface HistoryFinding {
  workflow: string;
  what: string;
}

/** Looks at every run of these workflow ids. */
export async function checkHistories(
  client: Client,
  workflowIds: readonly string[],
): Promise<HistoryFinding[]> {
  const findings: HistoryFinding[] = [];
  for (const id of workflowIds) {
    const runs = await patiently(async () => {
      const list: { runId: string; status: string }[] = [];
      for await (const run of client.workflow.list({ query: `WorkflowId = '${id.replaceAll("'", "''")}'` })) {
        list.push({ runId: run.runId, status: run.status.name });
      }
      return list;
    });
    for (const { runId, status } of runs) {
      if (status === "RUNNING") findings.push({ workflow: id, what: "is still open" });
      const history = await patiently(() => client.workflow.getHandle(id, runId).fetchHistory());
      for (const event of history.events ?? []) {
        const failed = event.workflowTaskFailedEventAttributes;
        if (failed == null || ORDINARY_CAUSES.includes(failed.cause ?? 0)) continue;
        findings.push({
          workflow: id,
          what: `a workflow task failed: ${failed.failure?.message ?? `cause ${failed.cause}`}`.slice(0, 500),
        });
      }
    }
  }
  return findings;
}
