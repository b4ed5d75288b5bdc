/**
 * Dates and times in text, as dlt reads them (pendulum's ISO 8601 parser, then its list of common forms).
 * A moment without offset counts as UTC (dlt: context timezone).
 */
export type Parsed =
  /** Whole seconds since 1970 of the wall clock, microseconds, offset of the wall clock from UTC in seconds. */
  | { kind: "timestamp"; seconds: number; micros: number; offset: number }
  /** Days since 1970. */
  | { kind: "date"; days: number }
  | { kind: "time"; seconds: number; micros: number; offset: number };

/** Days since 1970-01-01; undefined when the date does not exist (years 1 to 9999). */
export function daysOf(year: number, month: number, day: number): number | undefined {
  if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > monthLength(year, month))
    return undefined;
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return (
    era * 146_097 +
    yearOfEra * 365 +
    Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100) +
    dayOfYear -
    719_468
  );
}

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}
const MONTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
function monthLength(year: number, month: number): number {
  return month === 2 && isLeap(year) ? 29 : MONTHS[month - 1]!;
}

/** Microseconds since 1970 in UTC: a number while exact, else a bigint. Undefined beyond the years 1 to 9999. */
export function epochMicros(parsed: Parsed & { kind: "timestamp" }): number | bigint | undefined {
  return microsOf(parsed.seconds - parsed.offset, parsed.micros);
}

const YEAR_1 = -62_135_596_800;
const YEAR_10000 = 253_402_300_800;

export function microsOf(seconds: number, micros: number): number | bigint | undefined {
  if (seconds < YEAR_1 || seconds >= YEAR_10000) return undefined;
  if (seconds > -9_000_000_000 && seconds < 9_000_000_000) return seconds * 1_000_000 + micros;
  return BigInt(seconds) * 1_000_000n + BigInt(micros);
}

