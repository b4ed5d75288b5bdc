/**
 * Names that users, scripts and recorded histories hold. Never change one; add a new one instead.
 */
export const WORKFLOW_PIPELINE = "pipeline";
export const WORKFLOW_LOAD = "load";
/** Answers for the host that holds a pipeline's packages; short-lived. */
export const WORKFLOW_PACKAGES = "hostPackages";
export const DEFAULT_TASK_QUEUE = "tidemark";
export const SIGNAL_BACKFILL = "backfill";
/** From the step that runs dbt to its own workflow: NodesProgress. */
export const SIGNAL_DBT_NODES = "dbtNodes";
export const UPDATE_REQUEST_BACKFILL = "requestBackfill";
export const UPDATE_PAUSE = "pause";
export const UPDATE_RESUME = "resume";
export const UPDATE_RESOLVE_REVIEW = "resolveReview";
/** Memo of workflow `load` (LoadMemo). */
export const MEMO_LOAD = "tidemark_load";
/** Memo of workflow `pipeline` and of its schedules (RunMemo): by it and by its type a run is known as ours. */
export const MEMO_RUN = "tidemark_run";
/** Workflow and schedule ids that we choose begin with it: the namespace is shared with others. */
export const ID_PREFIX = "tidemark-";
export const QUERY_PROGRESS = "progress";
export const QUERY_STATE = "state";

/** Activities are called `tidemark.resolveRun`, …, so that they meet none of a user's in a worker of his own. */
export const ACTIVITY_PREFIX = "tidemark.";

/** Names without the prefix, as histories of before hold them. Workers serve both; nothing is added here. */
export const UNPREFIXED_ACTIVITIES: readonly string[] = [
  ...["resolveRun", "pickHost", "holdHost"],
  ...["openLoad", "extractResource", "finishExtract", "normalizePackage", "stagePackage"],
  ...["migrateSchema", "loadChains", "completeLoad"],
  ...["dbtFreshness", "dbtBuild", "collectMetrics", "decideGate"],
];

/** As people read it, without the prefix. */
export function activityTitle(type: string): string {
  return type.startsWith(ACTIVITY_PREFIX) ? type.slice(ACTIVITY_PREFIX.length) : type;
}

/** Every name under which a worker serves these activities. */
export function activityTypes<T>(activities: { [name: string]: T }): { [type: string]: T } {
  const types: { [type: string]: T } = {};
  for (const [name, activity] of Object.entries(activities)) {
    types[ACTIVITY_PREFIX + name] = activity;
    if (UNPREFIXED_ACTIVITIES.includes(name)) types[name] = activity;
  }
  return types;
}

/** Key (by `Symbol.for`) that our workflow functions carry: a bundle of others is looked through for it. */
export const WORKFLOW_MARK = "tidemark.workflow";

/** dlt's steps in dlt's words, then ours. Every error and progress line names one of them. */
export type Step =
  | "resolve"
  | "extract"
  | "normalize"
  | "stage"
  | "load"
  | "transform"
  | "metrics"
  | "gate"
  | "notify"
  | "publish";

/** What specs load into that name no destination, where DLT_DESTINATION says nothing. */
export const DEFAULT_DESTINATION = "duckdb";
