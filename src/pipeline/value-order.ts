/**
 * Order of two values that are given as text, under each reading that a text may have. Undefined: no such reading.
 * Pure and without a big regular expression, so that workflow code may judge texts that anybody sends.
 */

/** Whole or with a fraction, also as JavaScript prints large numbers; exponents stay small enough to be worked out. */
const NUMBER = /^[+-]?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;
const INSTANT =
  /^(\d{4})-?(\d{2})-?(\d{2})(?:[T ](\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d+))?)?)?\s?(Z|z|[+-]\d{2}(?::?\d{2})?)?)?$/;

export const isNumberText = (text: string): boolean => NUMBER.test(text.trim());

/** Exact, whatever the number of digits. */
export function orderAsNumbers(a: string, b: string): number | undefined {
  const left = digitsOf(a);
  const right = digitsOf(b);
  if (left === undefined || right === undefined) return undefined;
  const scale = Math.max(left.scale, right.scale);
  const difference =
    left.digits * 10n ** BigInt(scale - left.scale) - right.digits * 10n ** BigInt(scale - right.scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function digitsOf(text: string): { digits: bigint; scale: number } | undefined {
  const trimmed = text.trim();
  const match = NUMBER.exec(trimmed);
  if (match === null) return undefined;
  const [, whole = "", fraction = "", exponent = "0"] = match;
  const digits = BigInt(whole + fraction) * (trimmed.startsWith("-") ? -1n : 1n);
  return { digits, scale: fraction.length - Number(exponent) };
}

/** No zone is further from UTC. */
const WIDEST_ZONE_SECONDS = 14 * 3600;

/**
 * As points in time, to the microsecond; empty when one is no date. Beside a text with a zone, one without may stand
 * for any zone: where that decides, both orders are possible.
 */
export function ordersAsInstants(a: string, b: string): number[] {
  const left = instantOf(a);
  const right = instantOf(b);
  if (left === undefined || right === undefined) return [];
  const seconds = left.seconds - right.seconds;
  if (left.zoned !== right.zoned && Math.abs(seconds) <= WIDEST_ZONE_SECONDS) return [-1, 1];
  return [seconds || left.micros - right.micros];
}

function instantOf(text: string): { seconds: number; micros: number; zoned: boolean } | undefined {
  const match = INSTANT.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  const part = (value: string | undefined) => Number(value ?? 0);
  const date = new Date(0);
  date.setUTCFullYear(part(year), part(month) - 1, part(day));
  if (date.getUTCMonth() !== part(month) - 1 || date.getUTCDate() !== part(day)) return undefined;
  if (part(hour) > 23 || part(minute) > 59 || part(second) > 59) return undefined;
  const local = date.getTime() / 1000 + part(hour) * 3600 + part(minute) * 60 + part(second);
  return {
    seconds: local - zoneSeconds(zone),
    micros: fraction === undefined ? 0 : Number(fraction.slice(0, 6).padEnd(6, "0")),
    zoned: zone !== undefined,
  };
}

function zoneSeconds(zone: string | undefined): number {
  if (zone === undefined || zone === "Z" || zone === "z") return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3).replace(":", "") || 0);
  return (zone.startsWith("-") ? -60 : 60) * minutes;
}
