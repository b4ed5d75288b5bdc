/** Loads, schema changes and cursors as the destination has them: also those that dlt itself loaded. Reads only. */
import type { DestinationSession } from "../destinations/destination";
import type { CursorInfo } from "../pipeline/cursor";
import type { PipelineLoads } from "../pipeline/package-base";
import { cursorsOf } from "../state/cursor-values";
import { decodeStateBlob } from "../state/state-blob";
import type { ReportLoad } from "./report-data";

export const MOST_LOADS = 60;

export interface Destined {
  loads: ReportLoad[];
  cursors: CursorInfo[];
}

/** The newest load first. */
export async function readDestination(
  session: DestinationSession,
  dataset: string,
  loads: PipelineLoads,
): Promise<Destined> {
  const { pipeline_name, schema_name } = loads;
  const { state, dataset_exists } = await session.restore({
    dataset,
    pipeline_name,
    schema_names: [schema_name],
  });
  if (!dataset_exists) return { loads: [], cursors: [] };
  const { words } = session;
  const table = (name: string) => `${words.schema(dataset)}.${words.name(name)}`;
  const rows = await session.query(
    `SELECT load_id, inserted_at, schema_version_hash FROM ${table("_dlt_loads")} WHERE status = 0 AND schema_name = ? ORDER BY load_id DESC LIMIT ${MOST_LOADS * 4}`,
    [schema_name],
  );
  const own = rows.filter(row => isOwn(String(row.load_id), loads)).slice(0, MOST_LOADS);
  const versions = await session.query(
    `SELECT version_hash, inserted_at, ${words.name("schema")} AS stored FROM ${table("_dlt_version")} WHERE schema_name = ? ORDER BY inserted_at`,
    [schema_name],
  );
  const changes = changesByHash(versions.map(row => [String(row.version_hash), String(row.stored)]));
  const told = new Set<string>();
  const oldestFirst = own.reverse().map(row => {
    const hash = String(row.schema_version_hash);
    const news = told.has(hash) ? [] : (changes.get(hash) ?? []);
    told.add(hash);
    return { load_id: String(row.load_id), at: isoOf(row.inserted_at), schema_changes: news };
  });
  return {
    loads: oldestFirst.reverse(),
    cursors: state === null ? [] : cursorsOf(decodeStateBlob(state.blob)),
  };
}

/** An id of ours ends with its pipeline's mark; another may be anybody's (`PipelineLoads`). */
function isOwn(loadId: string, { mark }: PipelineLoads): boolean {
  const decimals = loadId.split(".")[1] ?? "";
  return decimals.length !== 11 || decimals.endsWith(mark);
}

/** New tables and columns of each version against the one before it. */
export function changesByHash(versions: readonly [hash: string, schema: string][]): Map<string, string[]> {
  const changes = new Map<string, string[]>();
  let known = new Map<string, Set<string>>();
  for (const [hash, text] of versions) {
    const tables = tablesOf(text);
    if (tables === undefined) continue;
    const news: string[] = [];
    for (const [table, columns] of tables) {
      const before = known.get(table);
      if (before === undefined) news.push(table);
      else for (const column of columns) if (!before.has(column)) news.push(`${table}.${column}`);
    }
    changes.set(hash, news);
    known = tables;
  }
  return changes;
}

function tablesOf(text: string): Map<string, Set<string>> | undefined {
  try {
    const { tables } = JSON.parse(text) as { tables: { [table: string]: { columns?: object } } };
    return new Map(
      Object.entries(tables)
        .filter(([name]) => !name.startsWith("_dlt_"))
        .map(([name, { columns = {} }]) => [name, new Set(Object.keys(columns))]),
    );
  } catch {
    return undefined;
  }
}

function isoOf(value: unknown): string {
  const time = new Date(value as string);
  return Number.isNaN(time.getTime()) ? String(value) : time.toISOString();
}
