/** A pipeline's packages wherever they are: here, and on the host that the last load left them on. */
import type { WorkflowFailedError } from "@temporalio/client";
import { askHost, type LastLoad, lastLoad } from "../client/host-packages";
import type { Config } from "../config";
import { connectIfRunning } from "../connect";
import { datasetNames } from "../destinations/dataset-names";
import { createDestination } from "../destinations/registry";
import { loadWorkflowId } from "../load/load-workflow-id";
import { answerPackages } from "../package/answer";
import { hostQueues } from "../package/disk-queue";
import { TidemarkError } from "../pipeline/errors";
import type { HostQueues, LoadMemo, PackagesAnswer, PackagesRequest } from "../pipeline/infos";
import type { ResolvedPipeline } from "../pipeline/spec";
import { failureOf } from "./failure-of";

export interface FoundPackages {
  here: PackagesAnswer;
  /** The other host, when the last load left something there. */
  elsewhere?: {
    left: LoadMemo;
    host: HostQueues;
    answer?: PackagesAnswer /** Why it did not answer. */;
    why?: string;
  };
}

/**
 * Without a server that runs, only what is here.
 * @throws TidemarkError LOAD_RUNNING, PACKAGE_PARTLY_LOADED; WorkflowFailedError with what the other host refuses
 */
export async function findPackages(
  config: Config,
  spec: ResolvedPipeline,
  drop?: PackagesRequest["drop"],
): Promise<FoundPackages> {
  const { fingerprint } = createDestination(spec.destination).identity;
  const load_workflow_id = loadWorkflowId(spec, fingerprint);
  const asked = { pipeline_name: spec.pipeline_name, dataset: datasetNames(spec).dataset, fingerprint };
  const connected = await connectIfRunning(config);
  try {
    const last = connected && (await lastLoad(connected.client, load_workflow_id));
    if (drop !== undefined && last?.running) throw loadRunning(spec.pipeline_name, last);
    const server = await connected?.client.connection.workflowService.getClusterInfo({}).then(
      ({ clusterId }) => clusterId || undefined,
      () => undefined,
    );
    const own = { namespace: config.namespace, ...(server === undefined ? {} : { server }) };
    const here = await answerPackages({ root: config.packageRoot, ...asked }, own, drop);
    const left = last?.left;
    if (connected === undefined || left === undefined) return { here };
    if ((await hostQueues(config.packageRoot)).disk === left.host.disk) return { here };
    const { host } = left;
    try {
      const request = { host, ...asked, load_workflow_id, ...(drop === undefined ? {} : { drop }) };
      return {
        here,
        elsewhere: { left, host, answer: await askHost(connected.client, config.taskQueue, request) },
      };
    } catch (error) {
      const why = silence(error, host, config.taskQueue);
      if (why === undefined) throw error;
      return { here, elsewhere: { left, host, why } };
    }
  } finally {
    await connected?.close();
  }
}

/** Nobody answered, which is no refusal. */
function silence(error: unknown, host: HostQueues, taskQueue: string): string | undefined {
  if (error instanceof TidemarkError) return error.code === "QUEUE_NOT_SERVED" ? error.message : undefined;
  if ((error as Error).name !== "WorkflowFailedError") return undefined;
  const { ActivityFailure, TimeoutFailure } =
    require("@temporalio/common") as typeof import("@temporalio/common");
  const { cause } = error as WorkflowFailedError;
  if (cause instanceof ActivityFailure && cause.cause instanceof TimeoutFailure) {
    return `No worker of host ${host.host} answers (task queue ${host.lease}).`;
  }
  if (cause instanceof TimeoutFailure) {
    return (
      `The workers of task queue "${taskQueue}" did not carry the question: they are busy, or their workflow code lacks ` +
      'what `export * from "tidemark/workflows"` gives.'
    );
  }
  return failureOf(error).code === "TERMINATED" ? "The question was terminated." : undefined;
}

/** The package of a load that runs is not pending: it is in use, and chains of it may be committed already. */
function loadRunning(pipeline: string, { workflow_id, run, started }: LastLoad): TidemarkError {
  return new TidemarkError(
    "LOAD_RUNNING",
    `Pipeline "${pipeline}" is being loaded right now (workflow ${workflow_id}, since ${started.toISOString()}): its ` +
      `package is in use and is not dropped. Wait for the run, or cancel it (\`temporal workflow cancel --workflow-id ` +
      `${run}\`), then call this again.`,
  );
}
