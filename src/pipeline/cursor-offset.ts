/**
 * One rule for times with an offset as values of a cursor (initial_value, end_value, a backfill's from and to), the
 * same as dlt's: such a value is that instant. Where the cursor holds times without a zone, those are UTC, so that the
 * instant is written as UTC. A day is taken only when it is the same one in the value's own zone and in UTC.
 */

const TIMED = /^(\d{4})-?(\d{2})-?(\d{2})[T ](\d{2}):?(\d{2})(.*?)\s?(Z|z|[+-]\d{2}(?::?\d{2})?)$/;

interface Timed {
  /** The wall clock to the minute, as if it were UTC. */
  minuteMs: number;
  /** Seconds and fraction as they are written. */
  rest: string;
  /** Minutes east of UTC. */
  offset: number;
}

function read(text: string): Timed | undefined {
  const match = TIMED.exec(text.trim());
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, rest, zone] = match as unknown as string[];
  const minuteMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00Z`);
  if (Number.isNaN(minuteMs)) return undefined;
  return { minuteMs, rest: rest!, offset: offsetOf(zone!) };
}

function offsetOf(zone: string): number {
  if (/^z$/i.test(zone)) return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3).replace(":", "") || 0);
  return zone.startsWith("-") ? -minutes : minutes;
}

/** `2026-11-01T01:00` and the rest, for a clock that is so many minutes east of UTC. */
function written({ minuteMs, offset, rest }: Timed, east: number): string {
  const clock = new Date(minuteMs + (east - offset) * 60_000).toISOString();
  return `${clock.slice(0, 16)}${rest}`;
}

export function hasOffset(text: string): boolean {
  return read(text) !== undefined;
}

/** The instant as UTC without a zone; a text without an offset stays as it is. */
export function asUtc(text: string): string {
  const timed = read(text);
  return timed === undefined ? text : written(timed, 0);
}

/** True when a time with an offset is on another day in UTC, so that a cursor of dates has two answers. */
export function isOnTwoDays(text: string): boolean {
  const timed = read(text);
  return timed !== undefined && written(timed, 0).slice(0, 10) !== written(timed, timed.offset).slice(0, 10);
}
