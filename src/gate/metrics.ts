/** The numbers that the gate weighs, read through the destination's own session or known from the run. */
import type { DestinationSession, SelectedNumber, SqlWords } from "../destinations/destination";
import { TidemarkError } from "../pipeline/errors";
import {
  type BuiltinMetric,
  DEFAULT_MEDIAN_OF_LOADS,
  FEWEST_LOADS,
  type GateMetric,
} from "../pipeline/gate-spec";
import type { LoadFacts, MetricsInfo } from "../pipeline/infos";
import type { PipelineLoads } from "../pipeline/package-base";
import { fillSchemas, type SqlSchema } from "../pipeline/select-text";

export interface MetricsPlace {
  /** Schema that the pipelines load; what `{{ raw }}` stands for. */
  raw: string;
  /** Schema that dbt builds, a candidate's too; what `{{ analytics }}` stands for. */
  analytics: string;
  /** How this pipeline's loads are told from others' in `_dlt_loads`. */
  loads: PipelineLoads;
}

export interface MetricsContext extends MetricsPlace {
  /** Empty where the question is asked outside of a run. */
  facts: LoadFacts;
  /** Rows per table of earlier loads, the newest first. */
  earlier: readonly { [table: string]: number }[];
  now: Date;
}

/**
 * A metric without a value is told, never guessed: the gate's rules say what it means.
 * @throws TidemarkError GATE_METRIC naming the metric; what the session throws
 */
export async function collectMetrics(
  session: DestinationSession,
  metrics: readonly GateMetric[],
  context: MetricsContext,
): Promise<MetricsInfo> {
  const info: MetricsInfo = { values: {}, missing: {} };
  for (const metric of metrics) {
    const found = await metricValue(session, metric, context);
    if ("value" in found) info.values[metric.name] = found.value;
    else info.missing[metric.name] = found.missing;
  }
  return info;
}

async function metricValue(
  session: DestinationSession,
  metric: GateMetric,
  context: MetricsContext,
): Promise<SelectedNumber> {
  try {
    const { builtin } = metric;
    if (builtin !== undefined) return await BUILTINS[builtin](metric, context, session);
    const { words } = session;
    const names = { raw: words.schema(context.raw), analytics: words.schema(context.analytics) };
    return await session.selectNumber(fillSchemas(metric.sql ?? "", names));
  } catch (error) {
    if (!(error instanceof TidemarkError) || error.code !== "GATE_METRIC") throw error;
    throw new TidemarkError(
      "GATE_METRIC",
      `Metric "${metric.name}" of gate.metrics: ${error.message}. Correct it in the spec.`,
      { step: "metrics", cause: error },
    );
  }
}

type Builtin = (
  metric: GateMetric,
  context: MetricsContext,
  session: DestinationSession,
) => SelectedNumber | Promise<SelectedNumber>;

const BUILTINS: { [name in BuiltinMetric]: Builtin } = {
  load_age: async (_, { facts, now, ...place }, session) => {
    if (facts.loaded_at !== undefined) {
      return { value: Math.max(0, now.getTime() - new Date(facts.loaded_at).getTime()) / 60_000 };
    }
    return await ageOfNewestLoad(session, place);
  },

  row_age: async (metric, context, session) => {
    if (metric.table === undefined) return await ageOfNewestLoad(session, context);
    const { words } = session;
    const column = metric.column === undefined ? undefined : words.name(metric.column);
    const newest =
      column === undefined
        ? `(SELECT max(l.${words.name("inserted_at")}) FROM ${words.schema(context.raw)}.${words.name("_dlt_loads")} l ` +
          `WHERE l.${words.name("load_id")} IN (SELECT max(${words.name("_dlt_load_id")}) FROM ${tableOf(metric, context, words)}))`
        : `(SELECT max(${column}) FROM ${tableOf(metric, context, words)})`;
    return minutes(await session.selectNumber(`SELECT ${words.secondsSince(newest)} AS value`));
  },

  rows_loaded: ({ table }, { facts }) => {
    if (facts.loaded_at === undefined && facts.tables === undefined)
      return { missing: "it is known where the load ran only" };
    return { value: rowsOf(Object.fromEntries(rowsByTable(facts)), table) };
  },

  row_count_change: ({ table, loads = DEFAULT_MEDIAN_OF_LOADS }, { facts, earlier }) => {
    if (facts.tables === undefined) return { missing: "nothing was loaded" };
    const before = earlier.slice(0, loads).map(rows => rowsOf(rows, table));
    if (before.length < FEWEST_LOADS)
      return { missing: `${before.length} earlier load(s) are known here, and ${FEWEST_LOADS} are needed` };
    const usual = median(before);
    if (usual === 0) return { missing: "the median of earlier loads is 0 rows" };
    return { value: rowsOf(Object.fromEntries(rowsByTable(facts)), table) / usual - 1 };
  },

  rejected_rows: (_, { facts }) => {
    if (facts.loaded_at === undefined) return { missing: "it is known in the run that loaded only" };
    return { value: facts.rejected_rows ?? 0 };
  },

  null_share: (metric, context, session) => {
    const { words } = session;
    const isNull = `CASE WHEN ${words.name(metric.column ?? "")} IS NULL THEN 1.0 ELSE 0.0 END`;
    return session.selectNumber(`SELECT avg(${isNull}) AS value FROM ${tableOf(metric, context, words)}`);
  },

  duplicates: (metric, context, session) => {
    const { words } = session;
    const key = (metric.key ?? []).map(words.name).join(", ");
    return session.selectNumber(
      `SELECT coalesce(sum(n - 1), 0) AS value FROM (SELECT count(*) AS n FROM ${tableOf(metric, context, words)} ` +
        `GROUP BY ${key} HAVING count(*) > 1) AS several`,
    );
  },
};

/** By `_dlt_loads`: it knows nothing of runs that found nothing new. */
async function ageOfNewestLoad(
  session: DestinationSession,
  { raw, loads }: MetricsPlace,
): Promise<SelectedNumber> {
  const { newest_load_id } = await session.restore({
    dataset: raw,
    pipeline_name: loads.pipeline_name,
    schema_names: [],
    of: loads,
  });
  if (newest_load_id === null) return { missing: "this pipeline has not loaded anything yet" };
  const { words } = session;
  const id = newest_load_id.replaceAll("'", "''");
  return minutes(
    await session.selectNumber(
      `SELECT ${words.secondsSince(`max(${words.name("inserted_at")})`)} AS value ` +
        `FROM ${words.schema(raw)}.${words.name("_dlt_loads")} WHERE ${words.name("load_id")} = '${id}'`,
    ),
  );
}

function minutes(seconds: SelectedNumber): SelectedNumber {
  return "value" in seconds ? { value: Math.max(0, seconds.value) / 60 } : seconds;
}

function tableOf(metric: GateMetric, context: MetricsPlace, words: SqlWords): string {
  const schema: SqlSchema = metric.schema ?? "raw";
  return `${words.schema(context[schema])}.${words.name(metric.table ?? "")}`;
}

/** dlt's own tables are no rows of anybody's. */
function rowsByTable({ tables = [] }: LoadFacts): [string, number][] {
  return tables.filter(({ table }) => !table.startsWith("_dlt_")).map(({ table, rows }) => [table, rows]);
}

function rowsOf(rows: { [table: string]: number }, table: string | undefined): number {
  if (table !== undefined) return rows[table] ?? 0;
  return Object.values(rows).reduce((sum, n) => sum + n, 0);
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? 0;
  return (low + (sorted[Math.floor(middle)] ?? 0)) / 2;
}
