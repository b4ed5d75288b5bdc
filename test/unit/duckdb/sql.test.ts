import { addColumn } from "../../../src/destinations/duckdb/add-column";
import { columnStorage, columnType } from "../../../src/destinations/duckdb/column-types";
import { createStagedView } from "../../../src/destinations/duckdb/staged-view";
import { sourceFilterOf } from "../../../src/destinations/merge-hints";
import { createTable, type DdlWords } from "../../../src/destinations/one-transaction/sql-ddl";
import {
  countReturning,
  createRemovedRoots,
  deleteMatchingRoots,
  insertRoots,
} from "../../../src/destinations/one-transaction/sql-delete-insert";
import { mergeRoot, partitionCondition } from "../../../src/destinations/one-transaction/sql-merge-parts";
import { insertVersions, retireVersions, scd2Of } from "../../../src/destinations/one-transaction/sql-scd2";
import { mergeRoots } from "../../../src/destinations/one-transaction/sql-upsert";
import type { CompleteColumn } from "../../../src/destinations/table-chains";
import type { StoredTable } from "../../../src/schema/types";
import { rootTable } from "../../support/stored-schema";

const PLACE = { catalog: "db", dataset: "raw" };
const KEY = { data_type: "bigint", nullable: false, primary_key: true } as const;
const root = (hints: Partial<StoredTable> = {}, more = {}): StoredTable =>
  rootTable("t", { id: KEY, v: "text", ...more }, { write_disposition: "merge", ...hints });
const words = (create_indexes: boolean): DdlWords => ({
  columnType: ({ name }, column) => columnType(name, column),
  columnStorage,
  options: { create_indexes },
});
const UPSERT = { insertOnly: false, deleteAbsent: false, skipUnchanged: false };

