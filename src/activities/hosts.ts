/** Hosts: which of them a run belongs to, and the proof that one lives (design laws 6 and 10). */
import { hostname } from "node:os";
import { CancelledFailure, CompleteAsyncError, Context } from "@temporalio/activity";
import type { Client } from "@temporalio/client";
import type { Config } from "../config";
import { createDestination } from "../destinations/registry";
import { hostQueues } from "../package/disk-queue";
import { TidemarkError } from "../pipeline/errors";
import type { HostQueues, ReservedPlace } from "../pipeline/infos";
import type { PackageOwner } from "../pipeline/package-base";
import type { ResolvedPipeline } from "../pipeline/spec";
import { unpackSpec } from "../spec/packed-spec";
import { findHolder } from "./choose-host";
import { asStep, type StepOptions } from "./heartbeats";
import { reservationOf } from "./load-reservation";
import { requireServed } from "./served-queues";

const PROOF_EVERY_MS = 2_000;
/** Between two tries to meet the right host. */
const ELSEWHERE_MS = 15_000;

export interface HostRequest {
  spec: ResolvedPipeline;
  /** The destination's place, where it has one. */
  place?: string;
}

export function hostActivities(config: Config, options: StepOptions & { servesHost: boolean }) {
  return {
    /**
     * Runs for as long as its host is needed, and does nothing but heartbeat: when the heartbeats stop, the host is
     * gone. It has a task queue of its own, so a host with too much to do never counts as dead.
     * @param reservation of a load on its destination: kept up meanwhile
     */
    holdHost: async ({ reservation: place }: { reservation?: ReservedPlace } = {}): Promise<void> => {
      const { heartbeat, sleep, info } = Context.current();
      const every = Math.min(PROOF_EVERY_MS, (info.heartbeatTimeoutMs ?? PROOF_EVERY_MS * 3) / 3);
      const owner = await runOfThisTask();
      const reservations = place && createDestination(place.destination).reservations;
      const reservation = reservations && owner && reservationOf(place, owner);
      const stop = deferred();
      options.stopping?.addEventListener("abort", stop.now);
      try {
        while (!options.stopping?.aborted) {
          heartbeat();
          // A reservation is a courtesy: trouble with it must not end the proof that the host lives.
          if (reservation) await reservations.renew(reservation).catch(() => undefined);
          await Promise.race([sleep(every), stop.promise]);
        }
      } catch (error) {
        if (!(error instanceof CancelledFailure)) throw error;
      } finally {
        options.stopping?.removeEventListener("abort", stop.now);
        // A worker that only stops leaves it to the next one of its host, or to its time.
        if (reservation && !options.stopping?.aborted)
          await reservations.release(reservation).catch(() => undefined);
      }
      // Nobody waits for an answer, and mostly the workflow has closed by now: the SDK would complain that nobody does.
      // Where a worker only stops, the missing heartbeats hand the proof on to another of its host.
      throw new CompleteAsyncError();
    },

    /** Where a load that failed left its package, if it did. */
    findHolder: ({ load_workflow_id }: { load_workflow_id: string }): Promise<{ holder?: HostQueues }> =>
      asStep({ step: "resolve" }, options, async () => {
        const holder = await findHolder(config, load_workflow_id);
        return holder === undefined ? {} : { holder };
      }),

    /** Answers with the queues of the host that took the task, when it can do the work. */
    pickHost: ({ spec, place }: HostRequest): Promise<HostQueues> =>
      asStep({ step: "resolve", pipeline: spec.pipeline_name }, options, async () => {
        await requirePlace(unpackSpec(spec), place);
        return await ownQueues(config, options.servesHost);
      }),
  };
}

/** This host's queues. @throws TidemarkError QUEUE_NOT_SERVED when steps sent there would wait for ever */
export async function ownQueues(config: Config, served: boolean): Promise<HostQueues> {
  const queues = await hostQueues(config.packageRoot);
  if (!served) {
    const { client, info } = Context.current();
    await requireServed(client, config.namespace, queues.lease, info.currentAttemptScheduledTimestampMs);
  }
  return queues;
}

/** @throws TidemarkError DESTINATION_ELSEWHERE when this host sees another disk */
export async function requirePlace(spec: ResolvedPipeline, place: string | undefined): Promise<void> {
  if (place === undefined) return;
  const { place: find, identity } = createDestination(spec.destination);
  const here = await find?.();
  if (here === place) return;
  throw new TidemarkError(
    "DESTINATION_ELSEWHERE",
    `The destination ${identity.fingerprint} of this run lies on another host than this one, where that path is another ` +
      "file. The step waits for hours until a worker on the right host takes it; start one there. For a file that was " +
      "moved here: cancel this run and start it again.",
    { retryAfterMs: ELSEWHERE_MS },
  );
}

/** The workflow run that this task is of: the package is its own. */
export async function runOfThisTask(): Promise<PackageOwner | undefined> {
  const { client, info } = Context.current();
  const { workflowExecution, namespace } = info;
  if (workflowExecution === undefined) return undefined;
  const { workflowId, runId } = workflowExecution;
  const server = await clusterId(client);
  return {
    workflow_id: workflowId,
    run_id: runId,
    namespace,
    host: hostname(),
    ...(server === undefined ? {} : { server }),
  };
}

const clusters = new WeakMap<object, string>();
/** Who is asked may be away, and a step must not wait for it. */
const CLUSTER_DEADLINE_MS = 5_000;

/** Two servers may call their namespaces alike. Undefined where the server does not tell, or not now. */
async function clusterId({ connection }: Client): Promise<string | undefined> {
  const known = clusters.get(connection);
  if (known !== undefined) return known;
  try {
    const { clusterId: id } = await connection.withDeadline(Date.now() + CLUSTER_DEADLINE_MS, () =>
      connection.workflowService.getClusterInfo({}),
    );
    if (id) clusters.set(connection, id);
    return id || undefined;
  } catch {
    return undefined;
  }
}

function deferred(): { promise: Promise<void>; now: () => void } {
  let now = () => {};
  const promise = new Promise<void>(done => {
    now = () => done();
  });
  return { promise, now };
}
