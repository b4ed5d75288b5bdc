/** Work on one host for as long as it lives (design law 10): a host that is busy is never taken for one that is gone. */
import { CancellationScope, CancelledFailure } from "@temporalio/workflow";
import type { HostQueues, ReservedPlace } from "../pipeline/infos";
import type { RetrySpec } from "../pipeline/spec";
import { leaseOptions } from "./activity-options";
import { callActivity } from "./call-activity";
import { endedByCancel } from "./together";

/** The host did not prove for its time-out that it lives. */
export class HostGone extends Error {
  constructor(readonly host: HostQueues) {
    super(`host ${host.host} (task queue ${host.disk}) does not answer any more`);
  }
}

/**
 * Runs `work` while an activity on the host's own queue keeps heartbeating. When that stops, the work's steps are
 * cancelled and waited for.
 * @param reservation of a load on its destination: kept up meanwhile
 * @throws HostGone, or what `work` throws
 */
export async function whileHostLives<T>(
  host: HostQueues,
  retry: RetrySpec,
  work: () => Promise<T>,
  reservation?: ReservedPlace,
): Promise<T> {
  const around = CancellationScope.current();
  const steps = new CancellationScope();
  const lease = new CancellationScope();
  let gone = false;
  const held = lease
    .run(() =>
      callActivity("holdHost", [reservation === undefined ? {} : { reservation }], leaseOptions(host, retry)),
    )
    .catch(() => {
      if (lease.consideredCancelled || around.consideredCancelled) return;
      gone = true;
      steps.cancel();
    });
  try {
    return await steps.run(work);
  } catch (error) {
    if (around.consideredCancelled) throw endedByCancel(error) ? new CancelledFailure("cancelled") : error;
    throw gone ? new HostGone(host) : error;
  } finally {
    lease.cancel();
    await held;
  }
}

/**
 * Runs `work` on a living host: on the first, or on another one once that is gone. Work that was begun is run again there,
 * and must not repeat what it has finished.
 * @param another asked for when a host is gone
 */
export async function onLivingHost(
  first: HostQueues,
  retry: RetrySpec,
  work: (host: HostQueues) => Promise<void>,
  another: (gone: HostGone) => Promise<HostQueues>,
): Promise<void> {
  for (let host = first; ; ) {
    try {
      return await whileHostLives(host, retry, () => work(host));
    } catch (error) {
      if (!(error instanceof HostGone)) throw error;
      host = await another(error);
    }
  }
}
