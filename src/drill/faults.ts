/** The words of a drill: what can go wrong on purpose, and when it strikes. Pure. */

/** Every fault that a drill knows, with what it does in one sentence. */
export const FAULTS = {
  kill_worker: "SIGKILL of a worker; it starts again on its own disk after a while, or only for the next run",
  stop_worker: "SIGSTOP of a worker, SIGCONT after some seconds: what it believed may be over by then",
  restart_worker: "SIGTERM of a worker, which hands back what it does, and a new one on the same disk",
  terminate: "an operator terminates the run, its load, or both, and runs again",
  reset: "an operator resets the run, or its load, to its last workflow task",
  cancel: "an operator cancels the run and runs again",
  pause: "an operator pauses the run and resumes it",
  abort_packages: "an operator runs abort-packages on a host in the middle of a load",
  kill_dbt: "SIGKILL of the dbt program while it builds",
  restart_server: "the Temporal server is killed and starts again on its database",
  restart_database: "the PostgreSQL server that rows come from stops and starts again",
  bad_proxy: "a proxy before the API drops, delays, truncates, refuses or duplicates requests",
  disk_full: "no space is left where packages lie, for some seconds",
  clock_jump: "the clock of one host jumps by an hour",
} as const;

export type FaultKind = keyof typeof FAULTS;
export const FAULT_KINDS = Object.keys(FAULTS) as FaultKind[];

/** Faults that end a run on purpose: somebody has to start it again, and that is no fault of the engine. */
export const ENDS_RUNS: readonly FaultKind[] = ["terminate", "cancel", "reset", "abort_packages"];

/** When a fault strikes: at the nth sign of progress of a step, on whichever host shows it, or after a time. */
export type Moment = { step: string; phase?: string; nth: number } | { after_ms: number };

export interface PlannedFault {
  kind: FaultKind;
  /** Index of the phase (run) that it strikes in. */
  phase: number;
  at: Moment;
  /** Host that it strikes where the moment is a time: the one that worked last, or one that may have nothing to do. */
  host: 0 | 1 | "busy";
  /** How long it lasts: time until SIGCONT, until the server is back, until the disk is free. */
  seconds: number;
  /** kill_worker: it stays dead until the next phase begins. */
  stays?: true;
  /** Its variant: what is terminated or reset, what the proxy does, which way the clock jumps. */
  how?: string;
  /** bad_proxy: so many requests in a row. */
  requests?: number;
  /** Strikes after this one has: its `after_ms` counts from then. What an operator does about a host that is gone. */
  afterwards?: PlannedFault;
}

/** A round's faults, those that follow others included. */
export function everyFault(faults: readonly PlannedFault[]): PlannedFault[] {
  return faults.flatMap(fault => [
    fault,
    ...everyFault(fault.afterwards === undefined ? [] : [fault.afterwards]),
  ]);
}

export function momentText(at: Moment): string {
  if ("after_ms" in at) return `after ${(at.after_ms / 1000).toFixed(1)} s`;
  return `at ${at.step}${at.phase === undefined ? "" : ` "${at.phase}"`}, sign ${at.nth}`;
}

export function faultText(fault: PlannedFault): string {
  const how = [
    fault.how,
    fault.requests === undefined ? undefined : `${fault.requests} requests`,
    fault.stays ? "stays dead" : fault.seconds > 0 ? `${fault.seconds} s` : undefined,
  ].filter(part => part !== undefined);
  const then =
    fault.afterwards === undefined
      ? ""
      : `, then ${fault.afterwards.kind} ${momentText(fault.afterwards.at)}`;
  return `${fault.kind}${how.length > 0 ? ` (${how.join(", ")})` : ""} in run ${fault.phase + 1} ${momentText(fault.at)}${then}`;
}
