/** Dates and times of cursors as exact numbers: microseconds and offsets survive, which `Date` alone does not give. */

export interface Instant {
  /** Seconds since 1970 in UTC; of a naive value, as if it were UTC. */
  seconds: number;
  micros: number;
  /** Minutes east of UTC; null: naive. */
  offset: number | null;
}

const ISO =
  /^(\d{4})-?(\d{2})-?(\d{2})(?:[T ](\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d+))?)?)?\s?(Z|z|[+-]\d{2}(?::?\d{2})?)?)?$/;

/** Days since 1970 of a calendar date (proleptic Gregorian), or NaN when there is no such day. */
export function epochDays(year: number, month: number, day: number): number {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day
    ? date.getTime() / 86_400_000
    : Number.NaN;
}

/** ISO 8601 date or timestamp, or null when the text is none. Fractions are cut to microseconds, as dlt does. */
export function parseInstant(text: string): Instant | null {
  const match = ISO.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  const days = epochDays(Number(year), Number(month), Number(day));
  if (Number.isNaN(days) || Number(hour ?? 0) > 23 || Number(minute ?? 0) > 59 || Number(second ?? 0) > 59) {
    return null;
  }
  const offset = zone === undefined ? null : zoneMinutes(zone);
  const local = days * 86_400 + Number(hour ?? 0) * 3600 + Number(minute ?? 0) * 60 + Number(second ?? 0);
  return {
    seconds: local - (offset ?? 0) * 60,
    micros: fraction === undefined ? 0 : Number(fraction.slice(0, 6).padEnd(6, "0")),
    offset,
  };
}

function zoneMinutes(zone: string): number {
  if (zone === "Z" || zone === "z") return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3).replace(":", "") || 0);
  return zone.startsWith("-") ? -minutes : minutes;
}

/** Adds seconds, fractions to the microsecond (Python: timedelta rounds half to even; here half away from zero). */
export function addSeconds(instant: Instant, seconds: number): Instant {
  const whole = Math.floor(seconds);
  const micros = instant.micros + Math.round((seconds - whole) * 1e6);
  return { ...instant, seconds: instant.seconds + whole + Math.floor(micros / 1e6), micros: micros % 1e6 };
}

export const compareInstants = (a: Instant, b: Instant): number =>
  a.seconds - b.seconds || a.micros - b.micros;

/** Microseconds since 1970, as Python counts them for dedup hashes. */
export function epochMicros(instant: Instant): number | bigint {
  const micros = BigInt(instant.seconds) * 1_000_000n + BigInt(instant.micros);
  const number = Number(micros);
  return Number.isSafeInteger(number) ? number : micros;
}

const pad = (value: number, width = 2) => String(value).padStart(width, "0");

/** The wall clock of an instant in its own offset. */
export function wallClock(instant: Instant) {
  const date = new Date((instant.seconds + (instant.offset ?? 0) * 60) * 1000);
  const year = date.getUTCFullYear();
  return {
    year,
    date: `${pad(year, 4)}-${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())}`,
    time: `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}:${pad(date.getUTCSeconds())}`,
    fraction: pad(instant.micros, 6),
    /** Days since 1970. */
    day: Math.floor(date.getTime() / 86_400_000),
  };
}

/** `+02:00`; with `colon` false `+0200`. */
export function offsetText(offset: number, colon = true): string {
  const minutes = Math.abs(offset);
  return `${offset < 0 ? "-" : "+"}${pad(Math.floor(minutes / 60))}${colon ? ":" : ""}${pad(minutes % 60)}`;
}

/** Python's `isoformat()`. */
export function isoText(instant: Instant): string {
  const clock = wallClock(instant);
  const fraction = instant.micros === 0 ? "" : `.${clock.fraction}`;
  return `${clock.date}T${clock.time}${fraction}${instant.offset === null ? "" : offsetText(instant.offset)}`;
}

export const dayText = (epochDay: number): string =>
  wallClock({ seconds: epochDay * 86_400, micros: 0, offset: null }).date;
