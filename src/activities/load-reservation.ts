/** A load's reservation on its destination: taken when it opens, renewed while its host lives, given back at its end. */
import { setTimeout as sleep } from "node:timers/promises";
import { datasetNames } from "../destinations/dataset-names";
import type { Destination, LoadReservation, LoadReservations } from "../destinations/destination";
import { TidemarkError } from "../pipeline/errors";
import type { OnProgress, ReservedPlace } from "../pipeline/infos";
import { describeOwner, type PackageOwner } from "../pipeline/package-base";
import type { ResolvedPipeline } from "../pipeline/spec";

const ASK_EVERY_MS = 1_000;

/** Undefined where the destination keeps no reservations. */
export function reservedPlace(
  spec: ResolvedPipeline,
  { reservations }: Destination,
): ReservedPlace | undefined {
  if (reservations === undefined) return undefined;
  const { destination, pipeline_name } = spec;
  return { destination, dataset: datasetNames(spec).dataset, pipeline_name };
}

export function reservationOf(
  { dataset, pipeline_name }: ReservedPlace,
  owner: PackageOwner,
): LoadReservation {
  return { ...owner, dataset, pipeline_name };
}

/**
 * Opens a load under its reservation, which stays when that succeeds: the load's steps come now.
 * @throws TidemarkError LOAD_RUNNING; what `open` throws, and then nobody has to wait for the reservation to be void
 */
export async function withReservation<T>(
  reservations: LoadReservations,
  reservation: LoadReservation,
  spec: Pick<ResolvedPipeline, "on_busy">,
  step: { signal: AbortSignal; onProgress: OnProgress },
  open: () => Promise<T>,
): Promise<T> {
  await takeReservation(reservations, reservation, spec, step);
  try {
    return await open();
  } catch (error) {
    await reservations.release(reservation).catch(() => undefined);
    throw error;
  }
}

/**
 * Waits for a load of another namespace, server or project, or is refused, as the spec says.
 * @throws TidemarkError LOAD_RUNNING, which names the holder; the signal's reason when aborted
 */
async function takeReservation(
  reservations: LoadReservations,
  reservation: LoadReservation,
  spec: Pick<ResolvedPipeline, "on_busy">,
  step: { signal: AbortSignal; onProgress: OnProgress },
): Promise<void> {
  for (;;) {
    const holder = await reservations.take(reservation);
    if (holder === undefined) return;
    const who = describeOwner(holder);
    if (spec.on_busy === "fail") {
      throw new TidemarkError(
        "LOAD_RUNNING",
        `Pipeline "${reservation.pipeline_name}" is being loaded into "${reservation.dataset}" by ${who}, and \`on_busy\` is "fail": ` +
          "nothing was begun. Run again when that load is done.",
      );
    }
    step.onProgress({
      step: "extract",
      subject: reservation.pipeline_name,
      phase: `waiting for another load: ${who}`,
    });
    await sleep(ASK_EVERY_MS, undefined, { signal: step.signal }).catch(() => undefined);
    step.signal.throwIfAborted();
  }
}