describe("DDL", () => {
  it("creates columns in stored order with their NOT NULLs, UNIQUE only on request", () => {
    const table = root();
    expect(createTable(PLACE, table, words(false))).toBe(
      'CREATE TABLE IF NOT EXISTS "db"."raw"."t" (\n"id" BIGINT NOT NULL,\n"v" VARCHAR,\n' +
        '"_dlt_load_id" VARCHAR NOT NULL,\n"_dlt_id" VARCHAR NOT NULL USING COMPRESSION uncompressed)',
    );
    expect(createTable(PLACE, table, words(true))).toContain('"_dlt_id" VARCHAR UNIQUE NOT NULL');
  });

  it("leaves out incomplete columns and quotes names", () => {
    const table = rootTable('a"b', { 'c"d': "bigint", later: { nullable: true } });
    expect(createTable(PLACE, table, words(false))).toMatch(
      /^CREATE .*"a""b" \(\n"c""d" BIGINT,\n"_dlt_load_id"/,
    );
  });

  it("adds one column, never NOT NULL", () => {
    const table = root();
    expect(addColumn(PLACE, table, { ...table.columns.v } as CompleteColumn)).toBe(
      'ALTER TABLE "db"."raw"."t" ADD COLUMN "v" VARCHAR',
    );
    expect(() => addColumn(PLACE, table, { ...table.columns.id } as CompleteColumn)).toThrow(
      /"raw\.t".*"id"/,
    );
  });
});

describe("staged rows", () => {
  const file = (columns: string[]) => ({ table: "t", path: "/p/o'f.parquet", rows: 1, bytes: 1, columns });

  it("casts to the target's types and escapes paths", () => {
    expect(createStagedView(root(), [file(["id", "v", "_dlt_load_id"])])).toBe(
      'CREATE OR REPLACE TEMPORARY VIEW "staged:t" AS SELECT CAST("id" AS BIGINT) AS "id", CAST("v" AS VARCHAR) AS "v", ' +
        'CAST("_dlt_load_id" AS VARCHAR) AS "_dlt_load_id", CAST(NULL AS VARCHAR) AS "_dlt_id", ' +
        "file_index AS \"tidemark:file\", file_row_number AS \"tidemark:row\" FROM read_parquet(['/p/o''f.parquet'])",
    );
  });

  it("joins files with different columns by name, and is empty without files", () => {
    expect(createStagedView(root(), [file(["id"]), file(["id", "v"])])).toContain("union_by_name = true");
    expect(createStagedView(root(), [])).toMatch(/WHERE false$/);
  });
});

describe("delete-insert", () => {
  it("deletes by primary key or merge key in two EXISTS, under the source filter", () => {
    const table = root(
      { "x-merge-source-filter": "v > 'a'" },
      { day: { data_type: "text", merge_key: true } },
    );
    expect(deleteMatchingRoots(mergeRoot(PLACE, table))).toBe(
      'DELETE FROM "db"."raw"."t" AS d WHERE (EXISTS (SELECT 1 FROM "staged:t" AS s WHERE (d."id" = s."id") AND (v > \'a\')) ' +
        'OR EXISTS (SELECT 1 FROM "staged:t" AS s WHERE (d."day" = s."day") AND (v > \'a\')))',
    );
    expect(createRemovedRoots(mergeRoot(PLACE, table), "_dlt_id")).toContain(
      'AS SELECT d."_dlt_id" AS id FROM',
    );
  });

  it("ranks by dedup_sort, then arrival, and tests hard_delete after the choice", () => {
    const table = root(
      {},
      { n: { data_type: "bigint", dedup_sort: "desc" }, del: { data_type: "bool", hard_delete: true } },
    );
    const sql = insertRoots(mergeRoot(PLACE, table), true);
    expect(sql).toContain('PARTITION BY "id" ORDER BY "n" DESC, "tidemark:file", "tidemark:row"');
    expect(sql).toMatch(/WHERE "tidemark:rank" = 1 AND \("del" IS NULL OR "del" = FALSE\)$/);
    expect(insertRoots(mergeRoot(PLACE, table), false)).not.toContain("ROW_NUMBER");
  });

  it("counts returning rows only inside the destination scope", () => {
    const table = root({ "x-merge-destination-scope": "v = 'x'" });
    expect(countReturning(mergeRoot(PLACE, table), false)).toMatch(/AND \(v = 'x'\)$/);
  });
});

describe("upsert", () => {
  it("updates all columns and inserts the rest", () => {
    expect(mergeRoots(mergeRoot(PLACE, root()), UPSERT)).toBe(
      'MERGE INTO "db"."raw"."t" AS d USING "staged:t" AS s ON d."id" = s."id" WHEN MATCHED THEN UPDATE SET ' +
        '"id" = s."id", "v" = s."v", "_dlt_load_id" = s."_dlt_load_id", "_dlt_id" = s."_dlt_id" ' +
        'WHEN NOT MATCHED THEN INSERT ("id", "v", "_dlt_load_id", "_dlt_id") VALUES (s."id", s."v", s."_dlt_load_id", s."_dlt_id")',
    );
  });

  it("compares data columns only with skip_unchanged_rows, and flags by the type of the column", () => {
    const table = root({}, { del: { data_type: "text", hard_delete: true } });
    const sql = mergeRoots(mergeRoot(PLACE, table), { ...UPSERT, skipUnchanged: true });
    expect(sql).toContain('WHEN MATCHED AND s."del" IS NOT NULL THEN DELETE');
    expect(sql).toContain('WHEN MATCHED AND (s."v" IS DISTINCT FROM d."v") THEN UPDATE');
  });
});

describe("scd2", () => {
  const table = root(
    { "x-boundary-timestamp": "2024-02-01" },
    {
      f: { data_type: "timestamp", "x-valid-from": true },
      u: { data_type: "timestamp", "x-valid-to": true, "x-active-record-timestamp": null },
      h: { data_type: "text", "x-row-version": true },
    },
  );

  it("retires active rows whose version is absent", () => {
    expect(retireVersions(mergeRoot(PLACE, table), scd2Of(table, "2026-01-01T00:00:00Z"))).toBe(
      'UPDATE "db"."raw"."t" SET "u" = CAST(\'2024-02-01\' AS TIMESTAMP WITH TIME ZONE) ' +
        'WHERE ("h" NOT IN (SELECT "h" FROM "staged:t")) AND ("u" IS NULL)',
    );
  });

  it("inserts versions that are not active, valid from the package's time unless told otherwise", () => {
    const { "x-boundary-timestamp": _, ...without } = table;
    const sql = insertVersions(
      mergeRoot(PLACE, table),
      scd2Of(without as StoredTable, "2026-01-01T00:00:00Z"),
    );
    expect(sql).toContain("CAST('2026-01-01T00:00:00Z' AS TIMESTAMP WITH TIME ZONE), NULL FROM");
    expect(sql).toContain('"h" NOT IN (SELECT "h" FROM "db"."raw"."t" WHERE ("u" IS NULL))');
  });

  it("compares composite merge keys as text, as dlt does", () => {
    const keyed = root(
      {},
      { a: { data_type: "text", merge_key: true }, b: { data_type: "text", merge_key: true } },
    );
    expect(partitionCondition(mergeRoot(PLACE, keyed))).toBe(
      'CONCAT("a", "b") IN (SELECT CONCAT("a", "b") FROM "staged:t")',
    );
  });
});

describe("conditions of the user", () => {
  it("expands known placeholders and doubled braces, and refuses others", () => {
    const table = root({
      "x-merge-destination-scope":
        "{table}.id > 1 AND v <> '{{}}' AND id IN (SELECT id FROM {staging_table})",
    });
    expect(mergeRoot(PLACE, table).destinationScope).toBe(
      '"db"."raw"."t".id > 1 AND v <> \'{}\' AND id IN (SELECT id FROM "staged:t")',
    );
    expect(() => sourceFilterOf(root({ "x-merge-source-filter": "{table}.id > 1" }))).toThrow(
      /source_filter uses \{table\}/,
    );
    expect(() => mergeRoot(PLACE, root({ "x-merge-destination-scope": "id = {other}" }))).toThrow(
      /\{table\} and \{staging_table\}/,
    );
    expect(() => sourceFilterOf(root({ "x-merge-source-filter": "v = '}'" }))).toThrow(/source_filter/);
  });
});
