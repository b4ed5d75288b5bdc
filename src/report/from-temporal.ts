/** Runs as Temporal remembers them: when, how they ended, what their results say. Reads only. */
import type { Client, WorkflowExecutionInfo } from "@temporalio/client";
import { pipelineId } from "../client/ids";
import type { RunResult } from "../pipeline/infos";
import { WORKFLOW_PIPELINE } from "../pipeline/names";
import { runsQuery } from "../pipeline/search-attributes";
import type { ReportRun } from "./report-data";

/** Longest list of runs on a page: more bars than these nobody reads. */
export const MOST_RUNS = 40;

/** The newest first. @throws what the client throws where the server does not answer */
export async function runsOf(client: Client, pipeline: string): Promise<ReportRun[]> {
  const found = await list(client, pipeline);
  return await Promise.all(found.map(run => describe(client, run)));
}

async function list(client: Client, pipeline: string): Promise<WorkflowExecutionInfo[]> {
  const take = async (query: string, fits: (run: WorkflowExecutionInfo) => boolean) => {
    const runs: WorkflowExecutionInfo[] = [];
    for await (const run of client.workflow.list({ query })) {
      if (fits(run)) runs.push(run);
      if (runs.length === MOST_RUNS) break;
    }
    return runs;
  };
  const ofType = `WorkflowType = '${WORKFLOW_PIPELINE}'`;
  try {
    const runs = await take(`${ofType} AND ${runsQuery({ TidemarkPipeline: pipeline })}`, () => true);
    if (runs.length > 0) return runs;
  } catch {
    // The namespace does not have the attribute.
  }
  // The memo names the pipeline there; the id alone would take in others whose names begin alike.
  const id = pipelineId(pipeline).replaceAll("'", "''");
  return await take(
    `${ofType} AND WorkflowId STARTS_WITH '${id}'`,
    run => run.memo?.TidemarkPipeline === pipeline,
  );
}

async function describe(client: Client, run: WorkflowExecutionInfo): Promise<ReportRun> {
  const status = run.status.name.toLowerCase();
  const base: ReportRun = {
    workflow_id: run.workflowId,
    run_id: run.runId,
    status,
    started_at: run.startTime.toISOString(),
    ...(run.closeTime === undefined ? {} : { ended_at: run.closeTime.toISOString() }),
    steps: [],
  };
  if (run.closeTime === undefined) return base;
  try {
    const handle = client.workflow.getHandle(run.workflowId, run.runId, { followRuns: false });
    return { ...base, ...toldBy((await handle.result()) as RunResult) };
  } catch (error) {
    const inner = innermost(error);
    const { type, message, details } = inner as { type?: string; message?: string; details?: unknown[] };
    const result = details?.[1] as RunResult | undefined;
    return {
      ...base,
      ...(result === undefined ? {} : toldBy(result)),
      ...(type ? { code: type } : {}),
      ...(message ? { message: message.slice(0, 500) } : {}),
    };
  }
}

/** A result of any version of ours, or of something else that is called "pipeline". */
function toldBy(result: RunResult | undefined | null): Partial<ReportRun> {
  if (typeof result !== "object" || result === null) return {};
  const { load, gate, dbt, seconds = {} } = result;
  return {
    steps: Object.entries(seconds).flatMap(([step, n]) =>
      step === "load" && load !== undefined
        ? Object.entries(load.seconds ?? {}).map(([part, partly]) => ({ step: part, seconds: partly }))
        : [{ step, seconds: n }],
    ),
    ...(load?.load_id === undefined ? {} : { load_id: load.load_id, rows: rowsOf(load.tables ?? []) }),
    ...(gate === undefined
      ? {}
      : {
          gate: {
            decision: gate.decision,
            score: gate.score,
            reasons: gate.reasons ?? [],
            checks: gate.checks ?? [],
          },
        }),
    ...(dbt === undefined ? {} : { dbt: dbt.counts }),
  };
}

export function rowsOf(tables: readonly { table: string; rows: number }[]): { [table: string]: number } {
  const rows: { [table: string]: number } = {};
  for (const { table, rows: n } of tables)
    if (!table.startsWith("_dlt_")) rows[table] = (rows[table] ?? 0) + n;
  return rows;
}

function innermost(error: unknown): unknown {
  let current = error;
  while (current instanceof Error && current.cause instanceof Error) current = current.cause;
  return current;
}
