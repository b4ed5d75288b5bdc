/** Steps after the load: dbt source freshness, dbt build, the gate's metrics, the gate. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config";
import { datasetNames } from "../destinations/dataset-names";
import type { DbtAdapter } from "../destinations/destination";
import { createDestination, destinationType } from "../destinations/registry";
import { decideGate } from "../gate/decide";
import { collectMetrics } from "../gate/metrics";
import { renderPacket } from "../gate/packet";
import { safeName } from "../package/safe-name";
import { TidemarkError } from "../pipeline/errors";
import type { DbtInfo, GateInfo, GateMetrics } from "../pipeline/infos";
import type { ResolvedPipeline } from "../pipeline/spec";
import { withDestinationSecrets } from "../spec/open-source";
import { unpackSpec } from "../spec/packed-spec";
import { venvPython } from "../tools";
import { runDbt } from "../transform/run-dbt";
import { asStep, type StepContext, type StepOptions } from "./heartbeats";

export interface TransformRequest {
  spec: ResolvedPipeline;
  run_id: string;
}

export interface GateRequest extends TransformRequest {
  metrics: GateMetrics;
  dbt?: DbtInfo;
  freshness?: DbtInfo;
}

export function transformActivities(config: Config, options: StepOptions) {
  return {
    dbtFreshness: (request: TransformRequest): Promise<DbtInfo> =>
      asStep("transform", options, step => dbt("freshness", request, step, config)),

    dbtBuild: (request: TransformRequest): Promise<DbtInfo> =>
      asStep("transform", options, step => dbt("build", request, step, config)),

    collectMetrics: ({ spec: crossed }: { spec: ResolvedPipeline }): Promise<GateMetrics> =>
      asStep("metrics", options, async step => {
        const spec = unpackSpec(crossed);
        const { destination, secrets } = withDestinationSecrets(spec.destination, config);
        step.secrets.push(...secrets);
        await using session = await createDestination(destination).open({ ...step, readOnly: true });
        return await collectMetrics(session, {
          destination_type: spec.destination.type,
          dataset: datasetNames(spec).dataset,
          analytics_schema: config.analyticsSchema,
        });
      }),

    decideGate: ({ spec, run_id, metrics, dbt, freshness }: GateRequest): Promise<GateInfo> =>
      asStep("gate", options, async () => {
        const { thresholds } = spec.gate!;
        const decided = decideGate(dbt, metrics, thresholds);
        const packet = join(runFolder(config, spec, run_id), "gate.md");
        mkdirSync(runFolder(config, spec, run_id), { recursive: true });
        const context = {
          title: spec.pipeline_name,
          thresholds,
          dbt,
          freshness,
          decided_at: new Date().toISOString(),
        };
        writeFileSync(packet, renderPacket(decided, context));
        return { ...decided, packet_path: packet };
      }),
  };
}

async function dbt(
  kind: "freshness" | "build",
  { spec: crossed, run_id }: TransformRequest,
  step: StepContext,
  config: Config,
): Promise<DbtInfo> {
  const spec = unpackSpec(crossed);
  const { destination, secrets } = withDestinationSecrets(spec.destination, config);
  step.secrets.push(...secrets);
  const { dbt: adapter } = destinationType(destination.type);
  const executable = config.dbt ?? dbtFor(destination.type, adapter, config);
  const project = spec.transform!.dbt;
  const { withTurn } = createDestination(destination);
  return await runDbt({
    kind,
    dbt: { ...project, target: project.target || config.dbtTarget },
    executable,
    env: Object.fromEntries(
      Object.entries(config.env).filter((pair): pair is [string, string] => pair[1] !== undefined),
    ),
    dataset: datasetNames(spec).dataset,
    destination: {
      type: destination.type,
      environment: adapter.environment(destination),
      database: adapter.database(destination),
    },
    stateDir: join(runFolder(config, spec, run_id), kind),
    ...(withTurn === undefined ? {} : { withTurn: <T>(run: () => Promise<T>) => withTurn(step, run) }),
    signal: step.signal,
    onProgress: step.onProgress,
    lastAttempt: step.lastAttempt,
  });
}

/** The dbt that set-up made for this destination; each adapter has an environment of its own. */
function dbtFor(destination: string, { venv, setup }: DbtAdapter, config: Config): string {
  const found = venvPython(venv, config.env);
  if (found !== undefined) return found;
  throw new TidemarkError(
    "DBT_MISSING",
    `dbt for ${destination} is not set up where the worker runs: run \`${setup}\` there, or name a dbt in TIDEMARK_DBT.`,
  );
}

/** Logs, artifacts and the packet of one run. */
function runFolder(config: Config, spec: ResolvedPipeline, runId: string): string {
  return join(config.home, "runs", safeName(spec.pipeline_name), safeName(runId));
}
