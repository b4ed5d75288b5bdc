/** Steps after the load: dbt source freshness, dbt build, the gate's metrics, the gate. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Context } from "@temporalio/activity";
import type { Config } from "../config";
import { datasetNames } from "../destinations/dataset-names";
import type { DbtAdapter } from "../destinations/destination";
import { createDestination, destinationType } from "../destinations/registry";
import { decideGate } from "../gate/decide";
import { collectMetrics } from "../gate/metrics";
import { renderPacket } from "../gate/packet";
import { earlierLoads, metricsPlace } from "../load/gate-facts";
import { safeName } from "../package/safe-name";
import { gateOf } from "../pipeline/gate-spec";
import type {
  DbtInfo,
  GateInfo,
  LoadFacts,
  MetricsInfo,
  NodesProgress,
  OnProgress,
  TableRows,
} from "../pipeline/infos";
import { SIGNAL_DBT_NODES } from "../pipeline/names";
import type { ResolvedPipeline } from "../pipeline/spec";
import { withDestinationSecrets } from "../spec/open-source";
import { unpackSpec } from "../spec/packed-spec";
import { venvPython } from "../tools";
import { dbtProgram } from "../transform/dbt-command";
import { pruneRuns } from "../transform/prune-runs";
import { runDbt } from "../transform/run-dbt";
import { warmUp } from "../transform/warm-dbt";
import { asStep, type StepContext, type StepOptions } from "./heartbeats";
import { measure, measureDbt } from "./measure";
import { candidateSteps } from "./publish-steps";

export interface TransformRequest {
  spec: ResolvedPipeline;
  run_id: string;
}

export interface MetricsRequest {
  spec: ResolvedPipeline;
  /** Absent in runs that were begun before. */
  facts?: LoadFacts;
  /** Where dbt built, where it says so. */
  schema?: string;
}

export interface GateRequest extends TransformRequest {
  /** Runs that were begun before have the values alone. */
  metrics: MetricsInfo;
  tables?: TableRows[];
  dbt?: DbtInfo;
  freshness?: DbtInfo;
}

export function transformActivities(config: Config, options: StepOptions) {
  return {
    dbtFreshness: (request: TransformRequest): Promise<DbtInfo> =>
      asStep({ step: "transform", pipeline: request.spec.pipeline_name }, options, step =>
        dbt("freshness", request, step, config),
      ),

    dbtBuild: (request: TransformRequest): Promise<DbtInfo> =>
      asStep({ step: "transform", pipeline: request.spec.pipeline_name }, options, step =>
        dbt("build", request, step, config),
      ),

    collectMetrics: ({ spec: crossed, facts = {}, schema }: MetricsRequest): Promise<MetricsInfo> =>
      asStep({ step: "metrics", pipeline: crossed.pipeline_name }, options, async step => {
        const spec = unpackSpec(crossed);
        const { destination, secrets } = withDestinationSecrets(spec.destination, config);
        step.secrets.push(...secrets);
        const opened = createDestination(destination);
        await using session = await opened.open({ ...step, readOnly: true });
        return await collectMetrics(session, gateOf(spec.gate!).metrics, {
          ...metricsPlace(spec, schema ?? config.analyticsSchema),
          facts,
          earlier: await earlierLoads(spec, opened, config.packageRoot, facts.load_id),
          now: new Date(),
        });
      }),

    decideGate: ({
      spec: crossed,
      run_id,
      metrics,
      tables,
      dbt,
      freshness,
    }: GateRequest): Promise<GateInfo> =>
      asStep({ step: "gate", pipeline: crossed.pipeline_name }, options, async () => {
        const spec = unpackSpec(crossed);
        const decided = decideGate(dbt, metricsOf(metrics), gateOf(spec.gate!), freshness);
        const packet = join(runFolder(config, spec, run_id), "gate.md");
        mkdirSync(runFolder(config, spec, run_id), { recursive: true });
        const context = {
          title: spec.pipeline_name,
          dbt,
          freshness,
          tables,
          decided_at: new Date().toISOString(),
        };
        writeFileSync(packet, renderPacket(decided, context));
        const { decision } = decided;
        measure("tidemark_gate_decisions", 1, { pipeline: spec.pipeline_name, decision });
        return { ...decided, packet_path: packet };
      }),
  };
}

