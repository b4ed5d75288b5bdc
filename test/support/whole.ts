/**
 * The whole of a suite, or the part that covers every rule once. `npm test` and pull requests run the part; what repeats a
 * fact on another road runs with TIDEMARK_WHOLE=1, before a release and when its code is changed.
 */
export const WHOLE = Boolean(process.env.TIDEMARK_WHOLE);

/** A test of the whole alone. */
export const whole = WHOLE ? test : test.skip;

/** All of a table of cases, or those that `covers` names. */
export function casesOf<T>(all: readonly T[], covers: (one: T, index: number) => boolean): T[] {
  return all.filter((one, index) => WHOLE || covers(one, index));
}
