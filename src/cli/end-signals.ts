/**
 * SIGINT, SIGTERM and SIGHUP in one place, for every command that starts a server, a worker or a run: nothing of it
 * may outlive the command. The SDK's own handlers are switched off (src/worker.ts), as they stop the worker that a
 * cancelled run needs to come to its end.
 */
import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { EXIT } from "./exit-codes";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
export type EndSignal = (typeof SIGNALS)[number];

/** A signal ended the command before its work was done. */
export class Interrupted extends Error {
  constructor(
    readonly signal: EndSignal,
    message = `Ended by ${signal}.`,
  ) {
    super(message);
    this.name = "Interrupted";
  }
}

/** As a shell would say it: 130 for Ctrl-C, 143 for SIGTERM. */
export function exitCodeOf(signal: EndSignal): number {
  return EXIT.signal + constants.signals[signal];
}

/** Listens from its making until it is disposed of. */
export class EndSignals implements Disposable {
  readonly #first = new AbortController();
  readonly #second = new AbortController();

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#hear);
  }

  /** Somebody wants the command to end; its reason is an Interrupted. */
  get asked(): AbortSignal {
    return this.#first.signal;
  }

  /** Somebody asked again: nothing is waited for any more. */
  get insisted(): AbortSignal {
    return this.#second.signal;
  }

  get signal(): EndSignal | undefined {
    return this.asked.aborted ? (this.asked.reason as Interrupted).signal : undefined;
  }

  /** Waits for the work, at most so many milliseconds and not after a second signal. Its failures are not told. */
  async atMost(ms: number, work: Promise<unknown>): Promise<void> {
    const timer = new AbortController();
    const enough = delay(ms, undefined, { signal: timer.signal });
    try {
      await Promise.race([work, enough, once(this.insisted)]).catch(() => undefined);
    } finally {
      timer.abort();
      enough.catch(() => undefined);
    }
  }

  [Symbol.dispose](): void {
    for (const signal of SIGNALS) process.removeListener(signal, this.#hear);
  }

  readonly #hear = (signal: NodeJS.Signals): void => {
    const controller = this.#first.signal.aborted ? this.#second : this.#first;
    controller.abort(new Interrupted(signal as EndSignal));
  };
}

/** Resolves when the signal is aborted. */
export function once(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise(done => signal.addEventListener("abort", () => done(), { once: true }));
}
