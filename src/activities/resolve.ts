/** Step resolve: the spec, validated and pinned for this run. */
import type { Config } from "../config";
import { createDestination } from "../destinations/registry";
import { requireReadableMetrics } from "../gate/check-metrics";
import { loadWorkflowId } from "../load/load-workflow-id";
import type { ResolvedRun } from "../pipeline/infos";
import { WORKFLOW_LOAD } from "../pipeline/names";
import type { RunInput } from "../pipeline/spec";
import { settingsNotes } from "../spec/dlt-settings";
import { type LoadedSpec, loadSpec } from "../spec/load-spec";
import { describeSource, openSource } from "../spec/open-source";
import { packSpec } from "../spec/packed-spec";
import { planResources } from "../spec/plan-resources";
import { resolveSpec } from "../spec/resolve-spec";
import { checkRunInput } from "../spec/run-input";
import { chooseHost } from "./choose-host";
import { asStep, type StepOptions } from "./heartbeats";
import { ownQueues } from "./hosts";
import { failingFindable, registeredSearchAttributes } from "./search-attributes";
import { prepareDbt } from "./transform-steps";

export function resolveActivities(
  config: Config,
  options: StepOptions & { servesHost: boolean; loadWorkflow?: () => string },
) {
  return {
    /** Reads the spec by name, path or inline; the recorded result pins the run (design law 5). */
    resolveRun: (input: RunInput): Promise<ResolvedRun> =>
      failingFindable(
        asStep({ step: "resolve", ...asked(input) }, options, async step => {
          const checked = checkRunInput(input);
          const loaded = findSpec(checked.pipeline, config);
          const resolved = resolveSpec(loaded, checked, config);
          const onWait = (phase: string) => step.onProgress({ step: "resolve", phase });
          const { spec, secrets: asked } = await describeSource(resolved, config, {
            signal: step.signal,
            onWait,
          });
          step.secrets.push(...asked);
          const { source, secrets } = await openSource(spec, config);
          step.secrets.push(...secrets);
          if (options.servesHost) prepareDbt(spec, config);
          const destination = createDestination(spec.destination);
          await requireReadableMetrics(spec, destination);
          const host = await ownQueues(config, options.servesHost);
          const load_workflow = options.loadWorkflow?.() ?? WORKFLOW_LOAD;
          const load = loadWorkflowId(spec, destination.identity.fingerprint);
          const { notes, ...chosen } = await chooseHost(config, destination, host, load);
          return {
            spec: packSpec(spec),
            queue: host.disk,
            host,
            ...chosen,
            commits: destination.capabilities.commits,
            needs_staging: destination.capabilities.needs_staging,
            load_workflow_id: load,
            ...(load_workflow === WORKFLOW_LOAD ? {} : { load_workflow }),
            search_attributes: await registeredSearchAttributes(),
            resources: planResources(spec, source),
            warnings: [...settingsNotes(spec.pipeline_name, config), ...(source.warnings ?? []), ...notes],
          };
        }),
      ),
  };
}

function findSpec(pipeline: RunInput["pipeline"], config: Config): LoadedSpec {
  if (typeof pipeline !== "string") return { document: pipeline };
  return loadSpec(pipeline, { ...config, only: config.cwd });
}

const asked = (input: RunInput): { pipeline?: string } =>
  typeof input?.pipeline === "string" ? { pipeline: input.pipeline } : {};
