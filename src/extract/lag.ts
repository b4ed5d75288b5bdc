/**
 * Lag: a run starts a little before the last value, so that late rows are found (dlt: `incremental(lag=…)`).
 * Numbers are shifted as they are, timestamps by seconds, dates by days; texts that hold a date or time are shifted
 * and keep their format.
 */
import { PlainDate, Timestamp, type Value, WholeFloat } from "../json/values";
import { TidemarkError } from "../pipeline/errors";
import type { LastValueFunc } from "../pipeline/spec";
import { parseIso } from "../schema/iso-time";
import { compareCursors, cursorType, instantOf } from "./cursor-order";
import {
  addSeconds,
  dayText,
  epochDays,
  type Instant,
  isoText,
  offsetText,
  parseInstant,
  wallClock,
} from "./cursor-time";

type Unit = "days" | "seconds";

/**
 * `last` moved back (max) or forth (min) by `lag`, never past `initial`.
 * @throws TidemarkError CURSOR_TYPE when values of this kind cannot be shifted
 */
export function applyLag(lag: number, initial: Value | undefined, last: Value, func: LastValueFunc): Value {
  const shifted = shift(func === "max" ? -lag : lag, last, func, declaredUnit(initial));
  if (initial === undefined || initial === null) return shifted;
  const order = compareCursors(initial, shifted);
  return (func === "max" ? order >= 0 : order <= 0) ? initial : shifted;
}

/** The unit as the initial value tells it; undefined: the last value decides. */
function declaredUnit(initial: Value | undefined): Unit | undefined {
  if (initial instanceof Timestamp) return "seconds";
  if (initial instanceof PlainDate) return "days";
  if (typeof initial !== "string") return undefined;
  const format = textFormat(initial);
  return format === null ? undefined : format.isDate ? "days" : "seconds";
}

function shift(lag: number, value: Value, func: LastValueFunc, unit: Unit | undefined): Value {
  if (typeof value === "boolean") return Math.trunc(Number(value) + lag);
  if (typeof value === "number")
    return Number.isInteger(value) ? Math.trunc(value + lag) : floatValue(value + lag);
  if (value instanceof WholeFloat) return floatValue(value.value + lag);
  if (typeof value === "bigint") {
    return Number.isInteger(lag) ? value + BigInt(lag) : BigInt(Math.trunc(Number(value) + lag));
  }
  if (value instanceof Timestamp) {
    return new Timestamp(isoText(shiftInstant(lag, instantOf(value), unit ?? "seconds", func)));
  }
  if (value instanceof PlainDate) {
    const day = wallClock(instantOf(value)).day;
    return new PlainDate(
      dayText(unit === "seconds" ? dayOfSeconds(day * 86_400 + lag) : day + Math.floor(lag)),
    );
  }
  if (typeof value === "string") return shiftText(lag, value, unit, func);
  throw notShiftable(cursorType(value) ?? "an unknown type");
}

const floatValue = (value: number): Value => (Number.isInteger(value) ? new WholeFloat(value) : value);
const dayOfSeconds = (seconds: number) => Math.floor(seconds / 86_400);

function shiftText(lag: number, text: string, unit: Unit | undefined, func: LastValueFunc): string {
  const format = textFormat(text);
  const instant = format?.parse(text) ?? null;
  if (format === null || instant === null) {
    // dlt reads more texts than it can print, and then compares a time with text.
    const dltException = parseIso(text) === undefined ? "ParserError" : "TypeError";
    throw notShiftable("text without a known date or time format", dltException);
  }
  if ((unit ?? (format.isDate ? "days" : "seconds")) === "seconds")
    return format.print(addSeconds(instant, lag));
  if (format.isDate) {
    return format.print({
      seconds: (wallClock(instant).day + Math.floor(lag)) * 86_400,
      micros: 0,
      offset: null,
    });
  }
  return format.print(shiftInstant(lag, instant, "days", func));
}

/** By days: the lagged day in UTC, from its start (max) or to its end (min), so that the whole day stays in range. */
function shiftInstant(lag: number, instant: Instant, unit: Unit, func: LastValueFunc): Instant {
  if (unit === "seconds") return addSeconds(instant, lag);
  const day = Math.floor(instant.seconds / 86_400) + Math.floor(lag);
  return func === "max"
    ? { seconds: day * 86_400, micros: 0, offset: instant.offset }
    : { seconds: (day + 1) * 86_400 - 1, micros: 999_999, offset: instant.offset };
}

