/** Candidates of dbt's: begun before the build, made live or kept back when they are judged. */
import { Context } from "@temporalio/activity";
import type { Config } from "../config";
import { type Generations, suffixOf } from "../destinations/generations";
import { createDestination } from "../destinations/registry";
import { TidemarkError } from "../pipeline/errors";
import type { CandidateInfo, GateDecision, PublishInfo } from "../pipeline/infos";
import type { DestinationSpec, ResolvedPipeline } from "../pipeline/spec";
import { withDestinationSecrets } from "../spec/open-source";
import { unpackSpec } from "../spec/packed-spec";
import type { CandidateSteps } from "../transform/candidate";
import { asStep, type StepContext, type StepOptions } from "./heartbeats";

export interface PublishRequest {
  spec: ResolvedPipeline;
  candidate: CandidateInfo;
  decision: GateDecision;
}

/** Published generations that are kept unless the spec says otherwise. */
const GENERATIONS_KEPT = 3;

export function publishActivities(config: Config, options: StepOptions) {
  return {
    publishCandidate: ({ spec: crossed, candidate, decision }: PublishRequest): Promise<PublishInfo> =>
      asStep({ step: "publish", pipeline: crossed.pipeline_name }, options, async step => {
        const spec = unpackSpec(crossed);
        const { destination, secrets } = withDestinationSecrets(spec.destination, config);
        step.secrets.push(...secrets);
        return await withGenerations(destination, step, async generations => {
          const { live_schema, generation } = candidate;
          const info: PublishInfo = { generation, state: "live", notes: [] };
          if (decision === "promote") Object.assign(info, await generations.publish(live_schema, generation));
          else {
            info.state = decision === "review" ? "review" : "blocked";
            await generations.settle(live_schema, generation, info.state);
          }
          const keep = spec.transform?.dbt.generations ?? GENERATIONS_KEPT;
          const dropped = await generations.sweep(live_schema, keep);
          if (dropped.length > 0) info.notes.push(`dropped generation(s) ${dropped.join(", ")}`);
          return info;
        });
      }),
  };
}

export function candidateSteps(
  spec: ResolvedPipeline,
  destination: DestinationSpec,
  run: string,
  step: StepContext,
): CandidateSteps {
  const workflow = Context.current().info.workflowExecution?.workflowId ?? "";
  return {
    begin: plan =>
      withGenerations(destination, step, async generations => {
        const owner = { pipeline: spec.pipeline_name, workflow, run };
        const { generation } = await generations.begin(plan, owner);
        return { generation, live_schema: plan.schema, suffix: suffixOf(generation) };
      }),
  };
}

async function withGenerations<T>(
  destination: DestinationSpec,
  step: StepContext,
  work: (generations: Generations) => Promise<T>,
): Promise<T> {
  await using session = await createDestination(destination).open(step);
  if (session.generations === undefined) {
    throw new TidemarkError("PUBLISH_REFUSED", `${destination.type} knows no candidates: use publish: live.`);
  }
  return await work(session.generations);
}
