/** When an HTTP call is repeated, and how long it waits before (dlt: `helpers/requests/retry.py`, its defaults). */
import { setTimeout as sleep } from "node:timers/promises";
import { retryAfterMs } from "./rate-limit";

/** Longest wait of our own, and of a Retry-After that belongs to no rate limit. */
export const MAX_WAIT_MS = 300_000;
/** The caller hears at least this often that we are still alive. */
export const SIGN_OF_LIFE_MS = 5_000;
/** What setTimeout can count to. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export function isRetryableStatus(status: number): boolean {
  return status === 429 || (status >= 500 && status < 600);
}

/**
 * Wait after failed attempt number `attempt` (from 1): Retry-After when it is a positive number of seconds or a
 * date ahead, else 1, 2, 4, 8, … seconds.
 */
export function waitMs(attempt: number, retryAfter: string | undefined, now: number = Date.now()): number {
  return Math.min(retryAfterMs(retryAfter, now) ?? 1000 * 2 ** (attempt - 1), MAX_WAIT_MS);
}

interface Waiter {
  signal: AbortSignal;
  onWait?: (what: string) => void;
}

/**
 * Waits, telling `onWait` at the start and every five seconds.
 * @param end as `performance.now` counts: the wall clock may be set meanwhile
 * @throws the signal's reason when aborted
 */
export async function waitUntil(end: number, what: string, { signal, onWait }: Waiter): Promise<void> {
  for (let left = end - performance.now(); left > 0; left = end - performance.now()) {
    // Half a second is no news.
    if (left >= 500) onWait?.(`${what} until ${clock(Date.now() + left)}; ${Math.ceil(left / 1000)} s left`);
    try {
      await sleep(Math.min(left, SIGN_OF_LIFE_MS, MAX_TIMER_MS), undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }
}

export function clock(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
