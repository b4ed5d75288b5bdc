/** A seeded source of chance: the same seed gives the same drill, on every machine and in every version of Node. */

/** FNV-1a over the text, then mulberry32. Good enough for drawing plans; nothing secret hangs on it. */
export class Random {
  #state: number;

  constructor(seed: string) {
    let hash = 0x811c9dc5;
    for (const byte of Buffer.from(seed)) hash = Math.imul(hash ^ byte, 0x01000193);
    this.#state = hash >>> 0;
    // Seeds that differ in their last digit only start far apart after a few draws.
    for (let i = 0; i < 8; i++) this.next();
  }

  /** From 0, inclusive, to 1, exclusive. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }

  /** A whole number, both ends inclusive. */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  pick<T>(list: readonly T[]): T {
    if (list.length === 0) throw new RangeError("nothing to pick from");
    return list[Math.floor(this.next() * list.length)]!;
  }

  chance(of: number): boolean {
    return this.next() < of;
  }

  shuffled<T>(list: readonly T[]): T[] {
    const cards = [...list];
    for (let i = cards.length - 1; i > 0; i--) {
      const other = this.int(0, i);
      [cards[i], cards[other]] = [cards[other]!, cards[i]!];
    }
    return cards;
  }
}
