/** The gate of the demo pipeline, as its YAML has it, and a place to read its numbers from. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { MetricsContext } from "../../src/gate/metrics";
import type { GateSpec } from "../../src/pipeline/gate-spec";
import type { MetricsInfo } from "../../src/pipeline/infos";
import { gateShape, resolveGate } from "../../src/spec/gate-spec";

export function demoGate(): GateSpec {
  const file = join(__dirname, "..", "..", "pipelines", "rest_api_demo.yaml");
  return resolveGate(gateShape.parse(parse(readFileSync(file, "utf8")).gate));
}

export const demoValues = (values: MetricsInfo["values"]): MetricsInfo => ({ values, missing: {} });

export function metricsContext(more: Partial<MetricsContext> = {}): MetricsContext {
  return {
    raw: "raw",
    analytics: "analytics",
    loads: { pipeline_name: "rest_api_demo", schema_name: "rest_api", mark: "0000" },
    facts: {},
    earlier: [],
    now: new Date(),
    ...more,
  };
}
