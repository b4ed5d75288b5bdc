/** Arms the faults of one phase, lets each strike at its moment, and notes when it did and when it was over. */
import { setTimeout as delay } from "node:timers/promises";
import type { PlannedFault } from "./faults";
import type { DrillHost } from "./hosts";
import { type Hands, type Held, type Scene, SELF_SIGNALS } from "./operator";

export interface Strike {
  fault: PlannedFault;
  /** Milliseconds since 1970; absent: its moment never came. */
  struck_at?: number;
  over_at?: number;
  /** Host that it struck. */
  host?: string;
  /** pause: when nothing should have gone on. */
  held?: Held;
  /** The fault itself could not be done: a problem of the drill. */
  failed?: string;
}

export class Strikes {
  readonly all: Strike[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #timers: AbortController[] = [];
  #deferred: (() => Promise<void>)[] = [];
  #nextId = 1;
  readonly #armed = new Map<number, Strike>();

  constructor(
    private readonly hands: Hands,
    private readonly scene: Omit<Scene, "later">,
  ) {
    for (const host of scene.hosts) host.onHit = (id, from) => this.#hit(id, from);
  }

  /** Before a phase's first run: what was put off until now happens, then the faults of this phase are armed. */
  async arm(faults: readonly PlannedFault[]): Promise<void> {
    await this.disarm();
    for (const fault of faults) {
      const strike: Strike = { fault };
      this.all.push(strike);
      const { at } = fault;
      if ("after_ms" in at) {
        this.#startTimer(strike, at.after_ms);
        continue;
      }
      const id = this.#nextId++;
      this.#armed.set(id, strike);
      const self = SELF_SIGNALS[fault.kind];
      for (const host of this.scene.hosts) {
        host.arm({ arm: { id, at, ...(self === undefined ? {} : { self }) } });
      }
    }
  }

  /** After a phase: nothing strikes any more, and what was put off until the next one happens. */
  async disarm(): Promise<void> {
    for (const timer of this.#timers.splice(0)) timer.abort();
    this.#armed.clear();
    for (const host of this.scene.hosts) host.disarm("all");
    while (this.#running.size > 0) await Promise.all(this.#running);
    const deferred = this.#deferred;
    this.#deferred = [];
    for (const work of deferred) await work();
  }

  /** When the last effect ended; now, while one lasts. */
  lastEffect(): number {
    if (this.#running.size > 0) return Date.now();
    return Math.max(0, ...this.all.map(({ over_at, struck_at }) => over_at ?? struck_at ?? 0));
  }

  #startTimer(strike: Strike, ms: number): void {
    const timer = new AbortController();
    this.#timers.push(timer);
    delay(ms, undefined, { signal: timer.signal }).then(
      () => this.#strike(strike, this.#hostOf(strike.fault)),
      () => {},
    );
  }

  #hostOf({ host }: PlannedFault): DrillHost {
    if (host !== "busy") return this.scene.hosts[host];
    const [a, b] = this.scene.hosts;
    return a.lastSign >= b.lastSign ? a : b;
  }

  #hit(id: number, host: DrillHost): void {
    const strike = this.#armed.get(id);
    if (strike === undefined) {
      // The other host was a moment earlier: this one has struck itself all the same, and is brought back.
      this.#track(bringBack(host));
      return;
    }
    this.#armed.delete(id);
    for (const one of this.scene.hosts) one.disarm(id);
    if (SELF_SIGNALS[strike.fault.kind] === "SIGSTOP") host.stoppedItself();
    this.#strike(strike, host);
  }

  #strike(strike: Strike, host: DrillHost): void {
    strike.struck_at = Date.now();
    strike.host = host.name;
    const { afterwards } = strike.fault;
    if (afterwards !== undefined && "after_ms" in afterwards.at) {
      const next: Strike = { fault: afterwards };
      this.all.push(next);
      this.#startTimer(next, afterwards.at.after_ms);
    }
    const hand = this.hands[strike.fault.kind];
    const work = (async () => {
      try {
        if (hand === undefined) throw new Error("nobody here can do this");
        const held = await hand(strike.fault, host, {
          ...this.scene,
          later: one => this.#deferred.push(one),
        });
        if (typeof held === "object") strike.held = held;
      } catch (error) {
        strike.failed = (error as Error).message;
      }
      strike.over_at = Date.now();
    })();
    this.#track(work);
  }

  #track(work: Promise<void>): void {
    this.#running.add(work);
    work.finally(() => this.#running.delete(work));
  }
}

const TIME_TO_DIE_MS = 500;

async function bringBack(host: DrillHost): Promise<void> {
  host.stoppedItself();
  // It said so a moment before it did it.
  await delay(TIME_TO_DIE_MS);
  host.resume();
  await host.start();
}
