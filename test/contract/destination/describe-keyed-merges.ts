/** upsert, insert-only, cdc and scd2, with their counts. */
import type { PackageFile } from "../../../src/destinations/destination";
import type { StoredSchema, StoredTable } from "../../../src/schema/types";
import type { TestValue } from "../../support/duckdb";
import { childTable, rootTable, storedSchema } from "../../support/stored-schema";
import { type CreateHarness, ITEM, useDestination } from "./destination-kit";

export function describeKeyedMerges(create: CreateHarness): void {
  const { current, open, plan, load, counts, file, items, lines, select, flat, nested } =
    useDestination(create);

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
        (await open(s => s.restore({ dataset: current().dataset, pipeline_name: "p", schema_names: [] })))
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
      select(
        `v, ${current().timestampText("valid_from")}, ${current().timestampText("valid_to")}`,
        "items",
        "v, valid_from",
      );

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
}
