/** All activities, as a factory over explicit dependencies; workflows import its type only. */
import type { Config } from "../config";
import type { StepOptions } from "./heartbeats";
import { packageActivities } from "./host-packages";
import { hostActivities } from "./hosts";
import { loadActivities } from "./load-steps";
import { notifyActivities } from "./notify";
import { publishActivities } from "./publish-steps";
import { resolveActivities } from "./resolve";
import { transformActivities } from "./transform-steps";

/** For a worker that ends: what its activities kept open between steps. */
export { closeDestinations } from "../destinations/registry";

/** Ends the dbt that waits for the next command. */
export { closeWarmDbt } from "../transform/warm-dbt";

/** How workers name themselves: others read there which file they have. */
export { defaultPlace, workerIdentity } from "./identity";

export interface ActivityDependencies extends StepOptions {
  config: Config;
  /** A worker of this process serves the queues of this disk; without, it is looked up before steps are sent there. */
  servesHost?: boolean;
  /** Under which name the worker's code exports workflow `load`; undefined: under its own. */
  loadWorkflow?: () => string;
}

export function createActivities({
  config,
  servesHost = false,
  loadWorkflow,
  ...step
}: ActivityDependencies) {
  const options = { ...step, servesHost };
  return {
    ...resolveActivities(config, { ...options, loadWorkflow }),
    ...hostActivities(config, options),
    ...packageActivities(config, options),
    ...loadActivities(config, options),
    ...transformActivities(config, options),
    ...notifyActivities(config, options),
    ...publishActivities(config, options),
  };
}

export type Activities = ReturnType<typeof createActivities>;
