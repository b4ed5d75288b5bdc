/** What operators and platforms do to a run and its hosts at the worst moment: the faults that need no special part. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { type Client, WorkflowNotFoundError } from "@temporalio/client";
import { UPDATE_PAUSE, UPDATE_RESUME } from "../pipeline/names";
import type { FaultKind, PlannedFault } from "./faults";
import type { DrillHost } from "./hosts";
import { newestRun, patiently, runOf } from "./server-calls";

export interface Scene {
  client: Client;
  workflowId: string;
  hosts: readonly [DrillHost, DrillHost];
  /** Runs when the next phase begins. */
  later(work: () => Promise<void>): void;
}

/** Strikes and, where it lasts, lifts the fault again. Resolves when its effects are over. */
export type Hand = (
  fault: PlannedFault,
  host: DrillHost,
  scene: Scene,
) => Promise<void> | Promise<Held | undefined>;

/** From the answer to a pause until just before it was resumed, in milliseconds since 1970. */
export interface Held {
  from: number;
  to: number;
}
export type Hands = { [kind in FaultKind]?: Hand };

const seconds = (fault: PlannedFault) => delay(fault.seconds * 1000);

/** Signals that a host sends to itself, so that they strike exactly at their moment. */
export const SELF_SIGNALS: { [kind in FaultKind]?: NodeJS.Signals } = {
  kill_worker: "SIGKILL",
  stop_worker: "SIGSTOP",
};

export const OPERATOR: Hands = {
  async kill_worker(fault, host, scene) {
    await host.kill();
    if (fault.stays) {
      scene.later(() => host.start());
      return;
    }
    await seconds(fault);
    await host.start();
  },

  async stop_worker(fault, host) {
    host.pause();
    await seconds(fault);
    host.resume();
  },

  async restart_worker(_fault, host) {
    await host.stop();
    await host.start();
  },

  async terminate(fault, _host, { client, workflowId }) {
    await onRuns(client, workflowId, fault.how, async run => {
      await runOf(client, run).terminate("terminated by a drill");
    });
  },

  async reset(fault, _host, { client, workflowId }) {
    await onRuns(client, workflowId, fault.how, async run => {
      const history = await runOf(client, run).fetchHistory();
      const last = (history.events ?? []).findLast(
        event => event.workflowTaskCompletedEventAttributes != null,
      );
      if (last === undefined) return;
      await client.workflowService.resetWorkflowExecution({
        namespace: client.options.namespace,
        workflowExecution: { workflowId: run.workflowId, runId: run.runId },
        reason: "reset by a drill",
        workflowTaskFinishEventId: last.eventId,
        requestId: randomUUID(),
      });
    });
  },

  async cancel(_fault, _host, { client, workflowId }) {
    await onRuns(client, workflowId, "run", async run => {
      await runOf(client, run).cancel();
    });
  },

  async pause(fault, _host, { client, workflowId }) {
    const run = client.workflow.getHandle(workflowId);
    let held: Held | undefined;
    try {
      await patiently(() => run.executeUpdate(UPDATE_PAUSE));
      held = { from: Date.now(), to: 0 };
      await seconds(fault);
      held.to = Date.now();
      await patiently(() => run.executeUpdate(UPDATE_RESUME));
    } catch (error) {
      if (!isOver(error)) throw error;
    }
    return held;
  },
};

/** On the run, on its load, or on both, as far as they are open. */
async function onRuns(
  client: Client,
  workflowId: string,
  which: string | undefined,
  act: (run: { workflowId: string; runId: string }) => Promise<void>,
): Promise<void> {
  const run = await newestRun(client, workflowId);
  if (run === undefined || run.status !== "RUNNING") return;
  const targets = which === "load" || which === "both" ? run.children : [];
  for (const id of which === "load" ? targets : [workflowId, ...targets]) {
    const target = id === workflowId ? run : await newestRun(client, id);
    if (target === undefined || target.status !== "RUNNING") continue;
    try {
      await patiently(() => act(target));
    } catch (error) {
      if (!isOver(error)) throw error;
    }
  }
}

/** It ended on its own a moment before. */
function isOver(error: unknown): boolean {
  for (let one: unknown = error; one instanceof Error; one = one.cause) {
    if (one instanceof WorkflowNotFoundError) return true;
    if (/already completed|not found|closed|workflow update was aborted|completed before/i.test(one.message))
      return true;
  }
  return false;
}
