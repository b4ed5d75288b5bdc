import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RenderedColumn, RowReader, type TextRow } from "../../../src/package-rows/read-rows";
import { type TestValue, writeParquet } from "../../support/duckdb";

describe("rows of a package file as texts", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tidemark rows [it's]-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function read(path: string, columns: RenderedColumn[]): Promise<TextRow[]> {
    using reader = await RowReader.open();
    const rows: TextRow[] = [];
    for await (const chunk of reader.rows(path, columns)) rows.push(...chunk);
    return rows;
  }

  it("tells every value exactly, whatever the machine's time zone is", async () => {
    const columns = {
      big: "BIGINT",
      dec: "DECIMAL(38,9)",
      ratio: "DOUBLE",
      flag: "BOOLEAN",
      at: "TIMESTAMPTZ",
      local_at: "TIMESTAMP",
      day: "DATE",
      bytes: "BLOB",
      'it"s': "VARCHAR",
    };
    const text = 'ü "\\ \u0001 💧\r\n';
    const values: TestValue[][] = [
      [
        2n ** 63n - 1n,
        "-0.000000001",
        0.1,
        true,
        "2026-01-31 23:59:59.123456+02",
        "1969-12-31 23:59:59.999999",
        "1600-02-29",
        "\\x00\\xFF",
        text,
      ],
      new Array(9).fill(null),
    ];
    const file = await writeParquet(join(folder, "values.parquet"), "t", columns, values);
    const as = (name: string, how: RenderedColumn["as"] = "text"): RenderedColumn => ({ name, as: how });
    const rows = await read(file.path, [
      as("big"),
      as("dec"),
      as("ratio"),
      as("flag"),
      as("at", "microseconds"),
      as("local_at", "microseconds"),
      as("day", "days"),
      as("bytes", "hex"),
      as('it"s'),
    ]);
    const at = Date.UTC(2026, 0, 31, 21, 59, 59) * 1000 + 123_456;
    const day = Date.UTC(1600, 1, 29) / 86_400_000;
    expect(rows).toEqual([
      ["9223372036854775807", "-0.000000001", "0.1", "true", String(at), "-1", String(day), "00FF", text],
      new Array(9).fill(null),
    ]);
  });

  it("keeps the order of the file over many chunks, and reads two files side by side", async () => {
    const values = Array.from({ length: 5_000 }, (_, i) => [i]);
    const file = await writeParquet(join(folder, "many.parquet"), "t", { i: "BIGINT" }, values);
    using reader = await RowReader.open();
    const both = await Promise.all(
      [1, 2].map(async () => {
        const rows: TextRow[] = [];
        for await (const chunk of reader.rows(file.path, [{ name: "i", as: "text" }])) rows.push(...chunk);
        return rows;
      }),
    );
    for (const rows of both) expect(rows).toEqual(values.map(([i]) => [String(i)]));
  });
});
