/** Step resolve: the spec, validated and pinned for this run. */
import { createHash } from "node:crypto";
import type { Config } from "../config";
import { createDestination } from "../destinations/registry";
import { diskQueueName } from "../package/disk-queue";
import { TidemarkError } from "../pipeline/errors";
import type { ResolvedRun } from "../pipeline/infos";
import type { ResolvedPipeline, RunInput } from "../pipeline/spec";
import { settingsNotes } from "../spec/dlt-settings";
import { type LoadedSpec, loadSpec } from "../spec/load-spec";
import { openSource } from "../spec/open-source";
import { planResources } from "../spec/plan-resources";
import { resolveSpec } from "../spec/resolve-spec";
import { checkRunInput } from "../spec/run-input";
import { asStep, type Observe } from "./heartbeats";

/** Temporal takes ids of 1000 bytes. */
const LONGEST_ID = 900;
/** Temporal takes 2 MB per payload, and beside the spec stands the pipeline's state. */
const LARGEST_SPEC = 1_000_000;

export function resolveActivities(config: Config, observe: Observe | undefined) {
  return {
    /** Reads the spec by name, path or inline; the recorded result pins the run (design law 5). */
    resolveRun: (input: RunInput): Promise<ResolvedRun> =>
      asStep("resolve", observe, async step => {
        const checked = checkRunInput(input);
        const loaded = findSpec(checked.pipeline, config);
        const spec = resolveSpec(loaded, checked, config);
        refuseHugeSpec(spec);
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
          warnings: settingsNotes(spec.pipeline_name, config),
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
  const place = digest(fingerprint, 8);
  const names = `${spec.dataset_name}/${spec.pipeline_name}`;
  const id = `load/${spec.destination.type}-${place}/${names}`;
  return Buffer.byteLength(id) <= LONGEST_ID
    ? id
    : `load/${spec.destination.type}-${place}/${digest(names, 40)}`;
}

const digest = (text: string, length: number): string =>
  createHash("sha256").update(text).digest("hex").slice(0, length);

/** The resolved spec is recorded in history, and the load's workflow is started with it. */
function refuseHugeSpec(spec: ResolvedPipeline): void {
  const bytes = Buffer.byteLength(JSON.stringify(spec));
  if (bytes <= LARGEST_SPEC) return;
  throw new TidemarkError(
    "SPEC_INVALID",
    `The resolved spec has ${bytes} bytes; a run's history takes ${LARGEST_SPEC}. Split the pipeline, or keep long lists and texts in a file that a code source reads.`,
  );
}
