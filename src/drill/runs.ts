/**
 * The operator of a drill: starts a run, looks after it, starts it again when it was ended or failed, and gives up
 * when it is stuck.
 */
import { setTimeout as delay } from "node:timers/promises";
import { type Client, WorkflowFailedError } from "@temporalio/client";
import type { RunResult } from "../pipeline/infos";
import { newestRun, type OpenRun, patiently, runOf } from "./server-calls";

export interface PhaseWork {
  workflowId: string;
  /** Starts the run; called again for every rerun. */
  start(client: Client): Promise<void>;
  /** Why a result is not all there is to do, e.g. a pending package was loaded and nothing extracted. */
  unfinished(result: RunResult): string | undefined;
}

export interface RunOptions {
  /** When the effects of the last fault ended, in milliseconds since 1970: nobody waits for less than this. */
  lastFault(): number;
  stuckAfterMs: number;
  mostRuns: number;
}

export interface PhaseOutcome {
  seconds: number;
  done: boolean;
  /** Every run that was started, with how it ended. */
  runs: { status: string; why?: string; ended_at?: number }[];
  /** Workflow ids of the loads that were seen. */
  loads: string[];
  /** Set when it was given up: what was open then. */
  stuck?: string;
}

const LOOK_MS = 150;
const BEFORE_RERUN_MS = 300;

export async function runUntilDone(
  client: Client,
  work: PhaseWork,
  options: RunOptions,
): Promise<PhaseOutcome> {
  const began = Date.now();
  const outcome: PhaseOutcome = { seconds: 0, done: false, runs: [], loads: [] };
  const ended = (): PhaseOutcome => {
    outcome.seconds = (Date.now() - began) / 1000;
    return outcome;
  };
  while (outcome.runs.length < options.mostRuns) {
    await patiently(() => work.start(client));
    const started = Date.now();
    let run: OpenRun | undefined;
    for (;;) {
      await delay(LOOK_MS);
      run = await newestRun(client, work.workflowId);
      for (const load of run?.children ?? []) if (!outcome.loads.includes(load)) outcome.loads.push(load);
      if (run !== undefined && run.status !== "RUNNING") break;
      const quietSince = Math.max(started, options.lastFault());
      if (Date.now() - quietSince > options.stuckAfterMs) {
        outcome.stuck = await describeStuck(client, work.workflowId);
        outcome.runs.push({ status: "STUCK" });
        return ended();
      }
    }
    const finished = await judge(client, run, work);
    outcome.runs.push({ ...finished, ended_at: Date.now() });
    if (finished.status === "COMPLETED" && finished.why === undefined) {
      outcome.done = true;
      return ended();
    }
    await delay(BEFORE_RERUN_MS);
  }
  outcome.stuck = `${options.mostRuns} runs, and none that did it all: ${outcome.runs.map(run => `${run.status}${run.why ? ` (${run.why})` : ""}`).join("; ")}`;
  return ended();
}

async function judge(
  client: Client,
  run: OpenRun,
  work: PhaseWork,
): Promise<{ status: string; why?: string }> {
  if (run.status !== "COMPLETED" && run.status !== "FAILED") return { status: run.status };
  try {
    const result = (await patiently(() => runOf(client, run).result())) as RunResult;
    const why = work.unfinished(result);
    return { status: "COMPLETED", ...(why === undefined ? {} : { why }) };
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    return { status: "FAILED", why: innermost(error) };
  }
}

/** Code and message of the failure that started it all. */
function innermost(error: unknown): string {
  let current = error as Error & { type?: string };
  while (current.cause instanceof Error) current = current.cause as typeof current;
  return `${current.type ? `${current.type}: ` : ""}${current.message}`.slice(0, 400);
}

async function describeStuck(client: Client, workflowId: string): Promise<string> {
  const lines: string[] = [];
  const visit = async (id: string): Promise<void> => {
    const run = await newestRun(client, id);
    if (run === undefined) return;
    lines.push(`${id} is ${run.status}: ${run.pending.join("; ") || "nothing pending"}`);
    for (const child of run.children) await visit(child);
  };
  await visit(workflowId);
  return lines.join(" | ");
}
