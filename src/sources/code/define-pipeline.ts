/**
 * For pipeline modules: `export default definePipeline({ ... })` gives a spec with completion and type checks in the
 * editor. The whole truth about a spec is told by `tidemark doctor`, which names every problem with its path.
 */
import type {
  ColumnHint,
  GateThresholds,
  IncrementalConfig,
  Json,
  JsonObject,
  ResourceHints,
  SchemaContract,
  WriteDisposition,
} from "../../pipeline/spec";

type Names = string | string[];
type ContractInput = SchemaContract | SchemaContract[keyof SchemaContract];

/** dlt's hints in every form that may be written; in `nested_hints`, columns are a dict with names in it. */
interface HintsInput
  extends Omit<
    ResourceHints,
    | "write_disposition"
    | "primary_key"
    | "merge_key"
    | "columns"
    | "schema_contract"
    | "nested_hints"
    | "extra"
  > {
  write_disposition?: WriteDisposition | WriteDisposition["disposition"];
  primary_key?: Names;
  merge_key?: Names;
  columns?: { [column: string]: Omit<ColumnHint, "name"> } | ColumnHint[];
  schema_contract?: ContractInput;
  nested_hints?: { [path: string]: HintsInput };
}

type IncrementalInput = { cursor_path: string; primary_key?: Names } & Partial<
  Omit<IncrementalConfig, "primary_key" | "primary_key_is_list">
>;

export interface CodeSourceInput {
  type: "code";
  name?: string;
  /** Path of the module with the generators, relative to the spec's folder; `__filename`: this module. */
  module: string;
  max_table_nesting?: number;
  root_key?: boolean;
  schema_contract?: ContractInput;
  resources: (HintsInput & {
    name: string;
    generator?: string;
    incremental?: IncrementalInput;
    args?: { [name: string]: Json };
    parent?: string;
    selected?: boolean;
  })[];
}

export interface PipelineInput {
  pipeline_name: string;
  dataset_name?: string;
  destination?: string | ({ type: string } & JsonObject);
  source: CodeSourceInput | ({ type: "rest_api" | "sql_database" | "sql_table" | "postgres" } & JsonObject);
  write_disposition?: WriteDisposition | WriteDisposition["disposition"];
  schema_contract?: ContractInput;
  loader_file_format?: "parquet" | "jsonl";
  resources?: string[];
  transform?: { dbt: JsonObject };
  gate?: { thresholds?: Partial<GateThresholds>; on_review?: "continue" | "wait" };
  retry?: { http_attempts?: number; activity_attempts?: number };
}

export function definePipeline(spec: PipelineInput): PipelineInput {
  return spec;
}

export { type CodeContext, type CodeGenerator, float, page } from "./code-module";
