/** What workers say of themselves to the server, and so to each other: their identity, as the Temporal UI shows it. */
import { hostname } from "node:os";
import type { Config } from "../config";
import { createDestination } from "../destinations/registry";
import type { DestinationSpec } from "../pipeline/spec";

/** @param place of the default destination's file, where it is one */
export function workerIdentity(kind: string, place: string | undefined): string {
  return `tidemark-${kind} ${process.pid}@${hostname()}${place === undefined ? "" : ` file ${place}`}`;
}

export function isThisProcess(identity: string): boolean {
  return identity.split(" ")[1] === `${process.pid}@${hostname()}`;
}

export function placeInIdentity(identity: string): string | undefined {
  return /^tidemark-\w+ \d+@\S+ file (\S+)$/.exec(identity)?.[1];
}

/** The place of the file that specs without a destination load into; undefined where that is no file. */
export async function defaultPlace(config: Config): Promise<string | undefined> {
  if (config.destination !== "duckdb") return undefined;
  const spec = { type: "duckdb", path: config.duckdbPath } as DestinationSpec;
  return await createDestination(spec).place?.();
}
