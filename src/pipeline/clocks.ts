/**
 * Two clocks. The wall clock (`Date.now`) is for times that others read: it may be set, forward or back, by an hour at a
 * time. Whatever is waited for or measured goes by the monotonic one (`performance.now`), which nobody sets, and which
 * stands still while a machine sleeps.
 */

/** Over after so many milliseconds by either clock: for what must not be used a moment too long, as a token. */
export function isOverAfter(ms: number): () => boolean {
  const [wall, monotonic] = [Date.now() + ms, performance.now() + ms];
  return () => Date.now() >= wall || performance.now() >= monotonic;
}
