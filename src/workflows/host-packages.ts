/** Workflow `hostPackages`: carries a question about packages to the host that holds them, and its answer back. */
import { ApplicationFailure, setWorkflowOptions } from "@temporalio/workflow";
import type { PackagesAnswer, PackagesRequest } from "../pipeline/infos";
import { askOptions } from "./activity-options";
import { callActivity } from "./call-activity";
import { coded, PROGRAMMING_ERRORS } from "./unexpected";

export async function hostPackages(request: PackagesRequest): Promise<PackagesAnswer> {
  return await coded("load", async () => {
    const { host, pipeline_name, dataset, fingerprint, load_workflow_id } = request ?? {};
    const texts = [host?.host, host?.lease, pipeline_name, dataset, fingerprint, load_workflow_id];
    if (!texts.every(text => typeof text === "string" && text !== "")) {
      throw ApplicationFailure.nonRetryable(
        'Workflow "hostPackages" is started by `tidemark state` and `tidemark abort-packages`; call those.',
        "SPEC_INVALID",
      );
    }
    return await callActivity("hostPackages", [request], askOptions(host));
  });
}

setWorkflowOptions({ failureExceptionTypes: PROGRAMMING_ERRORS }, hostPackages);
