/** Notices of a run to people: what happened, and to whom it is told. */
import type { GateInfo } from "./infos";
import type { SecretRef } from "./spec";

export const NOTICE_EVENTS = ["failed", "blocked", "review", "schema_change", "stale"] as const;
/**
 * failed: the run ends with an error; a cancelled one is none. blocked, review: the gate's decision. schema_change: a load
 * brought new tables or columns to a dataset that was there. stale: `dbt source freshness` warns or fails.
 */
export type NoticeEvent = (typeof NOTICE_EVENTS)[number];

/** One receiver: a webhook or a command. */
export interface NotifySpec {
  on: NoticeEvent[];
  /** URL; a secret, as the URLs of chat programs are. The text itself once the worker has looked it up. */
  webhook?: SecretRef | string;
  headers?: { [name: string]: SecretRef | string };
  /** Program and arguments; started without a shell, the payload on its standard input. */
  command?: string[];
}

/** What history knows of an event: what a failure and a gate's decision may say there. */
export interface Notice {
  event: NoticeEvent;
  load_id?: string;
  error?: { code: string; message: string; step?: string };
  gate?: Pick<GateInfo, "decision" | "score" | "reasons"> & { waits?: boolean };
  /** "table" or "table.column". */
  schema_changes?: string[];
  /** Sources of dbt with their status. */
  stale?: string[];
}
