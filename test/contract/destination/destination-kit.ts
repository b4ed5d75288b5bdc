/** What the parts of the destination contract share: a fresh harness per test, plans, files and reading back. */
import { join } from "node:path";
import type {
  Destination,
  DestinationSession,
  LoadPlan,
  PackageFile,
} from "../../../src/destinations/destination";
import type { LoadedTable, ProgressEvent } from "../../../src/pipeline/infos";
import type { ReplaceStrategy } from "../../../src/pipeline/spec";
import type { StoredSchema, StoredTable } from "../../../src/schema/types";
import { type TestValue, writeParquet } from "../../support/duckdb";
import { childTable, rootTable, storedSchema } from "../../support/stored-schema";

export interface DestinationHarness {
  destination: Destination;
  dataset: string;
  /** Folder for package files, readable by the destination. */
  folder: string;
  /** A qualified, quoted table name for `query`; of the dataset, or of another schema. */
  qualified(table: string, schema?: string): string;
  quoted(name: string): string;
  /** SQL that prints a timestamp column as `2026-01-31 00:00:00+00`. */
  timestampText(column: string): string;
  /** The oddest table name that the destination takes. */
  oddTable: string;
  close(): Promise<void>;
}

export type CreateHarness = (options?: { replace_strategy?: ReplaceStrategy }) => Promise<DestinationHarness>;

export const ITEM = { id: "BIGINT", v: "VARCHAR", _dlt_load_id: "VARCHAR", _dlt_id: "VARCHAR" };
const LINE = {
  value: "BIGINT",
  _dlt_root_id: "VARCHAR",
  _dlt_parent_id: "VARCHAR",
  _dlt_list_idx: "BIGINT",
  _dlt_id: "VARCHAR",
};
export const KEY = { data_type: "bigint", nullable: false, primary_key: true } as const;

/** To be called inside a `describe`: it makes and closes a harness around every test. */
export function useDestination(create: CreateHarness) {
  let harness: DestinationHarness | undefined;
  let loads = 0;
  const current = (): DestinationHarness => harness as DestinationHarness;
  /** Another harness in place of the test's own. */
  async function recreate(options: { replace_strategy?: ReplaceStrategy } = {}): Promise<void> {
    await harness?.close();
    harness = await create(options);
    loads = 0;
  }
  beforeEach(() => recreate());
  afterEach(() => current().close());

  async function open<T>(
    fn: (session: DestinationSession) => Promise<T>,
    onProgress: (event: ProgressEvent) => void = () => undefined,
    signal = new AbortController().signal,
  ): Promise<T> {
    const session = await current().destination.open({ signal, onProgress });
    try {
      return await fn(session);
    } finally {
      await session[Symbol.asyncDispose]();
    }
  }

  function plan(schema: StoredSchema, files: PackageFile[], more: Partial<LoadPlan> = {}): LoadPlan {
    loads += 1;
    return {
      load_id: `170000000${loads}.25`,
      dataset: current().dataset,
      staging_dataset: `${current().dataset}_staging`,
      schema,
      files,
      roots: [...new Set(files.map(f => f.table).filter(t => !schema.tables[t]?.parent))],
      created_at: `2026-01-0${loads}T00:00:00.000000Z`,
      ...more,
    };
  }

  async function load(p: LoadPlan): Promise<{ [table: string]: LoadedTable }> {
    const loaded = await open(async session => {
      await session.migrate(p);
      await session.stage?.(p);
      const tables = await session.loadChains([p], p.roots);
      await session.completeLoad(p);
      return tables;
    });
    return Object.fromEntries(loaded.map(table => [table.table, table]));
  }

  const counts = (table: LoadedTable | undefined): number[] =>
    table ? [table.inserted, table.updated, table.deleted] : [];

  let fileNumber = 0;
  function file(
    table: string,
    columns: { [name: string]: string },
    rows: TestValue[][],
  ): Promise<PackageFile> {
    fileNumber += 1;
    return writeParquet(join(current().folder, `${fileNumber}.parquet`), table, columns, rows);
  }
  /** [id, v, _dlt_id] */
  const items = (rows: [TestValue, TestValue, string][], table = "items"): Promise<PackageFile> =>
    file(
      table,
      ITEM,
      rows.map(([id, v, rowId]) => [id, v, "load", rowId]),
    );
  /** [value, root id, index] */
  const lines = (rows: [TestValue, string, number][]): Promise<PackageFile> =>
    file(
      "items__lines",
      LINE,
      rows.map(([v, root, i]) => [v, root, root, i, `${root}-${i}`]),
    );

  async function rows(sql: string): Promise<unknown[][]> {
    return (await open(session => session.query(sql))).map(row => Object.values(row));
  }
  const select = (what: string, table = "items", order = what): Promise<unknown[][]> =>
    rows(`SELECT ${what} FROM ${current().qualified(table)} ORDER BY ${order}`);
  const loadCount = async (): Promise<number> => (await select("load_id", "_dlt_loads")).length;

  const flat = (hints: Partial<StoredTable> = {}, more = {}): StoredSchema =>
    storedSchema([rootTable("items", { id: KEY, v: "text", ...more }, hints)]);
  const nested = (hints: Partial<StoredTable>, more = {}): StoredSchema =>
    storedSchema([
      rootTable("items", { id: KEY, v: "text", ...more }, hints),
      childTable("items__lines", "items", { value: "bigint" }),
    ]);

  return {
    current,
    recreate,
    open,
    plan,
    load,
    counts,
    file,
    items,
    lines,
    rows,
    select,
    loadCount,
    flat,
    nested,
  };
}
