/**
 * What a backfill asks of one resource. A range with an end is stateless, as dlt's end_value: the live cursor stays.
 * A start alone rewinds the cursor: last_value becomes the start, boundary hashes are emptied.
 */
import { compareCursors } from "../extract/cursor-order";
import { isoText, parseInstant, wallClock } from "../extract/cursor-time";
import { numberFromText } from "../extract/number-text";
import { Decimal, PlainDate, PlainTime, Timestamp, type Value } from "../json/values";
import { isOnTwoDays } from "../pipeline/cursor-offset";
import { TidemarkError } from "../pipeline/errors";
import type { BackfillRequest, IncrementalConfig } from "../pipeline/spec";
import { fromStored, toStored } from "../state/cursor-values";
import type { StoredIncremental } from "../state/pipeline-state";

export interface BackfillPlan {
  config: IncrementalConfig;
  /** State to begin with; undefined for a bounded range. */
  stored?: StoredIncremental;
}

/** @throws TidemarkError BACKFILL_REFUSED when `from` or `to` do not fit the cursor's type */
export function planBackfill(
  request: BackfillRequest,
  config: IncrementalConfig,
  stored: StoredIncremental | undefined,
): BackfillPlan {
  const known = fromStored(stored?.last_value ?? stored?.initial_value ?? config.initial_value);
  const mixed = known === null && request.to !== undefined && typeof request.from !== typeof request.to;
  const convert = (key: "from" | "to", value: string | number): Value =>
    mixed && typeof value === "string"
      ? (numberFromText(value) ?? value)
      : toCursorType(request, key, value, known);
  const from = convert("from", request.from);
  // A lag would reach past the range that was asked for.
  const { lag: _lag, ...plain } = config;
  if (request.to !== undefined) {
    const to = convert("to", request.to);
    // Without a known value the first row tells the type, and the range is judged there.
    if (known !== null) refuseEmptyRange(request, plain, from, to);
    return {
      config: {
        ...plain,
        initial_value: toStored(from),
        end_value: toStored(to),
        ...(known === null ? { bounds_as_text: true as const } : {}),
        range_start: "closed",
        range_end: "open",
      },
    };
  }
  return {
    config: {
      ...plain,
      ...(known === null ? { bounds_as_text: true as const } : {}),
      range_start: "closed",
    },
    stored: {
      initial_value: config.initial_value ?? null,
      start_value: toStored(from),
      ...stored,
      last_value: toStored(from),
      unique_hashes: [],
    },
  };
}

/** `to` is exclusive, and a cursor that counts down is asked for from above. */
function refuseEmptyRange(request: BackfillRequest, config: IncrementalConfig, from: Value, to: Value): void {
  const down = config.last_value_func === "min";
  const order = compareCursors(from, to);
  if (down ? order > 0 : order < 0) return;
  const how =
    typeof from === "string"
      ? ". Its cursor holds texts, which compare by their characters"
      : from instanceof PlainDate
        ? ". Its cursor holds whole days"
        : "";
  throw new TidemarkError(
    "BACKFILL_REFUSED",
    `Backfill of "${request.resource}" refused: "from" must be ${down ? "above" : "before"} "to", which is exclusive${how}.`,
  );
}

/**
 * The value in the type that the cursor has so far. For a text cursor it stays as written: texts compare by
 * characters, so a date such as 2026-01-01 stands before all times of that day, which is what a range wants.
 */
function toCursorType(
  request: BackfillRequest,
  key: "from" | "to",
  value: string | number,
  known: Value,
): Value {
  const refuse = (valid: string) =>
    new TidemarkError(
      "BACKFILL_REFUSED",
      `"${key}" of the backfill of "${request.resource}" must be ${valid}, as its cursor holds such values.`,
    );
  if (known instanceof Timestamp || known instanceof PlainDate) {
    const instant = typeof value === "string" ? parseInstant(value) : null;
    if (instant === null) throw refuse("a date or timestamp such as 2026-01-31 or 2026-01-31T10:00:00Z");
    if (known instanceof PlainDate && isOnTwoDays(String(value)))
      throw refuse("a date, or a time that is on one day in its own zone and in UTC");
    if (known instanceof PlainDate) return new PlainDate(wallClock(instant).date);
    const { offset } = parseInstant(known.text) ?? { offset: null };
    return new Timestamp(isoText({ ...instant, offset: offset === null ? null : (instant.offset ?? 0) }));
  }
  if (known instanceof PlainTime) {
    if (typeof value !== "string" || !/^\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?$/.test(value)) {
      throw refuse("a time such as 10:30:00");
    }
    return new PlainTime(value.length === 5 ? `${value}:00` : value);
  }
  if (
    known instanceof Decimal ||
    (known !== null && typeof known !== "string" && typeof known !== "boolean")
  ) {
    const number = typeof value === "number" ? value : numberFromText(value);
    if (number === undefined) throw refuse("a number");
    return known instanceof Decimal
      ? new Decimal(number instanceof Decimal ? number.text : String(number))
      : number;
  }
  if (typeof known !== "string") return value;
  if (typeof value !== "string") throw refuse("text");
  return inZoneOf(known, value);
}

/**
 * A time in another zone than the cursor's texts have, written as they are, since texts compare by characters:
 * beside `2026-05-05T10:00:00Z` stands `2026-01-01T00:00:00Z` for `2026-01-01T02:00:00+02:00`.
 */
function inZoneOf(known: string, value: string): string {
  const shape = /^\d{4}-\d{2}-\d{2}([T ])\d{2}:\d{2}:\d{2}(?:\.(\d{1,6}))?(Z|[+-]\d{2}:\d{2})$/.exec(known);
  const own = /(Z|z|[+-]\d{2}(?::?\d{2})?)$/.exec(value)?.[0];
  const [instant, model] = [parseInstant(value), parseInstant(known)];
  if (shape === null || instant === null || model === null) return value;
  const [, separator, fraction = "", zone] = shape;
  if (instant.offset === null || own === zone) return value;
  const clock = wallClock({ ...instant, offset: model.offset });
  const digits = fraction === "" ? "" : `.${clock.fraction.slice(0, fraction.length)}`;
  return `${clock.date}${separator}${clock.time}${digits}${zone}`;
}
