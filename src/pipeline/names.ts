/**
 * Names that users, scripts and recorded histories hold. Never change one; add a new one instead.
 */
export const WORKFLOW_PIPELINE = "pipeline";
export const WORKFLOW_LOAD = "load";
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

/** dlt's steps in dlt's words, then ours. Every error and progress line names one of them. */
export type Step = "resolve" | "extract" | "normalize" | "stage" | "load" | "transform" | "metrics" | "gate";

/** What specs load into that name no destination, where DLT_DESTINATION says nothing. */
export const DEFAULT_DESTINATION = "duckdb";
