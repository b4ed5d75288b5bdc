/** Speaks for this host's package folder: for `state` and `abort-packages` on another machine. */
import { Context } from "@temporalio/activity";
import type { Config } from "../config";
import { answerPackages } from "../package/answer";
import { TidemarkError } from "../pipeline/errors";
import type { PackagesAnswer, PackagesRequest } from "../pipeline/infos";
import { asStep, type StepOptions } from "./heartbeats";
import { runOfThisTask } from "./hosts";

export function packageActivities(config: Config, options: StepOptions) {
  return {
    hostPackages: (request: PackagesRequest): Promise<PackagesAnswer> =>
      asStep({ step: "load", pipeline: request.pipeline_name }, options, async () => {
        const { pipeline_name, dataset, fingerprint, drop } = request;
        if (drop !== undefined) await refuseWhileLoading(request);
        const owner = await runOfThisTask();
        const own = { namespace: config.namespace, ...(owner?.server ? { server: owner.server } : {}) };
        return await answerPackages(
          { root: config.packageRoot, pipeline_name, dataset, fingerprint },
          own,
          drop,
        );
      }),
  };
}

/** Asked here too: one may have started since the command looked. @throws TidemarkError LOAD_RUNNING */
async function refuseWhileLoading({ load_workflow_id, pipeline_name }: PackagesRequest): Promise<void> {
  const load = await Context.current()
    .client.workflow.getHandle(load_workflow_id)
    .describe()
    .catch(() => undefined);
  if (load?.status.name !== "RUNNING") return;
  throw new TidemarkError(
    "LOAD_RUNNING",
    `Pipeline "${pipeline_name}" is being loaded right now (workflow ${load_workflow_id}): its package is in use and is not ` +
      "dropped. Wait for the run, or cancel it, then call this again.",
  );
}
