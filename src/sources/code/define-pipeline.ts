/**
 * For pipeline modules: `export default definePipeline({ ... })` gives a spec with completion and type checks in the
 * editor. The whole truth about a spec is told by `tidemark doctor`, which names every problem with its path.
 */
import type { GateMetric } from "../../pipeline/gate-spec";
import type { Json, JsonObject, SchemaContract, WriteDisposition } from "../../pipeline/spec";
import type { HintsInput, IncrementalInput } from "../resource-hints";

type ContractInput = SchemaContract | SchemaContract[keyof SchemaContract];

export interface CodeSourceInput {
  type: "code";
  name?: string;
  /** Path of the module with the generators, relative to the spec's folder; `__filename`: this module. */
  module?: string;
  /** In place of a module: a source that the worker was given by this name (`sources` of its plugin). */
  source?: string;
  max_table_nesting?: number;
  root_key?: boolean;
  schema_contract?: ContractInput;
  /** May be left out of a source by name, which then has those of its code. */
  resources?: (HintsInput & {
    name: string;
    generator?: string;
    incremental?: IncrementalInput;
    args?: { [name: string]: Json };
    parent?: string;
    selected?: boolean;
  })[];
}

export interface GateInput {
  metrics?: ({ name: string } & Partial<Omit<GateMetric, "key" | "points">> & { key?: string | string[] })[];
  max_expected_warnings?: number;
  freshness?: {
    max_load_age_minutes?: number;
    max_row_age_minutes?: number;
    severity?: "block" | "review";
  };
  on_review?: "continue" | "wait";
  fail_on_block?: boolean;
}

export interface PipelineInput {
  pipeline_name: string;
  dataset_name?: string;
  destination?: string | ({ type: string } & JsonObject);
  source: CodeSourceInput | ({ type: "rest_api" | "sql_database" | "sql_table" | "postgres" } & JsonObject);
  write_disposition?: WriteDisposition | WriteDisposition["disposition"];
  schema_contract?: ContractInput;
  loader_file_format?: "parquet" | "jsonl" | "insert_values";
  resources?: string[];
  transform?: { dbt: JsonObject };
  gate?: GateInput;
  retry?: { http_attempts?: number; activity_attempts?: number };
}

export function definePipeline(spec: PipelineInput): PipelineInput {
  return spec;
}

export { type CodeContext, type CodeGenerator, float, page } from "./code-module";