/** While rows are loaded, dbt gets ready; a dbt that cannot is told by its own step. */
export function prepareDbt({ transform, destination }: ResolvedPipeline, config: Config): void {
  if (transform === undefined) return;
  const { project_dir, target } = transform.dbt;
  try {
    warmUp(destination.type, {
      executable: dbtOf(destination.type, destinationType(destination.type).dbt, config),
      cwd: project_dir,
      target: target || config.dbtTarget,
      env: environment(config),
    });
  } catch {
    // No dbt, or no project: said by the step that needs them.
  }
}

function environment(config: Config): Record<string, string> {
  return Object.fromEntries(
    Object.entries(config.env).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}

function metricsOf(recorded: MetricsInfo): MetricsInfo {
  return typeof recorded.values === "object"
    ? recorded
    : {
        values: {
          load_age_minutes: Number((recorded as { freshness_minutes?: number }).freshness_minutes ?? 0),
        },
        missing: {},
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
  const executable = dbtOf(destination.type, adapter, config);
  const project = spec.transform!.dbt;
  pruneRuns(pipelineRuns(config, spec), safeName(run_id));
  const { withTurn } = createDestination(destination);
  const info = await runDbt({
    kind,
    dbt: { ...project, target: project.target || config.dbtTarget },
    executable,
    env: environment(config),
    dataset: datasetNames(spec).dataset,
    destination: {
      type: destination.type,
      environment: await adapter.environment(destination),
      database: adapter.database(destination),
    },
    ...(kind === "build" && project.publish === "candidate"
      ? { candidate: candidateSteps(spec, destination, run_id, step) }
      : {}),
    stateDir: join(runFolder(config, spec, run_id), kind),
    cacheDir: join(config.home, "dbt"),
    ...(withTurn === undefined ? {} : { withTurn: <T>(run: () => Promise<T>) => withTurn(step, run) }),
    signal: step.signal,
    onProgress: alsoToWorkflow(step.onProgress),
    lastAttempt: step.lastAttempt,
  });
  measureDbt(spec.pipeline_name, kind, info);
  return info;
}

/** The dbt that set-up made for this destination; each adapter has an environment of its own. */
function dbtOf(destination: string, { venv, setup }: DbtAdapter, config: Config): string {
  return dbtProgram(destination, { configured: config.dbt, made: venvPython(venv, config.env), setup });
}

/** First and longest time between two signals: each is an event in history. */
const SIGNAL_MS = [2_000, 30_000] as const;

/** Nodes that finish are shown in the workflow's current details, which only the workflow itself can write. */
function alsoToWorkflow(onProgress: OnProgress): OnProgress {
  let wait: number = SIGNAL_MS[0];
  let next = performance.now() + wait;
  return event => {
    onProgress(event);
    if (event.nodes === undefined || performance.now() < next) return;
    wait = Math.min(wait * 2, SIGNAL_MS[1]);
    next = performance.now() + wait;
    void tellWorkflow(event.nodes);
  };
}

async function tellWorkflow(nodes: NodesProgress): Promise<void> {
  try {
    const { client, info } = Context.current();
    const { workflowId, runId } = info.workflowExecution!;
    await client.workflow.getHandle(workflowId, runId).signal(SIGNAL_DBT_NODES, nodes);
  } catch {
    // Something to look at, no more: heartbeats say the same.
  }
}

/** Logs, artifacts and the packet of one run. */
function runFolder(config: Config, spec: ResolvedPipeline, runId: string): string {
  return join(pipelineRuns(config, spec), safeName(runId));
}

function pipelineRuns(config: Config, spec: ResolvedPipeline): string {
  return join(config.home, "runs", safeName(spec.pipeline_name));
}
