/** The package's front door: what pipeline modules use, and the words for what runs report. Loads no engine. */

export { Binary, Decimal, PlainDate, PlainTime, type Row, Timestamp, type Value } from "./json/values";
export { type ErrorCode, type ErrorKind, TidemarkError } from "./pipeline/errors";
export type { GateInfo, LoadInfo, RunResult } from "./pipeline/infos";
export type { BackfillRequest, RunInput } from "./pipeline/spec";
export { defineConfig, type ProjectFile } from "./project-file";
export {
  type CodeContext,
  type CodeGenerator,
  type CodeSourceInput,
  definePipeline,
  float,
  type PipelineInput,
  page,
} from "./sources/code/define-pipeline";
export { type CodeSource, type RegisteredResource, source } from "./sources/code/registered";
