/** Brings together what destination, Temporal, package records and dbt's artifacts know of a pipeline. */
import type { Client } from "@temporalio/client";
import type { Destination } from "../destinations/destination";
import { listPackages } from "../package/packages";
import type { OnProgress } from "../pipeline/infos";
import type { PipelineLoads } from "../pipeline/package-base";
import { readDestination } from "./from-destination";
import { dbtNodes } from "./from-files";
import { rowsOf, runsOf } from "./from-temporal";
import type { ReportLoad, ReportPipeline, ReportRun } from "./report-data";

export interface ReportSources {
  pipeline: string;
  /** As in the destination. */
  dataset: string;
  /** For people: type and place. */
  place: string;
  destination: Destination;
  loads: PipelineLoads;
  home: string;
  packageRoot: string;
  /** Absent where no server is there to ask. */
  client?: Client;
  signal: AbortSignal;
  /** Told of who holds the destination up. */
  onProgress: OnProgress;
}

/** What cannot be read is a note on the page; the rest is shown all the same. */
export async function gatherPipeline(from: ReportSources): Promise<ReportPipeline> {
  const notes: string[] = [];
  const tried = async <T>(what: string, read: () => Promise<T> | T, otherwise: T): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      notes.push(`${what}: ${(error as Error).message}`);
      return otherwise;
    }
  };
  const { client } = from;
  const runs: ReportRun[] =
    client === undefined
      ? []
      : await tried("Temporal's runs could not be read", () => runsOf(client, from.pipeline), []);
  if (client === undefined) notes.push("No Temporal server answers: runs and decisions are not shown.");
  const { loads, cursors } = await tried("The destination could not be read", () => destined(from), {
    loads: [],
    cursors: [],
  });
  const known = await tried("Package records could not be read", () => rowsByLoad(from), new Map());
  for (const { load_id, rows } of runs)
    if (load_id !== undefined && rows !== undefined) known.set(load_id, rows);
  const nodes = await tried(
    "dbt's artifacts could not be read",
    () => dbtNodes(from.home, from.pipeline),
    [],
  );
  return {
    pipeline: from.pipeline,
    destination: from.place,
    dataset: from.dataset,
    runs,
    loads: loads.map((load: ReportLoad) => ({
      ...load,
      ...(known.has(load.load_id) ? { rows: known.get(load.load_id) } : {}),
    })),
    cursors,
    nodes,
    notes,
  };
}

async function destined({ destination, dataset, loads, signal, onProgress }: ReportSources) {
  await using session = await destination.open({ signal, onProgress, readOnly: true });
  return await readDestination(session, dataset, loads);
}

/** Rows per table of loads that this package root remembers. */
async function rowsByLoad({ packageRoot, pipeline }: ReportSources) {
  const known = new Map<string, { [table: string]: number }>();
  for (const { load_id, rows } of await listPackages(packageRoot, pipeline)) {
    if (rows === undefined) continue;
    known.set(load_id, rowsOf(Object.entries(rows).map(([table, n]) => ({ table, rows: n }))));
  }
  return known;
}
