/** `tidemark abort-packages`: drop what a failed run left pending (dlt: drop_pending_packages). */
import { WorkflowNotFoundError } from "@temporalio/client";
import type { Config } from "../config";
import { connectIfRunning } from "../connect";
import { datasetNames } from "../destinations/dataset-names";
import { createDestination } from "../destinations/registry";
import { loadWorkflowId } from "../load/load-workflow-id";
import { hostQueues } from "../package/disk-queue";
import type { PackageRecord } from "../package/package-record";
import { abortPackages, unfinishedPackages, unreadableNotes } from "../package/packages";
import { TidemarkError } from "../pipeline/errors";
import type { LoadMemo } from "../pipeline/infos";
import { MEMO_LOAD } from "../pipeline/names";
import { describeOwner, isOfAnotherServer } from "../pipeline/package-base";
import { loadSpec } from "../spec/load-spec";
import { resolveSpec } from "../spec/resolve-spec";

export async function abortCommand(
  config: Config,
  pipeline: string,
  options: { force?: boolean },
): Promise<void> {
  const spec = resolveSpec(loadSpec(pipeline, config), {}, config);
  const { fingerprint } = createDestination(spec.destination).identity;
  const { last, server } = await lastLoad(config, loadWorkflowId(spec, fingerprint));
  if (last?.running) throw loadRunning(spec.pipeline_name, last);
  const scope = {
    root: config.packageRoot,
    pipeline_name: spec.pipeline_name,
    dataset: datasetNames(spec).dataset,
    fingerprint,
  };
  const own = { namespace: config.namespace, ...(server === undefined ? {} : { server }) };
  const keep = ({ owner }: PackageRecord) => options.force !== true && isOfAnotherServer(owner, own);
  const kept = (await unfinishedPackages(scope)).filter(keep);
  const dropped = await abortPackages(scope, { ...options, keep });
  for (const { load_id, owner } of kept) {
    console.log(
      `Left ${load_id}: ${describeOwner(owner!)} may be at it, and this command asks only namespace ${config.namespace} of its ` +
        "own server. Call it there, or with --force when nobody loads it.",
    );
  }
  for (const note of await unreadableNotes(config.packageRoot, spec.pipeline_name)) console.log(note);
  if (dropped.length > 0) {
    console.log(
      `Dropped ${dropped.join(", ")}: the cursor had not moved, so the next run extracts these rows again.`,
    );
    return;
  }
  const left = last?.left;
  const here = left !== undefined && (await hostQueues(config.packageRoot)).disk === left.host.disk;
  console.log(
    left === undefined || here
      ? "No package is pending."
      : `No package is pending on this host. The last load (${left.load_id}) did not complete, and what it left is on host ` +
          `${left.host.host} (task queue ${left.host.disk}): call this there, with the package root of its worker.`,
  );
}

/** As the server knows it. */
interface LastLoad {
  workflow_id: string;
  /** Workflow id of the run that it is of. */
  run: string;
  running: boolean;
  started: Date;
  /** Where its package is, when it did not complete. */
  left?: LoadMemo;
}

/** Nothing is known without a server, and of loads before the first. */
async function lastLoad(config: Config, workflowId: string): Promise<{ last?: LastLoad; server?: string }> {
  const connected = await connectIfRunning(config);
  if (connected === undefined) return {};
  try {
    const load = await connected.client.workflow
      .getHandle(workflowId)
      .describe()
      .catch(error => {
        if (error instanceof WorkflowNotFoundError) return undefined;
        throw error;
      });
    const server = await connected.client.connection.workflowService.getClusterInfo({}).then(
      ({ clusterId }) => clusterId || undefined,
      () => undefined,
    );
    if (load === undefined) return { server };
    const memo = load.memo?.[MEMO_LOAD] as LoadMemo | undefined;
    const left = load.status.name === "COMPLETED" || memo?.host === undefined ? {} : { left: memo };
    const run = load.parentExecution?.workflowId ?? workflowId;
    const running = load.status.name === "RUNNING";
    return { server, last: { workflow_id: workflowId, run, running, started: load.startTime, ...left } };
  } finally {
    await connected.close();
  }
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
