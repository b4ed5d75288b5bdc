/** Several steps of one load at the same time, and how they stop: with the first failure, and at a pause. */
import {
  ActivityFailure,
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
} from "@temporalio/workflow";

/**
 * A step that was asked to cancel is not tried again, whatever ended its attempt: an error that would have passed, or its
 * worker's death. A terminal error of its own is one all the same.
 */
export function endedByCancel(error: unknown): boolean {
  if (isCancellation(error)) return true;
  if (!(error instanceof ActivityFailure) || error.retryState !== "CANCEL_REQUESTED") return false;
  return !(error.cause instanceof ApplicationFailure && error.cause.nonRetryable);
}

/**
 * Waits for all. The first failure stops the others, which are waited for too: nothing of a load runs on when its
 * workflow, which is the lock, has closed.
 * @param start begins the work inside the scope that is cancelled
 */
export async function togetherOrNone<T>(start: () => Promise<T>[]): Promise<T[]> {
  const scope = new CancellationScope();
  return await scope.run(async () => {
    const failures: unknown[] = [];
    const results = await Promise.all(
      start().map(one =>
        one.catch((error: unknown) => {
          failures.push(error);
          scope.cancel();
          return undefined as T;
        }),
      ),
    );
    if (failures.length === 0) return results;
    throw failures.find(failure => !endedByCancel(failure)) ?? failures[0];
  });
}

/** So many at the same time, first come, first served. */
export class Slots {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(slots: number) {
    this.#free = slots;
  }

  async during<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>(go => this.#waiting.push(go));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

/** Paused from outside; work that can be gone on with later is stopped by it. */
export class Pause {
  #paused = false;
  #interrupt: () => void = () => {};

  set(paused: boolean): void {
    this.#paused = paused;
    if (paused) this.#interrupt();
  }

  async over(): Promise<void> {
    await condition(() => !this.#paused);
  }

  /** Runs `work`; a pause cancels it, and it is run again after: it must go on where it was. */
  async interrupts<T>(work: () => Promise<T>): Promise<T> {
    const around = CancellationScope.current();
    for (;;) {
      await this.over();
      const scope = new CancellationScope();
      let interrupted = false;
      this.#interrupt = () => {
        interrupted = true;
        scope.cancel();
      };
      try {
        return await scope.run(work);
      } catch (error) {
        if (!interrupted || around.consideredCancelled || !endedByCancel(error)) throw error;
      } finally {
        this.#interrupt = () => {};
      }
    }
  }
}
