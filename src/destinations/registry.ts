/** Every destination there is, listed once. */
import { TidemarkError } from "../pipeline/errors";
import type { DestinationSpec } from "../pipeline/spec";
import { DATABRICKS } from "./databricks/databricks-destination";
import type { Destination, DestinationType } from "./destination";
import { DUCKDB } from "./duckdb/duckdb-destination";

const DESTINATION_TYPES: readonly DestinationType[] = [DUCKDB, DATABRICKS];

export const DESTINATION_NAMES: readonly string[] = DESTINATION_TYPES.map(destination => destination.type);

/** For a process that is about to end. */
export async function closeDestinations(): Promise<void> {
  await Promise.all(DESTINATION_TYPES.map(destination => destination.close?.()));
}

/** @throws TidemarkError SPEC_INVALID for a type that is not listed */
export function createDestination(spec: DestinationSpec): Destination {
  const type = DESTINATION_TYPES.find(destination => destination.type === spec.type);
  if (!type) {
    throw new TidemarkError(
      "SPEC_INVALID",
      `destination.type "${spec.type}" is not known; use one of ${DESTINATION_NAMES.join(", ")}.`,
    );
  }
  return type.create(spec);
}
