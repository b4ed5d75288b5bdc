/** The numbers that the gate weighs, read through the destination's own session. */
import type { DestinationSession } from "../destinations/destination";
import { TidemarkError } from "../pipeline/errors";
import type { GateMetrics } from "../pipeline/infos";

export interface MetricsPlace {
  /** "duckdb" or "databricks". */
  destination_type: string;
  /** Schema that the pipelines load. */
  dataset: string;
  /** dbt's schema. */
  analytics_schema: string;
}

/** Pure: the SQL text per metric; each gives one row with one column `value`. */
export function metricsSql(place: MetricsPlace): { [metric in keyof Required<GateMetrics>]: string } {
  const spark = place.destination_type === "databricks";
  const quote = (name: string) =>
    spark ? `\`${name.replaceAll("`", "``")}\`` : `"${name.replaceAll('"', '""')}"`;
  const table = (schema: string, name: string) => `${quote(schema)}.${quote(name)}`;
  const seconds = spark
    ? "unix_timestamp(current_timestamp()) - unix_timestamp(max(inserted_at))"
    : "epoch(now()) - epoch(max(inserted_at))";
  return {
    claim_service_lines: `SELECT CAST(count(*) AS DOUBLE) AS value FROM ${table(place.analytics_schema, "stg_claims")}`,
    max_allowed_ratio: `SELECT CAST(max(allowed_ratio) AS DOUBLE) AS value FROM ${table(place.analytics_schema, "mart_claims_by_payer")}`,
    freshness_minutes: `SELECT CAST(${seconds} AS DOUBLE) / 60 AS value FROM ${table(place.dataset, "_dlt_loads")} WHERE status = 0`,
  };
}

/**
 * A table that is not there gives no metric, which the gate takes as zero; it never borrows a sample value.
 * @throws what the session throws for anything but a missing table
 */
export async function collectMetrics(session: DestinationSession, place: MetricsPlace): Promise<GateMetrics> {
  const metrics: GateMetrics = {};
  const sql = metricsSql(place);
  for (const metric of ["claim_service_lines", "max_allowed_ratio", "freshness_minutes"] as const) {
    const value = await one(session, sql[metric]);
    if (value !== undefined) metrics[metric] = metric === "freshness_minutes" ? Math.max(0, value) : value;
  }
  return metrics;
}

async function one(session: DestinationSession, sql: string): Promise<number | undefined> {
  let rows: { [column: string]: unknown }[];
  try {
    rows = await session.query(sql);
  } catch (error) {
    if (isMissingTable(error)) return undefined;
    throw error;
  }
  const value = rows[0]?.value;
  if (value === null || value === undefined) return undefined;
  const number = Number(value);
  return Number.isFinite(number) ? number : undefined;
}

/** The statements are ours and fixed: a destination refuses them only where a table or column is not there. */
function isMissingTable(error: unknown): boolean {
  return error instanceof TidemarkError && error.code === "DESTINATION_REFUSED";
}
