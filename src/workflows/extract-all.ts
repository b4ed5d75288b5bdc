/** Step extract of workflow `load`: the resources of one package, each an activity. */
import type { ExtractResourceInfo, OpenedLoad } from "../pipeline/infos";
import type { LoadProgress } from "./progress";
import { type Pause, Slots, togetherOrNone } from "./together";

export type Extract = (name: string, parent?: string) => Promise<ExtractResourceInfo>;

/** Resources at the same time, unless the spec says otherwise. A host has slots for several such runs. */
const PARALLEL = 8;

/**
 * Independent resources at the same time, as many as the run may; a child as soon as its parent is complete. The first
 * failure stops the others, a pause all that run: they go on after their last safe page.
 */
export async function extractAll(
  opened: OpenedLoad,
  progress: LoadProgress,
  extract: Extract,
  { pause, parallel = PARALLEL }: { pause: Pause; parallel?: number },
): Promise<void> {
  // Histories of before have neither bound nor pause here.
  if (opened.host === undefined) return await allAtOnce(opened, progress, extract);
  const done = new Set<string>();
  await pause.interrupts(async () => {
    const slots = new Slots(parallel);
    await togetherOrNone(() =>
      inOrder(opened, async (name, parent) => {
        if (done.has(name)) return;
        await slots.during(async () => {
          progress.extracting(name);
          progress.extracted(await extract(name, parent));
        });
        done.add(name);
      }),
    );
  });
}

async function allAtOnce(opened: OpenedLoad, progress: LoadProgress, extract: Extract): Promise<void> {
  const running = inOrder(opened, async (name, parent) => {
    progress.extracting(name);
    progress.extracted(await extract(name, parent));
  });
  const settled = await Promise.allSettled(running);
  const failed = settled.find(result => result.status === "rejected");
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
}

/** Begins all; a child's work begins when its parent's has ended well. */
function inOrder(
  { resources }: OpenedLoad,
  work: (name: string, parent?: string) => Promise<void>,
): Promise<void>[] {
  const running = new Map<string, Promise<void>>();
  for (const { name, parent } of resources) {
    const before = parent === undefined ? undefined : running.get(parent);
    running.set(
      name,
      (async () => {
        await before;
        await work(name, parent);
      })(),
    );
  }
  return [...running.values()];
}
