/** The door to the SDK's meter. Where nobody collects metrics, a call costs next to nothing. */
import { Context } from "@temporalio/activity";
import type { CursorInfo } from "../pipeline/cursor";
import type { DbtInfo, ExtractResourceInfo, LoadedTable } from "../pipeline/infos";
import { type Labels, METRICS, type MetricName } from "../pipeline/metrics";

/** A gauge has one value, whichever step set it: without this the SDK would keep one per activity and queue. */
const OF_NO_STEP = { activityType: "", taskQueue: "" };

/** Must be called inside an activity. */
export function measure<N extends MetricName>(name: N, value: number, labels: Labels<N>): void {
  const { metricMeter: meter } = Context.current();
  const { kind, unit, text } = METRICS[name];
  if (kind === "counter") {
    if (value > 0) meter.createCounter(name, unit, text).add(value, labels);
  } else if (kind === "histogram") meter.createHistogram(name, "float", unit, text).record(value, labels);
  else meter.createGauge(name, "float", unit, text).set(value, { ...labels, ...OF_NO_STEP });
}

export function measureExtracted(pipeline: string, info: ExtractResourceInfo): void {
  const labels = { pipeline, resource: info.resource };
  measure("tidemark_extracted_rows", info.rows, labels);
  measure("tidemark_extracted_bytes", info.bytes, labels);
  measure("tidemark_extracted_pages", info.pages, labels);
  measure("tidemark_source_requests", info.requests, labels);
}

export function measureLoaded(pipeline: string, tables: readonly LoadedTable[]): void {
  for (const { table, rows, already_loaded } of tables) {
    if (table.startsWith("_dlt_") || already_loaded) continue;
    measure("tidemark_loaded_rows", rows, { pipeline, table });
  }
}

/** @param now milliseconds since 1970 */
export function measureCompleted(
  { pipeline, dataset }: { pipeline: string; dataset: string },
  cursors: readonly CursorInfo[],
  now: number,
): void {
  measure("tidemark_last_load_timestamp", now / 1000, { pipeline, dataset });
  for (const { resource, value } of cursors) {
    const seconds = unixSeconds(value);
    if (seconds !== undefined) measure("tidemark_cursor_timestamp", seconds, { pipeline, resource });
  }
}

export function measureDbt(pipeline: string, command: string, { counts }: DbtInfo): void {
  for (const [status, nodes] of Object.entries(counts)) {
    measure("tidemark_dbt_nodes", nodes, { pipeline, command, status });
  }
}

/** Of a cursor that is a time or a date, texts of ISO form among them (an API's `updated_at`); without a zone: UTC. */
export function unixSeconds({ type, text }: CursorInfo["value"]): number | undefined {
  if (type !== "timestamp" && type !== "date" && type !== "text") return undefined;
  const iso = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}:\d{2}(?:\.\d+)?)(Z|[+-]\d{2}:?\d{2})?)?$/.exec(text);
  if (iso === null) return undefined;
  const [, day, time = "00:00:00", zone = "Z"] = iso;
  const millis = Date.parse(`${day}T${time}${zone}`);
  return Number.isNaN(millis) ? undefined : millis / 1000;
}
