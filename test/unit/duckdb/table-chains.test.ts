import type { LoadPlan } from "../../../src/destinations/destination";
import { chainsOf, needsStagingDataset, rootKeyOf, rowKeyOf } from "../../../src/destinations/table-chains";
import type { StoredTable } from "../../../src/schema/types";
import { childTable, rootTable, storedSchema } from "../../support/stored-schema";

const plan = (tables: StoredTable[], files: string[], roots: string[] = []): LoadPlan => ({
  load_id: "1.5",
  dataset: "d",
  staging_dataset: "d_staging",
  schema: storedSchema(tables),
  files: files.map(table => ({ table, path: `/p/${table}`, rows: 1, bytes: 1, columns: [] })),
  roots,
  created_at: "2026-01-01T00:00:00Z",
});
const names = (p: LoadPlan): string[][] => chainsOf(p).map(chain => chain.tables.map(table => table.name));

const orders = (disposition: "append" | "merge" | "replace" | "skip"): StoredTable[] => [
  childTable("orders__lines__taxes", "orders__lines", { value: "bigint" }),
  rootTable("orders", { id: "bigint" }, { write_disposition: disposition }),
  childTable("orders__tags", "orders", { value: "text" }),
  childTable("orders__lines", "orders", { value: "bigint" }),
];

describe("chains of a plan", () => {
  it("holds the whole family for merge and replace, parents before children", () => {
    expect(names(plan(orders("merge"), ["orders"]))).toEqual([
      ["orders", "orders__tags", "orders__lines", "orders__lines__taxes"],
    ]);
    expect(names(plan(orders("replace"), [], ["orders"]))[0]).toHaveLength(4);
  });

  it("holds only tables with files for append, and finds the root of a nested file", () => {
    expect(names(plan(orders("append"), ["orders__lines", "orders"]))).toEqual([["orders", "orders__lines"]]);
    // a chain all the same, since the load step has to refuse it
    expect(names(plan(orders("skip"), ["orders"]))).toEqual([["orders"]]);
  });

  it("leaves out tables that never saw data", () => {
    const tables = orders("merge");
    for (const table of tables) if (table.name === "orders__tags") delete table["x-normalizer"];
    expect(names(plan(tables, ["orders"]))[0]).not.toContain("orders__tags");
  });

  it("knows when dlt would have a staging dataset", () => {
    expect(needsStagingDataset(storedSchema(orders("merge")), false)).toBe(true);
    expect(needsStagingDataset(storedSchema(orders("replace")), false)).toBe(false);
    expect(needsStagingDataset(storedSchema(orders("replace")), true)).toBe(true);
    expect(needsStagingDataset(storedSchema(orders("append")), true)).toBe(false);
  });
});

describe("keys", () => {
  it("falls back as dlt does", () => {
    const root = rootTable("orders", { id: "bigint" });
    const child = childTable("orders__lines", "orders", {}, false);
    const grandChild = childTable("orders__lines__taxes", "orders__lines", {}, false);
    expect(rowKeyOf(root)).toBe("_dlt_id");
    expect(rootKeyOf(child, root)).toBe("_dlt_parent_id");
    expect(() => rootKeyOf(grandChild, root)).toThrow(/orders__lines__taxes.*root_key/);
    const bare = {
      ...root,
      columns: { id: { name: "id", data_type: "bigint", primary_key: true } },
    } as StoredTable;
    expect(rowKeyOf(bare)).toBe("id");
  });
});
