import { columnType } from "../../../src/destinations/duckdb/column-types";
import type { CompleteColumn } from "../../../src/destinations/table-chains";

const type = (data_type: CompleteColumn["data_type"], hints: Partial<CompleteColumn> = {}): string =>
  columnType("t", { name: "c", data_type, ...hints });

describe("DuckDB column types (dlt: DuckDbTypeMapper)", () => {
  it.each([
    ["text", {}, "VARCHAR"],
    ["text", { precision: 10 }, "VARCHAR"],
    ["double", {}, "DOUBLE"],
    ["bool", {}, "BOOLEAN"],
    ["date", {}, "DATE"],
    ["time", {}, "TIME"],
    ["binary", {}, "BLOB"],
    ["json", {}, "JSON"],
    ["bigint", {}, "BIGINT"],
    ["bigint", { precision: 8 }, "TINYINT"],
    ["bigint", { precision: 9 }, "SMALLINT"],
    ["bigint", { precision: 32 }, "INTEGER"],
    ["bigint", { precision: 64 }, "BIGINT"],
    ["bigint", { precision: 128 }, "HUGEINT"],
    ["decimal", {}, "DECIMAL(38,9)"],
    ["decimal", { precision: 10, scale: 2 }, "DECIMAL(10,2)"],
    ["decimal", { precision: 10, scale: 0 }, "DECIMAL(10,0)"],
    ["wei", {}, "DECIMAL(38,0)"],
    ["timestamp", {}, "TIMESTAMP WITH TIME ZONE"],
    ["timestamp", { precision: 3 }, "TIMESTAMP WITH TIME ZONE"],
    ["timestamp", { timezone: false }, "TIMESTAMP"],
    ["timestamp", { timezone: false, precision: 0 }, "TIMESTAMP_S"],
    ["timestamp", { timezone: false, precision: 3 }, "TIMESTAMP_MS"],
    ["timestamp", { timezone: false, precision: 9 }, "TIMESTAMP_NS"],
  ] as const)("%s %o is %s", (dataType, hints, expected) => {
    expect(type(dataType, hints)).toBe(expected);
  });

  it("refuses precisions DuckDB has no type for", () => {
    expect(() => type("bigint", { precision: 129 })).toThrow(
      expect.objectContaining({ code: "DESTINATION_UNSUPPORTED" }),
    );
    expect(() => type("timestamp", { timezone: false, precision: 10 })).toThrow(/t\.c/);
    for (const hints of [
      { precision: 50, scale: 10 },
      { precision: 5, scale: -2 },
      { precision: 3, scale: 5 },
    ]) {
      expect(() => type("decimal", hints)).toThrow(
        expect.objectContaining({
          code: "DESTINATION_UNSUPPORTED",
          message: expect.stringMatching(/"t\.c".*at most 38 digits.*data_type/),
        }),
      );
    }
  });
});
