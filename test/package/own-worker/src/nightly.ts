import { executeChild, proxyActivities } from "@temporalio/workflow";
import type { RunResult } from "tidemark";
import { pipeline } from "tidemark/workflows";
import type * as activities from "./activities";

const { greet } = proxyActivities<typeof activities>({ startToCloseTimeout: "1 minute" });

export interface Night {
  greeting: string;
  tables: { [table: string]: number };
}

/** A workflow of the team's own, with a pipeline in it. */
export async function nightly(name: string): Promise<Night> {
  const greeting = await greet("Ada Lovelace");
  const result: RunResult = await executeChild(pipeline, { args: [{ pipeline: name }] });
  const tables = result.load?.tables ?? [];
  return { greeting, tables: Object.fromEntries(tables.map(({ table, rows }) => [table, rows])) };
}
