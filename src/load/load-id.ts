/** Load ids look like dlt's: Unix seconds with decimals, as text (design law 12). */

/**
 * An id that sorts as text after every id of the dataset: dlt finds the newest state in that order.
 * @param nowMs milliseconds since 1970, with fractions
 * @param after the greatest id in use, or null
 */
export function drawLoadId(nowMs: number, after: string | null): string {
  const seconds = String(Math.round(nowMs * 1e4) / 1e7);
  const id = seconds.includes(".") ? seconds : `${seconds}.0`;
  if (after === null || id > after) return id;
  // The clock stands back, or two were drawn in one tick: the next text in order.
  const last = after.at(-1) ?? "";
  return last >= "0" && last <= "8" ? `${after.slice(0, -1)}${Number(last) + 1}` : `${after}1`;
}

/** ISO text in UTC with microseconds. */
export function isoMicros(nowMs: number): string {
  const millis = Math.floor(nowMs);
  const micros = Math.floor((nowMs - millis) * 1000);
  return new Date(millis).toISOString().replace("Z", `${String(micros).padStart(3, "0")}+00:00`);
}
