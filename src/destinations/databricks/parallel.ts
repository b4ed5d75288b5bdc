/** Work side by side that leaves nothing running when it fails. */

/** Waits for all, so that no statement of a failed attempt is still running when the next one starts. */
export async function together(works: readonly Promise<unknown>[]): Promise<void> {
  const broken = (await Promise.allSettled(works)).find(result => result.status === "rejected");
  if (broken !== undefined) throw (broken as PromiseRejectedResult).reason;
}

export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  let failed = false;
  const lane = async (): Promise<void> => {
    while (!failed) {
      const i = next++;
      if (i >= items.length) return;
      try {
        results[i] = await work(items[i] as T);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, lane));
  const broken = lanes.find(result => result.status === "rejected");
  if (broken !== undefined) throw (broken as PromiseRejectedResult).reason;
  return results;
}
