/**
 * Which package of this process is normalized while it is extracted. One at a time: each costs a thread and the memory
 * of a normalize step. It may come to nothing at any moment; then the step does its work as if there had been none.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { DestinationCapabilities, DestinationIdentity } from "../destinations/destination";
import type { Segment } from "../extract/segments";
import { NormalizeAhead, type StartThread, threadStarter } from "../normalize/normalize-ahead";
import type { NormalizeLimits, NormalizeOutput } from "../normalize/types";
import { normalizeAttemptFolder, type PackageRef, packageFolder, resourceFolder } from "../package/layout";
import type { ResolvedPipeline } from "../pipeline/spec";
import type { Source } from "../sources/source";
import { expectedInput } from "./finish-extract";
import { readBegun, readSchema } from "./plan-files";

/** Fewer bytes of rows are normalized sooner than a thread has started. */
export const WORTH_A_THREAD_BYTES = 4 * 1024 * 1024;
/** Nobody has fed or asked for it for this long: its run is elsewhere, waits or is over. */
const FORGOTTEN_AFTER_MS = 60_000;

export interface AheadArgs {
  ref: PackageRef;
  spec: ResolvedPipeline;
  source: Source;
  capabilities: DestinationCapabilities;
  identity: DestinationIdentity;
  limits: NormalizeLimits;
  resource: string;
  /** Of the extraction; names the folder of what comes of it. */
  attempt: string;
  start?: StartThread;
}

interface Held {
  package: string;
  resource: string;
  attempt: string;
  ahead: NormalizeAhead;
  forget: NodeJS.Timeout;
}

let held: Held | undefined;
let starting = false;

/** Called after every page that is safe, with all segments so far. Never throws, and nobody waits for it. */
export async function feedAhead(args: AheadArgs, segments: readonly Segment[]): Promise<void> {
  try {
    if (held?.package === packageFolder(args.ref) && held.resource === args.resource) {
      const folder = resourceFolder(args.ref, args.resource);
      const safe = segments.map(segment => ({ ...segment, path: join(folder, segment.path) }));
      // Another attempt of the extraction may have begun anew.
      if (held.ahead.feed(safe)) held.forget.refresh();
      else await drop(held);
      return;
    }
    const bytes = segments.reduce((sum, segment) => sum + segment.bytes, 0);
    if (held !== undefined || starting || bytes < WORTH_A_THREAD_BYTES) return;
    const start = args.start ?? threadStarter();
    if (start === undefined) return;
    starting = true;
    try {
      await begin(args, start);
    } finally {
      starting = false;
    }
  } catch {
    // The step has the error, if there is one.
    if (held !== undefined) await drop(held).catch(() => {});
  }
}

async function begin(args: AheadArgs, start: StartThread): Promise<void> {
  const { ref, resource } = args;
  const attempt = `ahead-${args.attempt}`;
  const expected = expectedInput(args, await readBegun(ref), await readSchema(ref), resource);
  if (expected === undefined) return;
  const out_dir = normalizeAttemptFolder(ref, attempt);
  await mkdir(out_dir, { recursive: true });
  const { limits, capabilities } = args;
  const ahead = new NormalizeAhead(
    { load_id: ref.load_id, ...expected, out_dir, limits, capabilities },
    start,
  );
  const own: Held = {
    package: packageFolder(ref),
    resource,
    attempt,
    ahead,
    forget: setTimeout(() => void drop(own).catch(() => {}), FORGOTTEN_AFTER_MS),
  };
  own.forget.unref();
  held = own;
}

async function drop(one: Held): Promise<void> {
  if (held === one) held = undefined;
  clearTimeout(one.forget);
  await one.ahead.dispose();
}

/**
 * What was made ahead for this package, if it is what the step would make, and the name of its attempt. Whoever asks
 * first has it.
 * @throws the reason of the input's signal when it is aborted
 */
export async function takeAhead(
  ref: PackageRef,
  input: Parameters<NormalizeAhead["finish"]>[0],
): Promise<{ output: NormalizeOutput; attempt: string } | undefined> {
  const one = held;
  if (one === undefined || one.package !== packageFolder(ref)) return undefined;
  held = undefined;
  clearTimeout(one.forget);
  const output = await one.ahead.finish(input);
  return output && { output, attempt: one.attempt };
}
