/** Every destination there is, listed once. */
import { TidemarkError } from "../pipeline/errors";
import type { DestinationSpec } from "../pipeline/spec";
import { DATABRICKS } from "./databricks/databricks-destination";
import type { Destination, DestinationType } from "./destination";
import { DUCKDB } from "./duckdb/duckdb-destination";
import { POSTGRES } from "./postgres/postgres-destination";

export const DESTINATION_TYPES: readonly DestinationType[] = [DUCKDB, DATABRICKS, POSTGRES];

export const DESTINATION_NAMES: readonly string[] = DESTINATION_TYPES.map(destination => destination.type);

/** For a process that is about to end. */
export async function closeDestinations(): Promise<void> {
  await Promise.all(DESTINATION_TYPES.map(destination => destination.close?.()));
}

export function findDestinationType(type: string): DestinationType | undefined {
  return DESTINATION_TYPES.find(destination => destination.type === type);
}

/** @throws TidemarkError SPEC_INVALID for a type that is not listed */
export function destinationType(type: string): DestinationType {
  const found = findDestinationType(type);
  if (found !== undefined) return found;
  throw new TidemarkError(
    "SPEC_INVALID",
    `destination.type "${type}" is not known; use one of ${DESTINATION_NAMES.join(", ")}.`,
  );
}

/** @throws TidemarkError SPEC_INVALID for a type that is not listed */
export function createDestination(spec: DestinationSpec): Destination {
  return destinationType(spec.type).create(spec);
}
