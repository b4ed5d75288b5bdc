/** Hosts: which of them a run belongs to, and the proof that one lives (design laws 6 and 10). */
import { Context } from "@temporalio/activity";
import type { Config } from "../config";
import { createDestination } from "../destinations/registry";
import { hostQueues } from "../package/disk-queue";
import { TidemarkError } from "../pipeline/errors";
import type { HostQueues } from "../pipeline/infos";
import type { ResolvedPipeline } from "../pipeline/spec";
import { asStep, type StepOptions } from "./heartbeats";
import { requireServed } from "./served-queues";

const PROOF_EVERY_MS = 2_000;

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
     */
    holdHost: async (): Promise<void> => {
      const { heartbeat, sleep } = Context.current();
      for (;;) {
        heartbeat();
        await sleep(PROOF_EVERY_MS);
      }
    },

    /** Answers with the queues of the host that took the task, when it can do the work. */
    pickHost: ({ spec, place }: HostRequest): Promise<HostQueues> =>
      asStep("resolve", options, async () => {
        await requirePlace(spec, place);
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
      "file. The step waits until a worker on the right host takes it; start one there, or move the destination with " +
      "the folder beside it and run again.",
  );
}
