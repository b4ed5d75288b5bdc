/** Step extract of a load: one resource into the package, with the range that beginLoad decided. */
import type { DestinationCapabilities, DestinationIdentity } from "../destinations/destination";
import { extractResource } from "../extract/extract-resource";
import { checkEnd, incrementalRange } from "../extract/incremental";
import type { StartThread } from "../normalize/normalize-ahead";
import type { NormalizeLimits } from "../normalize/types";
import type { PackageRef } from "../package/layout";
import { TidemarkError } from "../pipeline/errors";
import type { ExtractResourceInfo, OnProgress } from "../pipeline/infos";
import type { ResolvedPipeline } from "../pipeline/spec";
import { applyResourceHints } from "../schema/hints";
import type { Source } from "../sources/source";
import { feedAhead } from "./ahead-of-normalize";
import { hintOptions, ownHints, primaryKeyOf } from "./effective-hints";
import { type ResourceStart, readBegun, readSchema } from "./plan-files";
import { wholeStep } from "./whole-source";

export interface ExtractStepArgs {
  ref: PackageRef;
  spec: ResolvedPipeline;
  source: Source;
  capabilities: DestinationCapabilities;
  resource: string;
  /** Unique per call (design law 2). */
  attempt: string;
  segment_bytes?: number;
  /** Rows may be normalized while they come, as for this destination and within these limits. */
  ahead?: { identity: DestinationIdentity; limits: NormalizeLimits; start?: StartThread };
  signal: AbortSignal;
  /** Aborted when the worker is asked to stop: the step ends after the page that is under way. */
  stopping?: AbortSignal;
  onProgress: OnProgress;
}

/** @throws TidemarkError as extractResource; CONTRACT_VIOLATION at the first row of a refused table */
export async function extractStep(args: ExtractStepArgs): Promise<ExtractResourceInfo> {
  const { ref, spec } = args;
  const resource = args.source.resources.find(one => one.name === args.resource);
  const begun = await readBegun(ref);
  const start = begun.resources.find(one => one.name === args.resource);
  if (start?.whole !== undefined && args.source.whole !== undefined)
    return await wholeStep(args, begun, start.whole);
  if (resource === undefined || start === undefined) {
    throw new TidemarkError("INTERNAL", `Resource "${args.resource}" is not part of load ${ref.load_id}.`);
  }
  const incremental = rangeOf(start);
  const schema = start.selected ? await readSchema(ref) : undefined;
  const { ahead } = args;
  const aheadArgs = ahead && start.selected ? { ...args, ...ahead } : undefined;
  return extractResource({
    ref,
    resource,
    dedup_key: primaryKeyOf(spec, resource),
    attempt: args.attempt,
    ...(incremental === undefined ? {} : { incremental }),
    http_attempts: spec.retry.http_attempts,
    ...(args.segment_bytes === undefined ? {} : { segment_bytes: args.segment_bytes }),
    ...(aheadArgs === undefined ? {} : { onSafe: segments => void feedAhead(aheadArgs, segments) }),
    onFirstRows: () => {
      if (schema !== undefined)
        applyResourceHints(schema, resource.name, ownHints(spec, resource), hintOptions(args, resource));
    },
    signal: args.signal,
    ...(args.stopping === undefined ? {} : { stopping: args.stopping }),
    onProgress: args.onProgress,
  });
}

function rangeOf({ incremental }: ResourceStart) {
  if (incremental === undefined) return undefined;
  const { config, stored } = incremental;
  const range = incrementalRange(config, stored);
  checkEnd(range);
  return { range, stored };
}
