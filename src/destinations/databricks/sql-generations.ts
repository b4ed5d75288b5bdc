/** Statements of generations. Pure text. */
import type { CandidatePlan, Generation, GenerationOwner, PublishedObject } from "../generations";
import { quoteName, quoteText } from "./sql-text";

export interface Column {
  name: string;
  type: string;
}

/** Delta compares writers of the same row; Serializable also those that only add one (docs/databricks.md). */
export function createBookkeeping(table: string): string {
  return (
    `CREATE TABLE IF NOT EXISTS ${table} (generation BIGINT NOT NULL, state STRING NOT NULL, pipeline STRING NOT NULL, ` +
    "project STRING NOT NULL, workflow STRING NOT NULL, run STRING NOT NULL, begun_at STRING NOT NULL, published_at STRING, " +
    "publication BIGINT NOT NULL, complete BOOLEAN NOT NULL, objects STRING NOT NULL, other_schemas STRING NOT NULL, live STRING NOT NULL) " +
    "USING DELTA TBLPROPERTIES ('delta.isolationLevel' = 'Serializable')"
  );
}

export function selectAll(table: string): string {
  return `SELECT * FROM ${table} ORDER BY generation DESC`;
}

/** Nothing where the number is taken. */
export function insertGeneration(
  table: string,
  generation: number,
  plan: CandidatePlan,
  owner: GenerationOwner,
  now: string,
): string {
  const values = [
    `CAST(${generation} AS BIGINT)`,
    ...["building", owner.pipeline, plan.project, owner.workflow, owner.run, now].map(quoteText),
    "CAST(NULL AS STRING)",
    "CAST(0 AS BIGINT)",
    String(plan.complete),
    ...[JSON.stringify(plan.objects), JSON.stringify(plan.other_schemas), "[]"].map(quoteText),
  ];
  return `INSERT INTO ${table} SELECT ${values.join(", ")} WHERE NOT EXISTS (SELECT 1 FROM ${table} WHERE generation = ${generation})`;
}

/** With constraints, comments and properties, which dbt gives a table only when it makes it. Not shallow: its source is swept. */
export function copyTable(from: string, into: string): string {
  return `CREATE OR REPLACE TABLE ${into} DEEP CLONE ${from}`;
}

/** The one commit that makes a generation what readers see; nothing where somebody else has published since. */
export function makePublication(
  table: string,
  { generation, publication }: Generation,
  newest: number,
  live: readonly PublishedObject[],
  now: string,
): string {
  return (
    `MERGE INTO ${table} AS t USING (SELECT coalesce(max(publication), 0) AS newest FROM ${table}) AS s ` +
    `ON t.generation = ${generation} AND t.publication = ${publication} AND s.newest = ${newest} ` +
    `WHEN MATCHED THEN UPDATE SET t.state = 'live', t.publication = ${newest + 1}, ` +
    `t.published_at = ${quoteText(now)}, t.live = ${quoteText(JSON.stringify(live))}`
  );
}

export function viewOf(table: string): string {
  return `SELECT * FROM ${table}`;
}

export interface Switch {
  bookkeeping: string;
  generation: number;
  /** Its publication until now; 0: none. */
  publication: number;
}

export interface Side {
  table: string;
  columns: readonly Column[];
}

/**
 * The old rows until the generation is published (once more), from then on the new ones. A column that one side has not
 * is NULL there. Undefined: a column changes its type, and one view cannot be both.
 */
export function bridgeOf(
  old: Side,
  next: Side,
  { bookkeeping, generation, publication }: Switch,
): string | undefined {
  const by = (columns: readonly Column[]) => new Map(columns.map(one => [one.name.toLowerCase(), one]));
  const [left, right] = [by(old.columns), by(next.columns)];
  if (left.size === 0 || right.size === 0) return undefined;
  for (const [name, { type }] of left) if ((right.get(name)?.type ?? type) !== type) return undefined;
  const all = [...next.columns, ...old.columns.filter(({ name }) => !right.has(name.toLowerCase()))];
  const select = (side: Map<string, Column>) =>
    all
      .map(({ name, type }) =>
        side.has(name.toLowerCase()) ? quoteName(name) : `CAST(NULL AS ${type}) AS ${quoteName(name)}`,
      )
      .join(", ");
  const published = `(SELECT coalesce(max(publication), 0) FROM ${bookkeeping} WHERE generation = ${generation})`;
  return (
    `SELECT ${select(left)} FROM ${old.table} WHERE ${published} <= ${publication} ` +
    `UNION ALL SELECT ${select(right)} FROM ${next.table} WHERE ${published} > ${publication}`
  );
}
