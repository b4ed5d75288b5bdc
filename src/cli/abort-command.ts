/** `tidemark abort-packages`: drop what a failed run left pending (dlt: drop_pending_packages). */
import { WorkflowNotFoundError } from "@temporalio/client";
import { connectIfRunning } from "../client";
import type { Config } from "../config";
import { datasetNames } from "../destinations/dataset-names";
import { createDestination } from "../destinations/registry";
import { loadWorkflowId } from "../load/load-workflow-id";
import { abortPackages, unreadableNotes } from "../package/packages";
import { TidemarkError } from "../pipeline/errors";
import { loadSpec } from "../spec/load-spec";
import { resolveSpec } from "../spec/resolve-spec";

export async function abortCommand(
  config: Config,
  pipeline: string,
  options: { force?: boolean },
): Promise<void> {
  const spec = resolveSpec(loadSpec(pipeline, config), {}, config);
  const { fingerprint } = createDestination(spec.destination).identity;
  await refuseWhileLoading(config, spec.pipeline_name, loadWorkflowId(spec, fingerprint));
  const scope = {
    root: config.packageRoot,
    pipeline_name: spec.pipeline_name,
    dataset: datasetNames(spec).dataset,
    fingerprint,
  };
  const dropped = await abortPackages(scope, options);
  for (const note of await unreadableNotes(config.packageRoot, spec.pipeline_name)) console.log(note);
  console.log(
    dropped.length === 0
      ? "No package is pending."
      : `Dropped ${dropped.join(", ")}: the cursor had not moved, so the next run extracts these rows again.`,
  );
}

/**
 * The package of a load that runs is not pending: it is in use, and chains of it may be committed already.
 * @throws TidemarkError LOAD_RUNNING
 */
async function refuseWhileLoading(config: Config, pipeline: string, workflowId: string): Promise<void> {
  const connected = await connectIfRunning(config);
  if (connected === undefined) return;
  try {
    const load = await connected.client.workflow
      .getHandle(workflowId)
      .describe()
      .catch(error => {
        if (error instanceof WorkflowNotFoundError) return undefined;
        throw error;
      });
    if (load?.status.name !== "RUNNING") return;
    throw new TidemarkError(
      "LOAD_RUNNING",
      `Pipeline "${pipeline}" is being loaded right now (workflow ${workflowId}, since ${load.startTime.toISOString()}): its ` +
        `package is in use and is not dropped. Wait for the run, or cancel it (\`temporal workflow cancel --workflow-id ` +
        `${pipeline}\`), then call this again.`,
    );
  } finally {
    await connected.close();
  }
}
