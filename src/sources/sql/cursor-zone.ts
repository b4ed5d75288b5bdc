/** Values of a range as the cursor's column means them: PostgreSQL drops an offset where the column has no zone. */
import { Timestamp, type Value } from "../../json/values";
import { asUtc, hasOffset, isOnTwoDays } from "../../pipeline/cursor-offset";
import { TidemarkError } from "../../pipeline/errors";
import type { IncrementalRange } from "../source";

/** What matters of a column's type here. */
export type ZoneKind = "timestamp" | "date" | "other";

/** By pg_type.typname. */
export function zoneKind(typname: string): ZoneKind {
  return typname === "timestamp" || typname === "date" ? typname : "other";
}

/** By pg_type.oid. */
export const ZONE_KINDS: { [oid: number]: ZoneKind } = { 1114: "timestamp", 1082: "date" };

const ENDS = ["start_value", "end_value", "last_value", "initial_value"] as const;

function textOf(value: Value | undefined): string | undefined {
  if (typeof value === "string") return value;
  return value instanceof Timestamp ? value.text : undefined;
}

export function holdsOffset(range: IncrementalRange): boolean {
  return ENDS.some(end => hasOffset(textOf(range[end]) ?? ""));
}

/** @throws TidemarkError SPEC_INVALID for a time with an offset whose day is not clear */
export function rangeInZone(range: IncrementalRange, kind: ZoneKind): IncrementalRange {
  if (kind === "other" || !holdsOffset(range)) return range;
  const inZone = { ...range };
  for (const end of ENDS) {
    const text = textOf(range[end]);
    if (text === undefined) continue;
    if (kind === "date" && isOnTwoDays(text)) {
      throw new TidemarkError(
        "SPEC_INVALID",
        `Cursor "${range.config.cursor_path}" holds dates, and ${end} is a time that is on one day in its own zone and on another in UTC. Write the date alone.`,
        { step: "extract" },
      );
    }
    if (kind === "timestamp")
      inZone[end] = typeof range[end] === "string" ? asUtc(text) : new Timestamp(asUtc(text));
  }
  return inZone;
}
