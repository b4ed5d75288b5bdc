/** append, replace and merge by delete-insert, with their counts. */
import type { StoredTable } from "../../../src/schema/types";
import { rootTable, storedSchema } from "../../support/stored-schema";
import { type CreateHarness, ITEM, useDestination } from "./destination-kit";

export function describePlainAndMerge(create: CreateHarness): void {
  const { current, recreate, plan, load, counts, file, items, lines, select, loadCount, flat, nested } =
    useDestination(create);

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
      await recreate({ replace_strategy: strategy });
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
      await recreate({ replace_strategy: "staging-optimized" });
      if (current().destination.capabilities.replace_strategies.includes("staging-optimized")) return;
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
}
