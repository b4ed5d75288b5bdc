/** The one place where workflows call activities: under which type, on whose task queue, with which time-outs. */
import { type ActivityOptions, patched, proxyActivities } from "@temporalio/workflow";
import type { Activities } from "../activities";
import { ACTIVITY_PREFIX, UNPREFIXED_ACTIVITIES } from "../pipeline/names";
import type { RetrySpec } from "../pipeline/spec";
import { type ActivityName, optionsFor, type StepPlace } from "./activity-options";

interface Call {
  executeWithOptions(options: ActivityOptions, args: unknown[]): Promise<unknown>;
}

const proxy = proxyActivities({ startToCloseTimeout: "1 minute" }) as unknown as { [type: string]: Call };

/** Patch of the workflows that call activities by the prefix. */
const PREFIXED = "activity-prefix";
/** Decided at the first call, for the whole execution: modules are a workflow execution's own. */
let prefixed: boolean | undefined;

export async function callActivity<N extends keyof Activities>(
  name: N,
  args: Parameters<Activities[N]>,
  options: ActivityOptions,
): Promise<Awaited<ReturnType<Activities[N]>>> {
  prefixed ??= patched(PREFIXED);
  const type = prefixed || !UNPREFIXED_ACTIVITIES.includes(name) ? ACTIVITY_PREFIX + name : name;
  return (await proxy[type]!.executeWithOptions(options, args)) as Awaited<ReturnType<Activities[N]>>;
}

export async function callStep<N extends ActivityName & keyof Activities>(
  name: N,
  args: Parameters<Activities[N]>,
  retry: RetrySpec,
  place: StepPlace,
): Promise<Awaited<ReturnType<Activities[N]>>> {
  return await callActivity(name, args, optionsFor(name, retry, place));
}
