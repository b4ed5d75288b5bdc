/** What a metric's SELECT has to give, and what is said where it does not. Shared by all destinations. Pure. */
import { TidemarkError } from "../pipeline/errors";
import type { SelectedNumber } from "./destination";

export interface Answer {
  /** The destination's own names, one per column. */
  types: readonly string[];
  /** At most two: one is asked for, and a second says that there are too many. */
  rows: readonly (readonly unknown[])[];
}

/** @throws TidemarkError GATE_METRIC */
export function oneNumber({ types, rows }: Answer): SelectedNumber {
  if (types.length !== 1) throw wrong(`${types.length} columns`);
  if (rows.length > 1) throw wrong("several rows");
  if (rows.length === 0) return { missing: "it gives no row" };
  const given = rows[0]?.[0];
  if (given === null || given === undefined) return { missing: "it is NULL" };
  if (typeof given !== "number" && typeof given !== "bigint") throw wrong(`a value of type ${types[0]}`);
  const value = Number(given);
  return Number.isFinite(value) ? { value } : { missing: `it is ${value}` };
}

function wrong(given: string): TidemarkError {
  return refusedMetric(`it gives ${given}, and must give one row with one number`);
}

export function refusedMetric(what: string): TidemarkError {
  return new TidemarkError("GATE_METRIC", what, { step: "metrics" });
}
