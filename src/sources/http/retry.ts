/** When an HTTP call is repeated, and how long it waits before (dlt: `helpers/requests/retry.py`, its defaults). */
import { setTimeout as sleep } from "node:timers/promises";

/** Longest wait, whatever the server asks for. */
export const MAX_WAIT_MS = 300_000;
/** The caller hears at least this often that we are still alive. */
export const SIGN_OF_LIFE_MS = 5_000;

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

function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(header)) {
    const seconds = Number(header);
    return seconds > 0 ? seconds * 1000 : undefined;
  }
  const date = Date.parse(header);
  return Number.isNaN(date) || date <= now ? undefined : date - now;
}

/** Waits, telling `onWait` at the start and every five seconds. @throws the signal's reason when aborted */
export async function wait(
  ms: number,
  what: string,
  signal: AbortSignal,
  onWait?: (what: string) => void,
): Promise<void> {
  const end = Date.now() + ms;
  for (let left = ms; left > 0; left = end - Date.now()) {
    onWait?.(`${what}; ${Math.ceil(left / 1000)} s left`);
    try {
      await sleep(Math.min(left, SIGN_OF_LIFE_MS), undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }
}