function digits(text: string, at: number, count: number): number {
  let value = 0;
  for (let i = at; i < at + count; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}

/**
 * The common shape `YYYY-MM-DD[T ]HH:MM:SS[.f…][Z|±HH[:MM]]` without allocations.
 * Returns microseconds since 1970 in UTC; NaN for any other shape, also for one `parseIso` would take.
 */
export function fastMicros(text: string): number {
  const length = text.length;
  if (length < 19 || length > 35) return Number.NaN;
  if (text.charCodeAt(4) !== 45 || text.charCodeAt(7) !== 45) return Number.NaN;
  const separator = text.charCodeAt(10);
  if (separator !== 84 && separator !== 32) return Number.NaN;
  if (text.charCodeAt(13) !== 58 || text.charCodeAt(16) !== 58) return Number.NaN;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  if (
    year < 1700 ||
    year > 2200 ||
    hour < 0 ||
    hour > 23 ||
    minute < 0 ||
    minute > 59 ||
    second < 0 ||
    second > 59
  ) {
    return Number.NaN;
  }
  const days = daysOf(year, month, day);
  if (days === undefined) return Number.NaN;
  let at = 19;
  let micros = 0;
  if (text.charCodeAt(19) === 46) {
    let count = 0;
    for (at = 20; at < length; at++, count++) {
      const digit = text.charCodeAt(at) - 48;
      if (!(digit >= 0 && digit <= 9)) break;
      if (count < 6) micros = micros * 10 + digit;
    }
    if (count === 0 || count > 9) return Number.NaN;
    for (; count < 6; count++) micros *= 10;
  }
  let offset = 0;
  if (at < length) {
    const sign = text.charCodeAt(at);
    if (sign === 90) {
      if (at + 1 !== length) return Number.NaN;
    } else if (sign === 43 || sign === 45) {
      const hours = digits(text, at + 1, 2);
      if (length !== at + 6 || text.charCodeAt(at + 3) !== 58 || hours < 0 || hours > 23) return Number.NaN;
      const minutes = digits(text, at + 4, 2);
      if (minutes < 0 || minutes > 59) return Number.NaN;
      offset = (hours * 3600 + minutes * 60) * (sign === 45 ? -1 : 1);
    } else return Number.NaN;
  }
  return (days * 86_400 + hour * 3600 + minute * 60 + second - offset) * 1_000_000 + micros;
}

const DATE = /^(\d{4})(?:-(\d{2})(?:-(\d{2})|(\d))?|-W(\d{2})(?:-(\d))?|W(\d{2})(\d)?|(\d{2})(\d)(\d)?)?/;
const TIME = /^(\d{2})(?:(:)(\d{2})(?::(\d{2})(?:[.,](\d+))?)?|(\d{2})(?:(\d{2})(?:[.,](\d+))?)?)?/;
const ZONE = /^(?:Z|([+-])(\d{2}):?(\d{2})?)$/;

/** Undefined: not a date or time in ISO form, nor in pendulum's common forms. */
export function parseIso(text: string): Parsed | undefined {
  return parseIsoOnly(text) ?? parseCommon(text);
}

function parseIsoOnly(text: string): Parsed | undefined {
  if (text.length > 64) return undefined;
  if (/^\d{2}:/.test(text)) return parseTime(text, undefined, true);
  if (text.startsWith("T")) return parseTime(text.slice(1), undefined, false);
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const days = dateOf(match);
  if (days === undefined) return undefined;
  const rest = text.slice(match[0].length);
  if (rest === "") return { kind: "date", days };
  if (rest[0] !== "T" && rest[0] !== " ") return undefined;
  if (match[0].length === 4) return undefined;
  return parseTime(rest.slice(1), days, match[0][4] === "-");
}

function dateOf(match: RegExpExecArray): number | undefined {
  const year = Number(match[1]);
  if (match[5] !== undefined) return weekDate(year, Number(match[5]), Number(match[6] ?? 1));
  if (match[7] !== undefined) return weekDate(year, Number(match[7]), Number(match[8] ?? 1));
  if (match[2] !== undefined) {
    if (match[4] !== undefined) return ordinalDate(year, Number(match[2] + match[4]));
    return daysOf(year, Number(match[2]), Number(match[3] ?? 1));
  }
  if (match[9] === undefined) return daysOf(year, 1, 1);
  if (match[11] === undefined) return ordinalDate(year, Number(match[9]! + match[10]!));
  return daysOf(year, Number(match[9]), Number(match[10]! + match[11]));
}

function ordinalDate(year: number, ordinal: number): number | undefined {
  const first = daysOf(year, 1, 1);
  return first === undefined || ordinal < 1 || ordinal > (isLeap(year) ? 366 : 365)
    ? undefined
    : first + ordinal - 1;
}

function weekDate(year: number, week: number, day: number): number | undefined {
  const fourth = daysOf(year, 1, 4);
  if (fourth === undefined || week < 1 || day > 7) return undefined;
  const monday = fourth - ((((fourth + 3) % 7) + 7) % 7);
  const days = monday + (week - 1) * 7 + day - 1;
  const nextFourth = fourth + (isLeap(year) ? 366 : 365);
  const nextMonday = nextFourth - ((((nextFourth + 3) % 7) + 7) % 7);
  return monday + (week - 1) * 7 >= nextMonday ? undefined : days;
}

/** `extended`: the date had dashes (true) or had none (false). As in pendulum, `20240310T12:34` passes. */
function parseTime(text: string, days: number | undefined, extended: boolean): Parsed | undefined {
  const match = TIME.exec(text);
  if (match === null) return undefined;
  const colon = match[2] !== undefined;
  const hour = Number(match[1]);
  const minute = Number(match[3] ?? match[6] ?? 0);
  const second = Number(match[4] ?? match[7] ?? 0);
  if (extended && match[6] !== undefined) return undefined;
  if (!extended && colon && match[4] !== undefined) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const micros = Number((match[5] ?? match[8] ?? "").slice(0, 6).padEnd(6, "0"));
  const rest = text.slice(match[0].length);
  let offset = 0;
  if (rest !== "") {
    const zone = ZONE.exec(rest);
    if (zone === null) return undefined;
    offset = (Number(zone[2] ?? 0) * 3600 + Number(zone[3] ?? 0) * 60) * (zone[1] === "-" ? -1 : 1) + 0;
    if (Math.abs(offset) >= 86_400) return undefined;
  }
  const seconds = hour * 3600 + minute * 60 + second;
  if (days === undefined) return { kind: "time", seconds, micros, offset };
  return { kind: "timestamp", seconds: days * 86_400 + seconds, micros, offset };
}

const COMMON =
  /^(?:(\d{4})(?:[/:]?(\d{2})[/:]?(\d{2}))?)?( ?(\d{1,2}):(\d{1,2})?(?::(\d{1,2}))?(?:[.|,](\d{1,9}))?)?$/;

/** pendulum: "2024/01/15", "2024/01/15 10:11". */
function parseCommon(text: string): Parsed | undefined {
  const match = COMMON.exec(text);
  if (match === null || (match[1] === undefined && match[4] === undefined)) return undefined;
  const days =
    match[1] === undefined
      ? undefined
      : daysOf(Number(match[1]), Number(match[2] ?? 1), Number(match[3] ?? 1));
  if (match[1] !== undefined && days === undefined) return undefined;
  if (match[4] === undefined) return { kind: "date", days: days! };
  if (match[6] === undefined) return undefined;
  const [hour, minute, second] = [Number(match[5]), Number(match[6]), Number(match[7] ?? 0)];
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const seconds = hour * 3600 + minute * 60 + second;
  const micros = Number((match[8] ?? "").slice(0, 6).padEnd(6, "0"));
  if (days === undefined) return { kind: "time", seconds, micros, offset: 0 };
  return { kind: "timestamp", seconds: days * 86_400 + seconds, micros, offset: 0 };
}
