/** All activities, as a factory over explicit dependencies; workflows import its type only. */
import type { Config } from "../config";
import type { Observe } from "./heartbeats";
import { loadActivities } from "./load-steps";
import { resolveActivities } from "./resolve";
import { transformActivities } from "./transform-steps";

/** For a worker that ends: what its activities kept open between steps. */
export { closeDestinations } from "../destinations/registry";

export interface ActivityDependencies {
  config: Config;
  /** Sees every progress event; the fault tests end the process at a chosen one. */
  observe?: Observe;
}

export function createActivities({ config, observe }: ActivityDependencies) {
  return {
    ...resolveActivities(config, observe),
    ...loadActivities(config, observe),
    ...transformActivities(config, observe),
  };
}

export type Activities = ReturnType<typeof createActivities>;
