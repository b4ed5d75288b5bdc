/** Memory over the rounds of a soak: flat, or the soak fails. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const MB = 1024 * 1024;
/** Rounds until pools, caches and compiled code are what they stay. */
const WARM_UP_ROUNDS = 3;
/** What lives may differ by this much, pages under way being some of it; rows or timers that are kept pass it in a soak. */
const MAX_LIVE_GROWTH = 48 * MB;
/** What the process holds breathes more: the allocator gives back late. */
const MAX_HELD_GROWTH = 250 * MB;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

export class SteadyMemory {
  private rounds = 0;
  private live = 0;
  private held = 0;

  /** Call at the end of each round. @returns what lives and what the process holds, in MB */
  check(): string {
    collect();
    const { heapUsed, external, rss } = process.memoryUsage();
    const live = heapUsed + external;
    if (++this.rounds <= WARM_UP_ROUNDS) {
      this.live = Math.max(this.live, live);
      this.held = Math.max(this.held, rss);
    } else {
      expect(live).toBeLessThan(this.live + MAX_LIVE_GROWTH);
      expect(rss).toBeLessThan(this.held + MAX_HELD_GROWTH);
    }
    return `${Math.round(live / MB)} MB live, ${Math.round(rss / MB)} MB held`;
  }
}