function notShiftable(what: string, dltException = "ValueError"): TidemarkError {
  return new TidemarkError(
    "CURSOR_TYPE",
    `a lag cannot be applied to ${what}; it needs a number, a date, or a timestamp such as 2026-01-31T10:00:00Z`,
    { dltException },
  );
}

interface TextFormat {
  /** Shifted by days unless the initial value says otherwise. */
  isDate: boolean;
  parse(text: string): Instant | null;
  print(instant: Instant): string;
}

const naive = (days: number): Instant | null =>
  Number.isNaN(days) ? null : { seconds: days * 86_400, micros: 0, offset: null };

/** ISO weeks: days since 1970 of a week's day (1 Monday … 7 Sunday). */
function weekDays(year: number, week: number, weekday: number): number {
  const fourth = epochDays(year, 1, 4);
  const monday = fourth - ((fourth + 3) % 7);
  return monday + (week - 1) * 7 + weekday - 1;
}

function weekOf(instant: Instant): { year: number; week: string; weekday: number } {
  const { day } = wallClock(instant);
  const weekday = (((day + 3) % 7) + 7) % 7;
  const year = wallClock({ seconds: (day - weekday + 3) * 86_400, micros: 0, offset: null }).year;
  const week = Math.floor((day - weekday + 3 - epochDays(year, 1, 1)) / 7) + 1;
  return { year, week: String(week).padStart(2, "0"), weekday: weekday + 1 };
}

/** The formats in which dlt shifts texts (its detect_datetime_format), but for `202401`, which it takes for seconds. */
function textFormat(text: string): TextFormat | null {
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) {
    return { isDate: true, parse: parseInstant, print: instant => wallClock(instant).date };
  }
  if (/^\d{8}$/.test(text)) {
    return {
      isDate: true,
      parse: parseInstant,
      print: instant => wallClock(instant).date.replaceAll("-", ""),
    };
  }
  const time = /^\d{4}-\d{2}-\d{2}T\d{2}(:\d{2}(:\d{2}(\.\d+)?)?)?(Z|[+-]\d{2}:?\d{2})?$/.exec(text);
  if (time !== null) return timestampFormat(time);
  const short = /^(\d{4})(?:-(\d{2})|-W(\d{2})(?:-(\d))?|-(\d{3}))?$/.exec(text);
  return short === null ? null : shortFormat(short);
}

function timestampFormat([, minutes, seconds, fraction, zone]: RegExpExecArray): TextFormat | null {
  // With a zone dlt wants seconds; without one, no fraction.
  if (zone !== undefined ? seconds === undefined : fraction !== undefined) return null;
  return {
    isDate: false,
    parse: parseInstant,
    print: instant => {
      const clock = wallClock(instant);
      const length = seconds !== undefined ? 8 : minutes !== undefined ? 5 : 2;
      const text = `${clock.date}T${clock.time.slice(0, length)}${fraction === undefined ? "" : `.${clock.fraction}`}`;
      if (zone === undefined) return text;
      return text + (zone === "Z" ? "Z" : offsetText(instant.offset ?? 0, zone.includes(":")));
    },
  };
}

function shortFormat([, year, month, week, weekday, dayOfYear]: RegExpExecArray): TextFormat {
  if (week !== undefined) {
    return {
      isDate: false,
      parse: () => naive(weekDays(Number(year), Number(week), Number(weekday ?? 1))),
      print: instant => {
        const place = weekOf(instant);
        return `${place.year}-W${place.week}${weekday === undefined ? "" : `-${place.weekday}`}`;
      },
    };
  }
  if (dayOfYear !== undefined) {
    return {
      isDate: false,
      parse: () => naive(epochDays(Number(year), 1, 1) + Number(dayOfYear) - 1),
      print: instant => {
        const clock = wallClock(instant);
        return `${clock.year}-${String(clock.day - epochDays(clock.year, 1, 1) + 1).padStart(3, "0")}`;
      },
    };
  }
  return {
    isDate: false,
    parse: () => naive(epochDays(Number(year), Number(month ?? 1), 1)),
    print: instant => wallClock(instant).date.slice(0, month === undefined ? 4 : 7),
  };
}
