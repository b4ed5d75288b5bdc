/** What workers say of themselves to the server, and so to each other: their identity, as the Temporal UI shows it. */
import { hostname } from "node:os";
import type { Config } from "../config";
import type { Destination } from "../destinations/destination";
import { findDestinationType } from "../destinations/registry";

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

/** The file that specs without a destination load into. */
export interface DefaultFile {
  destination: Destination;
  path: string;
  /** The variable that says where it is. */
  variable: string;
}

/** Undefined where specs without a destination do not load into a file. */
export function defaultFile(config: Config): DefaultFile | undefined {
  const type = findDestinationType(config.destination);
  const file = type?.defaultFile?.(config);
  if (type === undefined || file === undefined) return undefined;
  return { ...file, destination: type.create(type.resolve({ type: type.type }, config, undefined)) };
}

/** The place of that file. */
export async function defaultPlace(
  config: Config,
  told?: (note: string) => void,
): Promise<string | undefined> {
  return await defaultFile(config)?.destination.place?.(told);
}
