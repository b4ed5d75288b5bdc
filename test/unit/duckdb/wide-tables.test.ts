import { memoryForColumns } from "../../../src/destinations/duckdb/wide-tables";

const GB = 1024 ** 3;

describe("memory for wide tables", () => {
  it("leaves the default where it will do", () => {
    expect(memoryForColumns(1_000, 16 * GB)).toBeUndefined();
  });

  it("grows with the columns", () => {
    expect(memoryForColumns(4_000, 16 * GB)).toBe(2_512);
  });

  it("takes at most half of the machine, and never less than the default", () => {
    expect(memoryForColumns(4_000, 4 * GB)).toBe(2_048);
    expect(memoryForColumns(4_000, GB / 2)).toBe(512);
  });
});
