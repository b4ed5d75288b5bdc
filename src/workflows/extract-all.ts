/** Step extract of workflow `load`: the resources of one package, each an activity. */
import type { ExtractResourceInfo, OpenedLoad } from "../pipeline/infos";
import type { LoadProgress } from "./progress";
import { type Pause, Slots, togetherOrNone } from "./together";

export type Extract = (name: string, parent?: string) => Promise<ExtractResourceInfo>;

/** Resources at the same time, unless the spec says otherwise. A host has slots for several such runs. */
const PARALLEL = 8;

/**
 * dlt: resources of a source take turns unless they say `parallelized`, so that an API for one request at a time is not
 * met by many. A spec that says `parallel` has decided for its source; a source that does not mind leaves it open.
 */
class Turns {
  readonly #all: Slots;
  readonly #oneByOne: Slots;

  constructor(private readonly parallel: number | undefined) {
    this.#all = new Slots(parallel ?? PARALLEL);
    this.#oneByOne = new Slots(1);
  }

  async during(parallelized: boolean | undefined, work: () => Promise<void>): Promise<void> {
    const taken = () => this.#all.during(work);
    if (this.parallel !== undefined || parallelized !== false) return await taken();
    return await this.#oneByOne.during(taken);
  }
}

/**
 * Independent resources at the same time, as many as the run may; a child as soon as its parent is complete. The first
 * failure stops the others, a pause all that run: they go on after their last safe page.
 */
export async function extractAll(
  opened: OpenedLoad,
  progress: LoadProgress,
  extract: Extract,
  { pause, parallel }: { pause: Pause; parallel?: number },
): Promise<void> {
  // Histories of before have neither bound nor pause here.
  if (opened.host === undefined) return await allAtOnce(opened, progress, extract);
  const done = new Set<string>();
  await pause.interrupts(async () => {
    const turns = new Turns(parallel);
    await togetherOrNone(() =>
      inOrder(opened, async ({ name, parent, parallelized }) => {
        if (done.has(name)) return;
        await turns.during(parallelized, async () => {
          progress.extracting(name);
          progress.extracted(await extract(name, parent));
        });
        done.add(name);
      }),
    );
  });
}

async function allAtOnce(opened: OpenedLoad, progress: LoadProgress, extract: Extract): Promise<void> {
  const running = inOrder(opened, async ({ name, parent }) => {
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
  work: (resource: OpenedLoad["resources"][number]) => Promise<void>,
): Promise<void>[] {
  const running = new Map<string, Promise<void>>();
  for (const resource of resources) {
    const { name, parent } = resource;
    const before = parent === undefined ? undefined : running.get(parent);
    running.set(
      name,
      (async () => {
        await before;
        await work(resource);
      })(),
    );
  }
  return [...running.values()];
}
