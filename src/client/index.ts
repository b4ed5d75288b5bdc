/** What `tidemark/client` exports: runs of Tidemark, over a Temporal client of one's own. */
export type { ErrorCode } from "../pipeline/errors";
export { TidemarkError } from "../pipeline/errors";
export type { RunResult } from "../pipeline/infos";
export type { BackfillRequest, RunInput } from "../pipeline/spec";
export { pipelineId, type RunTarget } from "./ids";
export type { ScheduleOutcome, ScheduleTimes } from "./schedules";
export type { Snapshot } from "./snapshot";
export {
  type PipelineOrInput,
  type RunState,
  type StartedBackfill,
  type StartedRun,
  type StartOptions,
  TidemarkClient,
  type TidemarkClientOptions,
} from "./tidemark-client";
