import type { ResourceHints } from "../../../src/pipeline/spec";
import { applyResourceHints, beginSchema, type HintOptions } from "../../../src/schema/hints";

const capabilities = {
  max_identifier_length: 63,
  max_column_identifier_length: 63,
  merge_strategies: ["delete-insert", "upsert", "scd2"] as const,
};
const apply = (hints: ResourceHints, options: Omit<HintOptions, "capabilities"> = {}, source = {}) =>
  applyResourceHints(beginSchema(undefined, "s", source, { capabilities }), "My Items", hints, {
    capabilities,
    ...options,
  });

test("a resource without hints: append, its raw name kept", () => {
  const { schema, table, discarded } = apply({});
  expect([table, discarded]).toEqual(["my_items", false]);
  expect(schema.tables.my_items).toEqual({
    name: "my_items",
    columns: {},
    write_disposition: "append",
    resource: "My Items",
  });
});

test("the cursor's column is marked when the cursor is a plain field", () => {
  const columnsFor = (cursor_path: string) => apply({}, { cursor_path }).schema.tables.my_items!.columns;
  expect(columnsFor("updatedAt")).toEqual({ updated_at: { name: "updated_at", incremental: true } });
  expect(columnsFor("'updated at'")).toEqual({ updated_at: { name: "updated_at", incremental: true } });
  for (const path of ["$.u", "m.u", "a[0]", "*"]) expect(columnsFor(path)).toEqual({});
});

test("run-level arguments win over the resource's hints", () => {
  const { schema, table } = apply(
    { primary_key: ["a"], columns: [{ name: "a", data_type: "text" }], table_name: "x" },
    {
      run: {
        table_name: "renamed",
        primary_key: ["b"],
        columns: [{ name: "a", data_type: "bigint" }],
        write_disposition: { disposition: "merge", strategy: "upsert" },
        schema_contract: { columns: "freeze" },
      },
    },
  );
  expect(table).toBe("renamed");
  expect(schema.tables.renamed).toMatchObject({
    write_disposition: "merge",
    "x-merge-strategy": "upsert",
    schema_contract: { columns: "freeze" },
    "x-normalizer": { "evolve-columns-once": true },
    columns: { a: { name: "a", data_type: "bigint" }, b: { name: "b", nullable: false, primary_key: true } },
  });
  expect(schema.normalizers.json.config?.propagation?.tables).toEqual({
    renamed: { _dlt_id: "_dlt_root_id" },
  });
});

test("root keys: on for merge, off when the source says so, on for all when it says so", () => {
  const merge: ResourceHints = { write_disposition: { disposition: "merge" } };
  const tables = (hints: ResourceHints, source = {}) =>
    apply(hints, {}, source).schema.normalizers.json.config?.propagation?.tables;
  expect(tables(merge)).toBeDefined();
  expect(tables(merge, { root_key: false })).toBeUndefined();
  expect(tables({}, { root_key: true })).toBeDefined();
  expect(tables({ write_disposition: { disposition: "merge", strategy: "scd2" } })).toBeUndefined();
});

test("an unsupported strategy and a frozen table are refused with codes; discard modes drop the table", () => {
  const cdc = () => apply({ write_disposition: { disposition: "merge", strategy: "cdc" } });
  expect(cdc).toThrow(expect.objectContaining({ code: "DESTINATION_UNSUPPORTED" }));
  expect(() => apply({ schema_contract: { tables: "freeze" } })).toThrow(
    expect.objectContaining({
      code: "CONTRACT_VIOLATION",
      step: "extract",
      dltException: "DataValidationError",
    }),
  );
  const dropped = apply({ schema_contract: { tables: "discard_value" } });
  expect([dropped.discarded, dropped.schema.tables.my_items]).toEqual([true, undefined]);
});

test("the schema passed in is left alone", () => {
  const schema = beginSchema(undefined, "s", {}, { capabilities });
  const before = structuredClone(schema);
  applyResourceHints(schema, "r", { primary_key: ["id"] }, { capabilities });
  expect(schema).toEqual(before);
});
