/** Step resolve: the spec, validated and pinned for this run. */
import { createHash } from "node:crypto";
import type { Config } from "../config";
import { createDestination } from "../destinations/registry";
import { diskQueueName } from "../package/disk-queue";
import type { ResolvedRun } from "../pipeline/infos";
import type { ResolvedPipeline, RunInput } from "../pipeline/spec";
import { settingsNotes } from "../spec/dlt-settings";
import { type LoadedSpec, loadSpec } from "../spec/load-spec";
import { openSource } from "../spec/open-source";
import { planResources } from "../spec/plan-resources";
import { resolveSpec } from "../spec/resolve-spec";
import { checkRunInput } from "../spec/run-input";
import { asStep, type Observe } from "./heartbeats";

export function resolveActivities(config: Config, observe: Observe | undefined) {
  return {
    /** Reads the spec by name, path or inline; the recorded result pins the run (design law 5). */
    resolveRun: (input: RunInput): Promise<ResolvedRun> =>
      asStep("resolve", observe, async step => {
        const checked = checkRunInput(input);
        const loaded = findSpec(checked.pipeline, config);
        const spec = resolveSpec(loaded, checked, config);
        const { source, secrets } = await openSource(spec, config);
        step.secrets.push(...secrets);
        const destination = createDestination(spec.destination);
        return {
          spec,
          queue: await diskQueueName(config.packageRoot),
          commits: destination.capabilities.commits,
          needs_staging: destination.capabilities.needs_staging,
          load_workflow_id: loadWorkflowId(spec, destination.identity.fingerprint),
          resources: planResources(spec, source),
          warnings: [...settingsNotes(spec.pipeline_name, config), ...(source.warnings ?? [])],
        };
      }),
  };
}

function findSpec(pipeline: RunInput["pipeline"], config: Config): LoadedSpec {
  if (typeof pipeline !== "string") return { document: pipeline };
  return loadSpec(pipeline, { ...config, only: config.cwd });
}

/** The lock of design law 6: one id per destination, dataset and pipeline. */
export function loadWorkflowId(spec: ResolvedPipeline, fingerprint: string): string {
  const place = createHash("sha256").update(fingerprint).digest("hex").slice(0, 8);
  return `load/${spec.destination.type}-${place}/${spec.dataset_name}/${spec.pipeline_name}`;
}
