import { Timestamp } from "../../../src/json/values";
import type { IncrementalConfig } from "../../../src/pipeline/spec";
import type { IncrementalRange } from "../../../src/sources/source";
import { queryStatement } from "../../../src/sources/sql/plain-query";
import { keyColumns, type TableToRead, tableStatement } from "../../../src/sources/sql/table-query";

const table: TableToRead = {
  schema: "s",
  name: 't"x',
  columns: [
    { name: "id", type: "bigint", nullable: false },
    { name: "c", type: "timestamp", nullable: true },
  ],
  primaryKey: ["id"],
};
const noKey: TableToRead = { ...table, primaryKey: [] };

function range(config: Partial<IncrementalConfig>, values: Partial<IncrementalRange>): IncrementalRange {
  return {
    config: {
      cursor_path: "c",
      last_value_func: "max",
      range_start: "closed",
      range_end: "open",
      on_cursor_value_missing: "raise",
      ...config,
    },
    ...values,
  };
}

const SELECT = 'SELECT "id", "c" FROM "s"."t""x"';

describe("dlt's rules of WHERE and ORDER BY, without a key", () => {
  test.each<[string, Partial<IncrementalConfig>, Partial<IncrementalRange>, string, string[]]>([
    ["no start: no clause", {}, { end_value: 9 }, "", []],
    ["closed start", {}, { start_value: 1 }, ' WHERE "c" >= $1', ["1"]],
    ["open start", { range_start: "open" }, { start_value: 1 }, ' WHERE "c" > $1', ["1"]],
    ["both ends", {}, { start_value: 1, end_value: 9 }, ' WHERE "c" >= $1 AND "c" < $2', ["1", "9"]],
    [
      "closed end",
      { range_end: "closed" },
      { start_value: 1, end_value: 9 },
      ' WHERE "c" >= $1 AND "c" <= $2',
      ["1", "9"],
    ],
    [
      "min",
      { last_value_func: "min" },
      { start_value: 9, end_value: 1 },
      ' WHERE "c" <= $1 AND "c" > $2',
      ["9", "1"],
    ],
    [
      "include",
      { on_cursor_value_missing: "include" },
      { start_value: 1 },
      ' WHERE ("c" >= $1 OR "c" IS NULL)',
      ["1"],
    ],
    ["include without start", { on_cursor_value_missing: "include" }, {}, "", []],
    ["exclude alone", { on_cursor_value_missing: "exclude" }, {}, ' WHERE "c" IS NOT NULL', []],
    [
      "exclude",
      { on_cursor_value_missing: "exclude" },
      { start_value: 1 },
      ' WHERE "c" >= $1 AND "c" IS NOT NULL',
      ["1"],
    ],
    ["max asc", { row_order: "asc" }, {}, ' ORDER BY "c" ASC', []],
    ["max desc", { row_order: "desc" }, {}, ' ORDER BY "c" DESC', []],
    ["min asc", { row_order: "asc", last_value_func: "min" }, {}, ' ORDER BY "c" DESC', []],
    ["min desc", { row_order: "desc", last_value_func: "min" }, {}, ' ORDER BY "c" ASC', []],
  ])("%s", (_, config, values, clauses, bound) => {
    expect(tableStatement(noKey, { range: range(config, values) })).toEqual({
      text: SELECT + clauses,
      values: bound,
    });
  });
});

describe("reading in key order", () => {
  test("goes on after the last key, typed and bound", () => {
    const incremental = range({}, { start_value: new Timestamp("2026-01-01T00:00:00") });
    expect(tableStatement(table, { range: incremental, resume: ["17"] })).toEqual({
      text: `${SELECT} WHERE "c" >= $1 AND ("id") > (CAST($2 AS bigint)) ORDER BY "id" ASC`,
      values: ["2026-01-01T00:00:00", "17"],
    });
  });

  test("a declared order leads, and can be resumed only where the cursor is never NULL", () => {
    const descending = range({ row_order: "desc" }, {});
    expect(keyColumns(table, descending)).toEqual([]);
    expect(tableStatement(table, { range: descending }).text).toBe(`${SELECT} ORDER BY "c" DESC`);
    const strict = { ...table, columns: table.columns.map(column => ({ ...column, nullable: false })) };
    expect(tableStatement(strict, { range: descending, resume: ["2026-01-01", "5"] }).text).toBe(
      `${SELECT} WHERE ("c", "id") < (CAST($1 AS timestamp), CAST($2 AS bigint)) ORDER BY "c" DESC, "id" DESC`,
    );
  });

  test("not without its key columns", () => {
    const withoutId = { ...table, columns: table.columns.slice(1) };
    expect(keyColumns(withoutId)).toEqual([]);
  });
});

describe("plain queries", () => {
  test("placeholders are filled from the range and from params, absent ones are NULL", () => {
    const incremental = range({}, { start_value: 5, last_value: 6 });
    expect(
      queryStatement(
        "SELECT 1 WHERE c > :start_value AND x = :x AND :end_value IS NULL;",
        { x: "a" },
        incremental,
      ),
    ).toEqual({
      text: "SELECT 1 WHERE c > $1 AND x = $2 AND CAST($3 AS text) IS NULL",
      values: ["5", "a", null],
    });
  });

  test("else the range is laid around the query, a closing comment included", () => {
    const incremental = range({ row_order: "asc" }, { start_value: 5 });
    expect(queryStatement("SELECT :x AS c -- all", { x: 1 }, incremental)).toEqual({
      text: 'SELECT * FROM (SELECT $1 AS c -- all\n) AS query WHERE "c" >= $2 ORDER BY "c" ASC',
      values: ["1", "5"],
    });
    expect(queryStatement("SELECT 1", {}, undefined)).toEqual({ text: "SELECT 1", values: [] });
  });
});
