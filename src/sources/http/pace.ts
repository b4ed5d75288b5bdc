/**
 * How fast a client may ask: limits of the spec, pauses that the server asked for, and a ceiling that is learnt from
 * refusals. Shared by everything in this process that asks the same API with the same credentials.
 */
import { createHash } from "node:crypto";
import { TidemarkError } from "../../pipeline/errors";
import { clock, SIGN_OF_LIFE_MS, waitUntil } from "./retry";

export interface PaceLimits {
  max_concurrent_requests?: number;
  requests_per_second?: number;
}

/** Longer pauses are left to the run, which then holds no worker: an hour's budget, and some for clocks. */
export const MAX_PAUSE_MS = 65 * 60_000;
/** Successes, times the ceiling, after which one more request at a time is tried; doubled whenever that was too many. */
const CALM = 20;
const MAX_CALM = 2_000;

export interface Waiter {
  what: string;
  signal: AbortSignal;
  onWait?: (what: string) => void;
}

/** Times are the monotonic clock's: a wall clock that is set back must not make a pause of an hour out of one of a second. */
export class Pace {
  private running = 0;
  private readonly queue: (() => void)[] = [];
  private nextAt = 0;
  private pausedUntil = 0;
  /** At most this many at a time, since more were refused. */
  private ceiling = Number.POSITIVE_INFINITY;
  private calm = CALM;
  private successes = 0;
  users = 0;

  constructor(private readonly limits: PaceLimits = {}) {}

  /**
   * Waits for a turn. Whoever gets one calls `leave`.
   * @throws TidemarkError HTTP_RETRYABLE_STATUS where the pause is longer than a worker may be held for; the signal's
   *   reason when aborted
   */
  async enter(waiter: Waiter): Promise<void> {
    for (;;) {
      waiter.signal.throwIfAborted();
      const now = performance.now();
      if (this.pausedUntil > now) {
        if (this.pausedUntil - now > MAX_PAUSE_MS) throw tooLong(waiter.what, this.pausedUntil);
        await waitUntil(this.pausedUntil, `${waiter.what}: the source asks for a pause`, waiter);
      } else if (this.running >= this.allowed) {
        await this.turn(waiter);
      } else if (this.nextAt > now) {
        const at = this.nextAt;
        this.nextAt = at + this.gap;
        this.running++;
        try {
          await waitUntil(at, `${waiter.what}: waiting for its turn (requests_per_second)`, waiter);
        } catch (error) {
          this.leave();
          throw error;
        }
        if (this.pausedUntil <= performance.now()) return;
        this.leave();
      } else {
        this.nextAt = now + this.gap;
        this.running++;
        return;
      }
    }
  }

  leave(): void {
    this.running--;
    this.wake();
  }

  /** Nobody asks before this time. */
  pause(ms: number): void {
    this.pausedUntil = Math.max(this.pausedUntil, performance.now() + ms);
  }

  /** Called while the refused request still counts as running. */
  refused(): void {
    const before = this.ceiling;
    this.ceiling = Math.max(1, Math.floor(Math.min(this.ceiling, this.running) / 2));
    if (before !== Number.POSITIVE_INFINITY) this.calm = Math.min(MAX_CALM, this.calm * 2);
    this.successes = 0;
  }

  succeeded(): void {
    if (this.ceiling === Number.POSITIVE_INFINITY || ++this.successes < this.calm * this.ceiling) return;
    this.successes = 0;
    this.ceiling++;
    this.wake();
  }

  /** Nothing would be lost with it. */
  get isIdle(): boolean {
    return this.users === 0 && Math.max(this.pausedUntil, this.nextAt) <= performance.now();
  }

  private get allowed(): number {
    return Math.min(this.ceiling, this.limits.max_concurrent_requests ?? Number.POSITIVE_INFINITY);
  }

  private get gap(): number {
    return this.limits.requests_per_second === undefined ? 0 : 1000 / this.limits.requests_per_second;
  }

  /** Until somebody leaves; first come, first served. */
  private async turn({ what, signal, onWait }: Waiter): Promise<void> {
    let wake: () => void = () => {};
    const woken = new Promise<void>(done => {
      wake = done;
      this.queue.push(done);
    });
    const tell = () => onWait?.(`${what}: waiting for its turn (${this.allowed} at a time)`);
    const alive = setInterval(tell, SIGN_OF_LIFE_MS);
    signal.addEventListener("abort", wake, { once: true });
    try {
      await woken;
    } finally {
      clearInterval(alive);
      signal.removeEventListener("abort", wake);
      const at = this.queue.indexOf(wake);
      if (at >= 0) this.queue.splice(at, 1);
      // Woken for nothing: the turn is the next one's.
      else if (signal.aborted) this.wake();
    }
  }

  private wake(): void {
    for (let free = this.allowed - this.running; free > 0 && this.queue.length > 0; free--)
      this.queue.shift()!();
  }
}

function tooLong(what: string, until: number): TidemarkError {
  const left = until - performance.now();
  return new TidemarkError(
    "HTTP_RETRYABLE_STATUS",
    `${what}: the source asks for a pause until ${clock(Date.now() + left)}; the run goes on then.`,
    { retryAfterMs: left, dltException: "HTTPError" },
  );
}

const shared = new Map<string, Pace>();

/**
 * The pace of everybody in this process who names the same API.
 * @param identity address, credentials and limits; it is hashed, since it may hold secrets
 */
export function sharedPace(identity: unknown, limits: PaceLimits): Pace {
  for (const [key, pace] of shared) if (pace.isIdle) shared.delete(key);
  const key = createHash("sha256")
    .update(JSON.stringify([identity, limits]))
    .digest("hex");
  const pace = shared.get(key) ?? new Pace(limits);
  shared.set(key, pace);
  return pace;
}
