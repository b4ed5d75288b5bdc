/**
 * What a backfill asks of one resource. A range with an end is stateless, as dlt's end_value: the live cursor stays.
 * A start alone rewinds the cursor: last_value becomes the start, boundary hashes are emptied.
 */
import { isoText, parseInstant, wallClock } from "../extract/cursor-time";
import { Decimal, PlainDate, Timestamp, type Value } from "../json/values";
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
  const convert = (key: "from" | "to", value: string | number) =>
    toStored(toCursorType(request, key, value, known));
  // A lag would reach past the range that was asked for.
  const { lag: _lag, ...plain } = config;
  const from = convert("from", request.from);
  if (request.to !== undefined) {
    return {
      config: {
        ...plain,
        initial_value: from,
        end_value: convert("to", request.to),
        range_start: "closed",
        range_end: "open",
      },
    };
  }
  return {
    config: { ...plain, range_start: "closed" },
    stored: {
      initial_value: config.initial_value ?? null,
      start_value: from,
      ...stored,
      last_value: from,
      unique_hashes: [],
    },
  };
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
  if (
    known instanceof Decimal ||
    (known !== null && typeof known !== "string" && typeof known !== "boolean")
  ) {
    const text = String(value).trim();
    if (!/^[+-]?\d+(\.\d+)?$/.test(text)) throw refuse("a number");
    if (known instanceof Decimal) return new Decimal(text);
    return /^[+-]?\d+$/.test(text) && !Number.isSafeInteger(Number(text)) ? BigInt(text) : Number(text);
  }
  if (typeof known === "string" && typeof value !== "string") throw refuse("text");
  return value;
}
