/**
 * Load ids look like dlt's: Unix seconds with decimals, as text (design law 12). dlt writes at most seven decimals; ours
 * have eleven, and the last four are the mark of the pipeline. `_dlt_loads` has no column for the pipeline, and a load
 * must know its pipeline's loads from those of another that shares dataset and source name (see `PackageBase`).
 */
import { createHash, randomInt } from "node:crypto";

const DECIMALS = 7;
const MARK_DIGITS = 4;
/** Ticks in a second. */
const STEP = 10 ** DECIMALS;

/** Four digits that stand for a pipeline in its load ids. Two pipelines may share one: each then counts for both. */
export function pipelineMark(pipeline: string): string {
  const digest = createHash("sha256").update(pipeline).digest();
  return String(digest.readUInt32BE(0) % 10 ** MARK_DIGITS).padStart(MARK_DIGITS, "0");
}

/**
 * An id that sorts as text after every id of the dataset: dlt finds the newest state in that order.
 * @param nowMs milliseconds since 1970, with fractions
 * @param after the greatest id in use, or null
 */
export function drawLoadId(nowMs: number, after: string | null, pipeline: string): string {
  const mark = pipelineMark(pipeline);
  const ticks = BigInt(Math.floor(nowMs * 1e4));
  const id = textOf(ticks) + mark;
  if (after === null || id > after) return id;
  // The clock stands back, or two were drawn in one tick: a tick within a second after the last. By chance, since another
  // host that looks at the same last id must not draw the same next one: ids name staged files, and are never used twice.
  const parts = /^(\d+)(?:\.(\d+))?$/.exec(after);
  if (parts === null) return nextText(after);
  const [, seconds, decimals = ""] = parts;
  const last = BigInt(seconds + decimals.slice(0, DECIMALS).padEnd(DECIMALS, "0"));
  const next = textOf(last + BigInt(randomInt(1, STEP))) + mark;
  return next > after ? next : nextText(after);
}

/** The next text in order, for ids of another form that somebody else wrote. */
function nextText(after: string): string {
  const last = after.at(-1) ?? "";
  return last >= "0" && last <= "8" ? `${after.slice(0, -1)}${Number(last) + 1}` : `${after}1`;
}

function textOf(ticks: bigint): string {
  const text = ticks.toString();
  return `${text.slice(0, -DECIMALS)}.${text.slice(-DECIMALS)}`;
}

/** ISO text in UTC with microseconds. */
export function isoMicros(nowMs: number): string {
  const millis = Math.floor(nowMs);
  const micros = Math.floor((nowMs - millis) * 1000);
  return new Date(millis).toISOString().replace("Z", `${String(micros).padStart(3, "0")}+00:00`);
}
