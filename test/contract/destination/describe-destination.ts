/**
 * The contract of a destination, run over the real vendor: strategies with their counts, evolution, retries, several
 * pipelines in one dataset. A second destination runs the same suite through its own harness.
 */
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
  /** A qualified, quoted table name for `query`. */
  qualified(table: string): string;
  close(): Promise<void>;
}

type CreateHarness = (options?: { replace_strategy?: ReplaceStrategy }) => Promise<DestinationHarness>;

const ITEM = { id: "BIGINT", v: "VARCHAR", _dlt_load_id: "VARCHAR", _dlt_id: "VARCHAR" };
const LINE = {
  value: "BIGINT",
  _dlt_root_id: "VARCHAR",
  _dlt_parent_id: "VARCHAR",
  _dlt_list_idx: "BIGINT",
  _dlt_id: "VARCHAR",
};
const KEY = { data_type: "bigint", nullable: false, primary_key: true } as const;

export function describeDestination(name: string, create: CreateHarness): void {
  describe(`${name} as a destination`, () => {
    let harness: DestinationHarness;
    let loads: number;

    beforeEach(async () => {
      harness = await create();
      loads = 0;
    });
    afterEach(async () => {
      await harness.close();
    });

    async function open<T>(
      fn: (session: DestinationSession) => Promise<T>,
      onProgress: (event: ProgressEvent) => void = () => undefined,
      signal = new AbortController().signal,
    ): Promise<T> {
      const session = await harness.destination.open({ signal, onProgress });
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
        dataset: harness.dataset,
        staging_dataset: `${harness.dataset}_staging`,
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
        const tables = await session.loadChains(p, p.roots);
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
      return writeParquet(join(harness.folder, `${fileNumber}.parquet`), table, columns, rows);
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
      rows(`SELECT ${what} FROM ${harness.qualified(table)} ORDER BY ${order}`);
    const loadCount = async (): Promise<number> => (await select("load_id", "_dlt_loads")).length;

    const flat = (hints: Partial<StoredTable> = {}, more = {}): StoredSchema =>
      storedSchema([rootTable("items", { id: KEY, v: "text", ...more }, hints)]);
    const nested = (hints: Partial<StoredTable>, more = {}): StoredSchema =>
      storedSchema([
        rootTable("items", { id: KEY, v: "text", ...more }, hints),
        childTable("items__lines", "items", { value: "bigint" }),
      ]);

    describe("append and replace", () => {
      it("appends without looking at keys", async () => {
        await load(plan(flat(), [await items([[1, "a", "r1"]])]));
        const loaded = await load(
          plan(flat(), [
            await items([
              [1, "b", "r2"],
              [2, "c", "r3"],
            ]),
          ]),
        );
        expect(await select("id, v")).toEqual([
          [1, "a"],
          [1, "b"],
          [2, "c"],
        ]);
        expect(counts(loaded.items)).toEqual([2, 0, 0]);
      });

      it.each(["truncate-and-insert", "insert-from-staging"] as const)("replaces by %s", async strategy => {
        await harness.close();
        harness = await create({ replace_strategy: strategy });
        const schema = nested({ write_disposition: "replace" });
        await load(
          plan(schema, [
            await items([
              [1, "a", "r1"],
              [2, "b", "r2"],
            ]),
            await lines([[5, "r1", 0]]),
          ]),
        );
        const loaded = await load(plan(schema, [await items([[3, "c", "r3"]])]));
        expect(await select("id")).toEqual([[3]]);
        expect(await select("value", "items__lines")).toEqual([]);
        expect(counts(loaded.items)).toEqual([1, 0, 2]);
        expect(counts(loaded.items__lines)).toEqual([0, 0, 1]);
      });

      it("empties the tables of a replace resource that had no rows, and records the load", async () => {
        const schema = flat({ write_disposition: "replace" });
        await load(plan(schema, [await items([[1, "a", "r1"]])]));
        await load(plan(schema, [], { roots: ["items"] }));
        expect(await select("id")).toEqual([]);
        expect(await loadCount()).toBe(2);
      });

      it("refuses staging-optimized where it is not supported", async () => {
        await harness.close();
        harness = await create({ replace_strategy: "staging-optimized" });
        if (harness.destination.capabilities.replace_strategies.includes("staging-optimized")) return;
        const p = plan(flat({ write_disposition: "replace" }), [await items([[1, "a", "r1"]])]);
        await expect(load(p)).rejects.toMatchObject({ code: "DESTINATION_UNSUPPORTED" });
      });
    });

    describe("merge by delete-insert", () => {
      const merge: Partial<StoredTable> = { write_disposition: "merge" };

      it("updates by key, keeps the first of equal keys, inserts the rest", async () => {
        await load(
          plan(flat(merge), [
            await items([
              [1, "a", "r1"],
              [2, "b", "r2"],
            ]),
          ]),
        );
        const loaded = await load(
          plan(flat(merge), [
            await items([
              [2, "B", "r3"],
              [3, "c", "r4"],
              [3, "later", "r5"],
            ]),
          ]),
        );
        expect(await select("id, v")).toEqual([
          [1, "a"],
          [2, "B"],
          [3, "c"],
        ]);
        expect(counts(loaded.items)).toEqual([1, 1, 0]);
      });

      it("takes the order of arrival over several files", async () => {
        const first = await items([[1, "first", "r1"]]);
        const second = await items([[1, "second", "r2"]]);
        await load(plan(flat(merge), [second, first]));
        expect(await select("v")).toEqual([["second"]]);
      });

      it("replaces the children of updated parents and drops those of duplicates", async () => {
        await load(
          plan(nested(merge), [
            await items([
              [1, "a", "r1"],
              [2, "b", "r2"],
            ]),
            await lines([
              [10, "r1", 0],
              [11, "r1", 1],
              [20, "r2", 0],
            ]),
          ]),
        );
        const loaded = await load(
          plan(nested(merge), [
            await items([
              [1, "A", "r3"],
              [1, "dup", "r4"],
            ]),
            await lines([
              [100, "r3", 0],
              [999, "r4", 0],
            ]),
          ]),
        );
        expect(await select("value", "items__lines")).toEqual([[20], [100]]);
        expect(counts(loaded.items)).toEqual([0, 1, 0]);
        expect(counts(loaded.items__lines)).toEqual([0, 1, 1]);
      });

      it("empties nested tables that got no rows for an updated parent", async () => {
        await load(plan(nested(merge), [await items([[1, "a", "r1"]]), await lines([[10, "r1", 0]])]));
        await load(plan(nested(merge), [await items([[1, "b", "r2"]])]));
        expect(await select("value", "items__lines")).toEqual([]);
      });

      it("deletes flagged rows with their children; the winner of dedup_sort decides", async () => {
        const schema = nested(merge, {
          gone: { data_type: "bool", hard_delete: true },
          seq: { data_type: "bigint", dedup_sort: "desc" },
        });
        const columns = { ...ITEM, gone: "BOOLEAN", seq: "BIGINT" };
        await load(
          plan(schema, [
            await file("items", columns, [
              [1, "a", "l", "r1", null, 1],
              [2, "b", "l", "r2", false, 1],
              [3, "c", "l", "r3", null, 1],
            ]),
            await lines([
              [10, "r1", 0],
              [20, "r2", 0],
            ]),
          ]),
        );
        const loaded = await load(
          plan(schema, [
            await file("items", columns, [
              [1, "kept?", "l", "r4", null, 1],
              [1, "gone", "l", "r5", true, 2],
              [2, "stays", "l", "r6", null, 9],
              [2, "old flag", "l", "r7", true, 8],
              [7, "never", "l", "r8", true, 1],
            ]),
            await lines([
              [40, "r4", 0],
              [60, "r6", 0],
            ]),
          ]),
        );
        expect(await select("id, v")).toEqual([
          [2, "stays"],
          [3, "c"],
        ]);
        expect(await select("value", "items__lines")).toEqual([[60]]);
        expect(counts(loaded.items)).toEqual([0, 1, 1]);
      });

      it("replaces whole groups by merge_key without dedup, and appends without keys", async () => {
        const byDay = storedSchema([
          rootTable(
            "items",
            { id: "bigint", v: { data_type: "text", nullable: false, merge_key: true } },
            merge,
          ),
        ]);
        await load(
          plan(byDay, [
            await items([
              [1, "mon", "r1"],
              [2, "mon", "r2"],
              [3, "tue", "r3"],
            ]),
          ]),
        );
        const loaded = await load(
          plan(byDay, [
            await items([
              [8, "mon", "r4"],
              [8, "mon", "r5"],
              [8, "mon", "r6"],
            ]),
          ]),
        );
        expect(await select("id, v")).toEqual([
          [3, "tue"],
          [8, "mon"],
          [8, "mon"],
          [8, "mon"],
        ]);
        expect(counts(loaded.items)).toEqual([1, 2, 0]);

        const keyless = storedSchema([rootTable("logs", { id: "bigint", v: "text" }, merge)], "hash-2");
        await load(
          plan(keyless, [
            await items(
              [
                [1, "a", "r1"],
                [1, "a", "r2"],
              ],
              "logs",
            ),
          ]),
        );
        await load(plan(keyless, [await items([[1, "a", "r3"]], "logs")]));
        expect(await select("id", "logs")).toEqual([[1], [1], [1]]);
      });

      it("takes source_filter and destination_scope", async () => {
        const schema = nested({
          ...merge,
          "x-merge-source-filter": "v <> 'skip{{}}' AND v <> 'skip'",
          "x-merge-destination-scope": "v IN (SELECT v FROM {staging_table}) AND {table}.id < 10",
        });
        await load(
          plan(schema, [
            await items([
              [1, "a", "r1"],
              [2, "b", "r2"],
              [11, "a", "r3"],
            ]),
            await lines([[1, "r1", 0]]),
          ]),
        );
        await load(
          plan(schema, [
            await items([
              [5, "a", "r5"],
              [6, "skip", "r6"],
            ]),
            await lines([
              [5, "r5", 0],
              [6, "r6", 0],
            ]),
          ]),
        );
        expect(await select("id")).toEqual([[2], [5], [11]]);
        expect(await select("value", "items__lines")).toEqual([[5]]);
      });
    });

    describe("upsert, insert-only, cdc", () => {
      const strategy = (name: string, more: Partial<StoredTable> = {}): Partial<StoredTable> => ({
        write_disposition: "merge",
        "x-merge-strategy": name,
        ...more,
      });

      it("upserts roots and nested rows and deletes list elements that are gone", async () => {
        const schema = nested(strategy("upsert"));
        await load(
          plan(schema, [
            await items([
              [1, "a", "k1"],
              [2, "b", "k2"],
            ]),
            await lines([
              [10, "k1", 0],
              [11, "k1", 1],
              [20, "k2", 0],
            ]),
          ]),
        );
        const loaded = await load(
          plan(schema, [
            await items([
              [1, "A", "k1"],
              [3, "c", "k3"],
            ]),
            await lines([
              [12, "k1", 0],
              [30, "k3", 0],
            ]),
          ]),
        );
        expect(await select("id, v")).toEqual([
          [1, "A"],
          [2, "b"],
          [3, "c"],
        ]);
        expect(await select("value", "items__lines")).toEqual([[12], [20], [30]]);
        expect(counts(loaded.items)).toEqual([1, 1, 0]);
        expect(counts(loaded.items__lines)).toEqual([1, 1, 1]);
      });

      it("inserts all duplicates of a new key, deletes flagged rows that exist and inserts flagged new ones", async () => {
        const schema = nested(strategy("upsert"), { gone: { data_type: "bool", hard_delete: true } });
        const columns = { ...ITEM, gone: "BOOLEAN" };
        await load(
          plan(schema, [
            await file("items", columns, [[1, "a", "l", "k1", null]]),
            await lines([[1, "k1", 0]]),
          ]),
        );
        const loaded = await load(
          plan(schema, [
            await file("items", columns, [
              [1, "x", "l", "k1", true],
              [5, "n", "l", "k5", null],
              [5, "n", "l", "k5", null],
              [6, "f", "l", "k6", true],
            ]),
          ]),
        );
        expect(await select("id")).toEqual([[5], [5], [6]]);
        expect(await select("value", "items__lines")).toEqual([]);
        expect(counts(loaded.items)).toEqual([3, 0, 1]);
      });

      it("leaves unchanged rows alone with skip_unchanged_rows", async () => {
        const schema = flat(strategy("upsert", { "x-merge-skip-unchanged-rows": true }));
        const row = (id: number, v: string, loadId: string): TestValue[] => [id, v, loadId, `k${id}`];
        await load(plan(schema, [await file("items", ITEM, [row(1, "a", "L1"), row(2, "b", "L1")])]));
        const loaded = await load(
          plan(schema, [await file("items", ITEM, [row(1, "a", "L2"), row(2, "B", "L2")])]),
        );
        expect(await select("id, _dlt_load_id")).toEqual([
          [1, "L1"],
          [2, "L2"],
        ]);
        expect(counts(loaded.items)).toEqual([0, 1, 0]);
      });

      it("insert-only never touches what is there", async () => {
        const schema = nested(strategy("insert-only"));
        await load(plan(schema, [await items([[1, "a", "k1"]]), await lines([[10, "k1", 0]])]));
        const loaded = await load(
          plan(schema, [
            await items([
              [1, "A", "k1"],
              [2, "b", "k2"],
            ]),
            await lines([
              [99, "k1", 0],
              [11, "k1", 1],
            ]),
          ]),
        );
        expect(await select("id, v")).toEqual([
          [1, "a"],
          [2, "b"],
        ]);
        expect(await select("value", "items__lines")).toEqual([[10], [11]]);
        expect(counts(loaded.items)).toEqual([1, 0, 0]);
      });

      it("cdc deletes what is absent, with children, inside its partition", async () => {
        const schema = nested(strategy("cdc", { "x-merge-destination-scope": "id < 100" }));
        await load(
          plan(schema, [
            await items([
              [1, "a", "k1"],
              [2, "b", "k2"],
              [100, "c", "k100"],
            ]),
            await lines([
              [20, "k2", 0],
              [1000, "k100", 0],
            ]),
          ]),
        );
        const loaded = await load(plan(schema, [await items([[1, "A", "k1"]])]));
        expect(await select("id, v")).toEqual([
          [1, "A"],
          [100, "c"],
        ]);
        expect(await select("value", "items__lines")).toEqual([[1000]]);
        expect(counts(loaded.items)).toEqual([0, 1, 1]);
      });

      it("refuses upsert without a primary key before anything is written", async () => {
        const schema = storedSchema([rootTable("items", { id: "bigint", v: "text" }, strategy("upsert"))]);
        await expect(load(plan(schema, [await items([[1, "a", "k1"]])]))).rejects.toMatchObject({
          code: "DESTINATION_UNSUPPORTED",
        });
        expect(
          (await open(s => s.restore({ dataset: harness.dataset, pipeline_name: "p", schema_names: [] })))
            .dataset_exists,
        ).toBe(false);
      });
    });

    describe("scd2", () => {
      const scd2 = (
        table: Partial<StoredTable> = {},
        active: string | null = null,
        id: object = {},
      ): StoredSchema => {
        const root = rootTable(
          "items",
          {
            valid_from: { data_type: "timestamp", "x-valid-from": true },
            valid_to: { data_type: "timestamp", "x-valid-to": true, "x-active-record-timestamp": active },
            id: { data_type: "bigint", ...id },
            v: "text",
          },
          { write_disposition: "merge", "x-merge-strategy": "scd2", ...table },
        );
        root.columns._dlt_id = {
          name: "_dlt_id",
          data_type: "text",
          nullable: false,
          "x-row-version": true,
          unique: false,
          row_key: false,
        };
        return storedSchema([root, childTable("items__lines", "items", { value: "bigint" }, false)]);
      };
      const child = (rows: [TestValue, string, number][]): Promise<PackageFile> =>
        file(
          "items__lines",
          { value: "BIGINT", _dlt_parent_id: "VARCHAR", _dlt_list_idx: "BIGINT", _dlt_id: "VARCHAR" },
          rows.map(([v, root, i]) => [v, root, i, `${root}-${i}`]),
        );
      const versions = (): Promise<unknown[][]> =>
        select("v, CAST(valid_from AS VARCHAR), CAST(valid_to AS VARCHAR)", "items", "v, valid_from");

      it("retires absent versions at the package's time and brings a returning row back as a new version", async () => {
        await load(
          plan(scd2(), [
            await items([
              [1, "a", "h1"],
              [2, "b", "h2"],
            ]),
            await child([[1, "h1", 0]]),
          ]),
        );
        const second = await load(
          plan(scd2(), [
            await items([
              [1, "A", "h3"],
              [2, "b", "h2"],
            ]),
            await child([[3, "h3", 0]]),
          ]),
        );
        await load(
          plan(scd2(), [
            await items([
              [1, "a", "h1"],
              [2, "b", "h2"],
            ]),
            await child([[1, "h1", 0]]),
          ]),
        );
        expect(await versions()).toEqual([
          ["A", "2026-01-02 00:00:00+00", "2026-01-03 00:00:00+00"],
          ["a", "2026-01-01 00:00:00+00", "2026-01-02 00:00:00+00"],
          ["a", "2026-01-03 00:00:00+00", null],
          ["b", "2026-01-01 00:00:00+00", null],
        ]);
        expect(counts(second.items)).toEqual([1, 1, 0]);
        expect(await select("value", "items__lines")).toEqual([[1], [3]]);
      });

      it("retires only staged merge keys; takes boundary and active timestamp", async () => {
        const schema = scd2({ "x-boundary-timestamp": "2024-02-01" }, "9999-12-31", { merge_key: true });
        await load(
          plan(schema, [
            await items([
              [1, "a", "h1"],
              [2, "b", "h2"],
            ]),
          ]),
        );
        await load(
          plan(scd2({ "x-boundary-timestamp": "2024-03-01" }, "9999-12-31", { merge_key: true }), [
            await items([[1, "A", "h3"]]),
          ]),
        );
        expect(await versions()).toEqual([
          ["A", "2024-03-01 00:00:00+00", "9999-12-31 00:00:00+00"],
          ["a", "2024-02-01 00:00:00+00", "2024-03-01 00:00:00+00"],
          ["b", "2024-02-01 00:00:00+00", "9999-12-31 00:00:00+00"],
        ]);
      });
    });

    describe("schema", () => {
      it("creates tables once, adds columns, writes each version once and fills missing columns with NULL", async () => {
        const first = plan(flat(), [await items([[1, "a", "r1"]])]);
        const info = await open(session => session.migrate(first));
        expect(info).toEqual({
          created: ["_dlt_version", "_dlt_loads", "items"],
          added: [],
          version_written: true,
        });
        expect(await open(session => session.migrate(first))).toEqual({
          created: [],
          added: [],
          version_written: false,
        });
        await load(first);

        const wider = { ...flat({}, { w: "double" }), version_hash: "hash-2", version: 3 };
        const second = plan(wider, [await items([[2, "b", "r2"]])]);
        expect(await open(session => session.migrate(second))).toEqual({
          created: [],
          added: ["items.w"],
          version_written: true,
        });
        await load(second);
        expect(await select("id, w")).toEqual([
          [1, null],
          [2, null],
        ]);
        expect(await select("version_hash", "_dlt_version")).toEqual([["hash-1"], ["hash-2"]]);
      });

      it("refuses a NOT NULL column on an existing table and changes nothing", async () => {
        await load(plan(flat(), [await items([[1, "a", "r1"]])]));
        const schema = {
          ...flat({}, { n: { data_type: "bigint", nullable: false } }),
          version_hash: "hash-2",
        };
        const p = plan(schema, [await file("items", { ...ITEM, n: "BIGINT" }, [[2, "b", "l", "r2", 5]])]);
        await expect(load(p)).rejects.toMatchObject({ code: "DESTINATION_REFUSED" });
        expect(await select("version_hash", "_dlt_version")).toEqual([["hash-1"]]);
        expect(await select("id")).toEqual([[1]]);
      });

      it("takes names that need quotes", async () => {
        const odd = 'odd "name" .; select';
        const schema = storedSchema([
          rootTable(odd, { 'a"b': KEY, select: "text" }, { write_disposition: "merge" }),
        ]);
        const columns = { 'a"b': "BIGINT", select: "VARCHAR", _dlt_load_id: "VARCHAR", _dlt_id: "VARCHAR" };
        await load(plan(schema, [await file(odd, columns, [[1, "x", "l", "r1"]])]));
        await load(plan(schema, [await file(odd, columns, [[1, "y'; --", "l", "r2"]])]));
        expect(await select('"select"', odd)).toEqual([["y'; --"]]);
      });

      it("drops and truncates for refresh, once", async () => {
        await load(plan(flat(), [await items([[1, "a", "r1"]])]));
        const drop = plan({ ...flat(), version_hash: "hash-2" }, [await items([[2, "b", "r2"]])], {
          refresh: { drop: ["items"], truncate: [] },
        });
        await load(drop);
        expect(await select("id")).toEqual([[2]]);
        expect(await select("version_hash", "_dlt_version")).toEqual([["hash-2"]]);
        await load(drop);
        expect(await select("id")).toEqual([[2]]);
        await load(
          plan({ ...flat(), version_hash: "hash-2" }, [await items([[3, "c", "r3"]])], {
            refresh: { drop: [], truncate: ["items"] },
          }),
        );
        expect(await select("id")).toEqual([[3]]);
        expect(await select("version_hash", "_dlt_version")).toEqual([["hash-2"]]);
      });
    });

    describe("state and retries", () => {
      const state = (pipeline: string, version = 1): NonNullable<LoadPlan["state"]> => ({
        version,
        engine_version: 4,
        pipeline_name: pipeline,
        blob: `state of ${pipeline} ${version}`,
        created_at: "2026-01-01T00:00:00.123456+00:00",
        version_hash: `state-hash-${version}`,
        dlt_id: `state-${pipeline}-${version}`,
      });

      it("answers empty for a dataset that is not there", async () => {
        const query = { dataset: "nowhere", pipeline_name: "p", schema_names: ["api"] };
        expect(await open(session => session.restore(query))).toEqual({
          dataset_exists: false,
          state: null,
          schemas: {},
          max_load_id: null,
        });
        expect(await open(session => session.isLoaded("nowhere", "1"))).toBe(false);
      });

      it("keeps two pipelines apart in one dataset, and ignores a state whose load is not closed", async () => {
        await load(plan(flat(), [await items([[1, "a", "r1"]])], { state: state("one") }));
        const other = storedSchema([rootTable("others", { id: "bigint", v: "text" })], "hash-o", "other");
        await load(plan(other, [await items([[1, "a", "r1"]], "others")], { state: state("two") }));
        await load(plan(flat(), [], { state: state("one", 2) }));
        const restore = (pipeline_name: string) =>
          open(s =>
            s.restore({ dataset: harness.dataset, pipeline_name, schema_names: ["api", "other", "none"] }),
          );
        const one = await restore("one");
        expect(one.state).toEqual({
          blob: "state of one 2",
          version: 2,
          version_hash: "state-hash-2",
          load_id: "1700000003.25",
        });
        expect(one.max_load_id).toBe("1700000003.25");
        expect(Object.keys(one.schemas).sort()).toEqual(["api", "other"]);
        expect(one.schemas.api).toEqual(flat());
        expect((await restore("two")).state?.blob).toBe("state of two 1");
        await open(s =>
          s.query(`UPDATE ${harness.qualified("_dlt_loads")} SET status = 1 WHERE load_id = '1700000003.25'`),
        );
        expect((await restore("one")).state?.version).toBe(1);
      });

      it("changes nothing when the load id is committed already", async () => {
        const p = plan(flat(), [await items([[1, "a", "r1"]])], { state: state("one") });
        await load(p);
        const again = await load(p);
        expect(again.items).toMatchObject({ rows: 1, inserted: 0, already_loaded: true });
        expect(await select("id")).toEqual([[1]]);
        expect(await loadCount()).toBe(1);
        expect(await open(session => session.isLoaded(harness.dataset, p.load_id))).toBe(true);
      });

      it.each(["in transaction", "before _dlt_loads"])(
        "loses and doubles nothing when stopped %s",
        async phase => {
          const schema = storedSchema([
            rootTable("first", { id: KEY, v: "text" }, { write_disposition: "merge" }),
            rootTable("second", { id: KEY, v: "text" }),
          ]);
          const p = plan(
            schema,
            [await items([[1, "a", "r1"]], "first"), await items([[1, "a", "r1"]], "second")],
            { state: state("one") },
          );
          const abort = new AbortController();
          const reason = new Error("stopped by the test");
          const attempt = open(
            async session => {
              await session.migrate(p);
              await session.loadChains(p, p.roots);
            },
            event => {
              if (event.phase === phase) abort.abort(reason);
            },
            abort.signal,
          );
          await expect(attempt).rejects.toBe(reason);
          expect(await select("id", "first")).toEqual([]);
          expect(await loadCount()).toBe(0);

          await load(p);
          expect(await select("id", "first")).toEqual([[1]]);
          expect(await select("id", "second")).toEqual([[1]]);
          expect(await select("version", "_dlt_pipeline_state")).toEqual([[1]]);
          expect(await loadCount()).toBe(1);
        },
      );

      it("refuses a value that does not fit, names the column and not the value, and loads nothing", async () => {
        const p = plan(flat(), [
          await file("items", { ...ITEM, id: "HUGEINT" }, [
            [1, "a", "l", "r1"],
            [9223372036854775808n, "b", "l", "r2"],
          ]),
        ]);
        const error = await load(p).then(
          () => undefined,
          (e: Error & { code?: string }) => e,
        );
        expect(error?.code).toBe("DESTINATION_REFUSED");
        expect(error?.message).toMatch(/items.*1 row.*"id".*BIGINT/);
        expect(error?.message).not.toContain("9223372036854775808");
        expect(error?.cause).toBeUndefined();
        expect(await select("id")).toEqual([]);
        expect(await loadCount()).toBe(0);
      });

      it("refuses NULL in a NOT NULL column", async () => {
        const p = plan(flat(), [await items([[null, "secret-value", "r1"]])]);
        await expect(load(p)).rejects.toMatchObject({
          code: "DESTINATION_REFUSED",
          message: expect.stringMatching(/items\.id/),
        });
      });

      it("tells that package files are gone", async () => {
        const p = plan(flat(), [
          { ...(await items([[1, "a", "r1"]])), path: join(harness.folder, "gone.parquet") },
        ]);
        await expect(load(p)).rejects.toMatchObject({ code: "PACKAGE_LOST" });
      });
    });
  });
}
