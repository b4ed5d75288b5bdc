import {
  definePipeline,
  float,
  page,
  type RunInput,
  type RunResult,
  source,
  TidemarkError,
} from "tidemark";
import { TidemarkPlugin, type TidemarkPluginOptions } from "tidemark/plugin";
import { TestProject } from "tidemark/testing";
import { load, pipeline } from "tidemark/workflows";

const options: TidemarkPluginOptions = { sources: { shop: source({ orders: () => [page([1], 1), float(1)] }) } };
const workflow: (input: RunInput) => Promise<RunResult> = pipeline;

export const made = [
  new TidemarkPlugin(options).name,
  definePipeline({ pipeline_name: "shop", source: { type: "code", source: "shop" } }).pipeline_name,
  ...[workflow, load, TestProject, TidemarkError].map(({ name }) => name),
];
console.log(JSON.stringify(made));
