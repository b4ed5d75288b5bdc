/** Numbers at the edge, damaged files, hostile shapes, cancelling: what must not go wrong quietly. */
import { truncateSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Row } from "../../src/json/values";
import { Decimal, WholeFloat } from "../../src/json/values";
import type { ColumnHint, ResourceHints } from "../../src/pipeline/spec";
import { applyResourceHints, beginSchema } from "../../src/schema/hints";
import type { StoredSchema } from "../../src/schema/types";
import { DUCKDB_CAPABILITIES, normalizeRows, readTable, removeFolders } from "../support/normalize";

const options = { capabilities: DUCKDB_CAPABILITIES };
const schemaFor = (hints: ResourceHints = {}): StoredSchema =>
  applyResourceHints(beginSchema(undefined, "s", {}, options), "items", hints, options).schema;
const withColumn = (column: ColumnHint): StoredSchema => schemaFor({ columns: [column] });
const many = (count: number, row: (i: number) => Row): Row[] =>
  Array.from({ length: count }, (_, i) => row(i));

afterAll(removeFolders);

describe("what dlt's files of a format cannot say", () => {
  const long = `${"x".repeat(40)}\0${"y".repeat(300)}`;
  const rows: Row[] = [{ v: 1.5, t: "a\0b" }, { v: "nan", t: long }, { v: "-inf", t: "\0" }, { v: -0.5 }];
  const read = async (file_format?: string) => {
    const schema = schemaFor({ ...(file_format ? { file_format } : {}) });
    const table = await readTable(await normalizeRows(schema, rows), "items");
    return { type: table.types[table.columns.indexOf("v")], rows: table.rows };
  };

  test("SQL literals: NUL is left out, and the load step has to refuse NaN and infinities", async () => {
    const { type, rows } = await read();
    expect(rows.map(row => row.t)).toEqual(["ab", long.replace("\0", ""), "", null]);
    expect(type).toBe("VARCHAR");
    expect(rows.map(row => row.v)).toEqual(["1.5", "no number", "no number", "-0.5"]);
  });

  test("parquet: everything; jsonl: no NaN, no infinity", async () => {
    const parquet = await read("parquet");
    expect(parquet.rows.map(row => row.t?.length)).toEqual([3, 341, 1, undefined]);
    expect(parquet.rows.map(row => row.v)).toEqual(["1.5", "nan", "-inf", "-0.5"]);
    const jsonl = await read("jsonl");
    expect(jsonl.type).toBe("DOUBLE");
    expect(jsonl.rows.map(row => row.v)).toEqual(["1.5", null, null, "-0.5"]);
  });
});

describe("numbers", () => {
  test("64-bit integers stay exact; one beyond turns the file's column wider, for the load step to refuse", async () => {
    const exact = await normalizeRows(schemaFor(), [
      { v: 1 },
      { v: 2n ** 63n - 1n },
      { v: -(2n ** 63n) },
      { v: -5 },
    ]);
    const read = await readTable(exact, "items");
    expect(read.types[read.columns.indexOf("v")]).toBe("BIGINT");
    expect(read.rows.map(row => row.v)).toEqual(["1", "9223372036854775807", "-9223372036854775808", "-5"]);
    const beyond = await readTable(
      await normalizeRows(schemaFor(), [{ v: 1 }, { v: -2 }, { v: 2n ** 63n }]),
      "items",
    );
    expect(beyond.types[beyond.columns.indexOf("v")]).toBe("DECIMAL(38,0)");
    expect(beyond.rows.map(row => row.v)).toEqual(["1", "-2", "9223372036854775808"]);
    const text = await normalizeRows(schemaFor(), [{ v: 1 }, { v: "1".repeat(60) }]);
    expect((await readTable(text, "items")).rows.map(row => row.v)).toEqual(["1", "1".repeat(60)]);
  });

  test("decimals keep every digit and round half away from zero at the column's scale", async () => {
    const schema = withColumn({ name: "v", data_type: "decimal", precision: 10, scale: 2 });
    const values = ["12.345", "-12.345", "0.004", "1E+3", "99999999.99"].map(text => ({
      v: new Decimal(text),
    }));
    const read = await readTable(await normalizeRows(schema, values), "items");
    expect(read.types[0]).toBe("DECIMAL(10,2)");
    expect(read.rows.map(row => row.v)).toEqual(["12.35", "-12.35", "0.00", "1000.00", "99999999.99"]);
    const tooWide = await readTable(
      await normalizeRows(schema, [...values, { v: new Decimal("123456789.5") }]),
      "items",
    );
    expect(tooWide.types[0]).toBe("VARCHAR");
    expect(tooWide.rows.at(-1)!.v).toBe("123456789.5");
  });

  test("wei, and whole floats beside integers", async () => {
    const wei = withColumn({ name: "v", data_type: "wei" });
    const big = "12345678901234567890123456789012345678";
    expect(
      (await readTable(await normalizeRows(wei, [{ v: big }, { v: -1 }]), "items")).rows.map(r => r.v),
    ).toEqual([big, "-1"]);
    const floats = await readTable(
      await normalizeRows(schemaFor(), [{ v: new WholeFloat(1) }, { v: 2 }, { v: 2.5 }]),
      "items",
    );
    expect(floats.types[floats.columns.indexOf("v")]).toBe("DOUBLE");
    expect(floats.rows.map(row => row.v)).toEqual(["1.0", "2.0", "2.5"]);
  });

  test("times: microseconds, local timestamps, dates, times of day, year 1 and 9999", async () => {
    const schema = schemaFor({
      columns: [
        { name: "local", data_type: "timestamp", timezone: false },
        { name: "day", data_type: "date" },
        { name: "clock", data_type: "time" },
      ],
    });
    const read = await readTable(
      await normalizeRows(schema, [
        {
          at: "2024-03-10T12:34:56.123456789+02:00",
          local: "2024-03-10T12:00:00+02:00",
          day: "2024-02-29",
          clock: "10:11:12.5",
        },
        {
          at: "0001-01-01T00:00:00Z",
          local: "9999-12-31 23:59:59.999999",
          day: "0001-01-01",
          clock: "23:59:59.999999",
        },
      ]),
      "items",
    );
    expect(read.rows.map(({ at, local, day, clock }) => [at, local, day, clock])).toEqual([
      ["2024-03-10 10:34:56.123456+00", "2024-03-10 10:00:00", "2024-02-29", "10:11:12.5"],
      ["0001-01-01 00:00:00+00", "9999-12-31 23:59:59.999999", "0001-01-01", "23:59:59.999999"],
    ]);
    const type = (column: string) => read.types[read.columns.indexOf(column)];
    expect(["at", "local", "day", "clock"].map(type)).toEqual([
      "TIMESTAMP WITH TIME ZONE",
      "TIMESTAMP",
      "DATE",
      "TIME",
    ]);
  });
});

describe("files", () => {
  const rows = many(5000, i => ({
    id: i,
    word: `w${i % 7}`,
    unique: `é${"x".repeat(i % 300)}${i}`,
    ...(i % 3 === 0 ? { flag: i % 2 === 0, price: i / 3 } : {}),
    ...(i >= 4000 ? { late: "later" } : {}),
    list: i % 5 === 0 ? [i, i + 1] : [],
  }));

  test("row groups, rolled files, late columns and sparse columns read back as they were", async () => {
    const output = await normalizeRows(schemaFor(), rows, { rowsPerFile: 700 });
    expect(output.files.filter(file => file.table === "items").length).toBeGreaterThan(6);
    expect(output.files[0]!.columns).not.toContain("late");
    const read = await readTable(output, "items");
    expect(read.rows.map(row => [row.id, row.word, row.unique, row.flag, row.late])).toEqual(
      rows.map(row => [
        String(row.id),
        row.word,
        row.unique,
        row.flag === undefined ? null : String(row.flag),
        row.late ?? null,
      ]),
    );
    expect(output.tables).toEqual([
      { table: "items", rows: 5000 },
      { table: "items__list", rows: 2000 },
    ]);
    expect(new Set(read.rows.map(row => row._dlt_id)).size).toBe(5000);
    for (const { _dlt_id } of read.rows) expect(_dlt_id).toMatch(/^[A-Za-z0-9+/]{13}[AQgw]$/);
  });

  test("a repeated normalize writes the same bytes; another load has other row ids", async () => {
    const bytes = async (input = {}) => {
      const output = await normalizeRows(schemaFor(), rows.slice(0, 300), { input });
      return Promise.all(output.files.map(async file => (await readFile(file.path)).toString("base64")));
    };
    expect(await bytes()).toEqual(await bytes());
    expect(await bytes()).not.toEqual(await bytes({ load_id: "1700000001.5" }));
  });

  test("only the counted bytes of a segment count; a shorter or missing file is a lost package", async () => {
    const { folder } = await normalizeRows(schemaFor(), []);
    const path = join(folder, "part.jsonl");
    writeFileSync(path, '{"id":1}\n{"id":2}\n{"id":3');
    const segment = (bytes: number, file = path) => ({
      input: {
        resources: [{ resource: "items", table: "items", segments: [{ path: file, bytes, rows: 2 }] }],
      },
    });
    expect((await normalizeRows(schemaFor(), [], segment(18))).tables).toEqual([{ table: "items", rows: 2 }]);
    const lost = expect.objectContaining({ code: "PACKAGE_LOST", kind: "transient" });
    truncateSync(path, 10);
    await expect(normalizeRows(schemaFor(), [], segment(18))).rejects.toEqual(lost);
    await expect(normalizeRows(schemaFor(), [], segment(18, join(folder, "none")))).rejects.toEqual(lost);
  });

  test("an aborted signal stops the work", async () => {
    const controller = new AbortController();
    controller.abort(new Error("stop"));
    await expect(normalizeRows(schemaFor(), rows, { input: { signal: controller.signal } })).rejects.toThrow(
      "stop",
    );
  });

  test("lines longer than a chunk", async () => {
    const long = "ü".repeat(700_000);
    const read = await readTable(
      await normalizeRows(schemaFor(), [
        { id: 1, long },
        { id: 2, long: "x" },
      ]),
      "items",
    );
    expect(read.rows.map(row => row.long?.length)).toEqual([700_000, 1]);
  });
});

describe("hostile shapes", () => {
  test("names of JavaScript's own are ordinary columns and tables", async () => {
    const row = JSON.parse(
      '{"__proto__":{"x":1},"constructor":"c","toString":[1],"hasOwnProperty":true}',
    ) as Row;
    const output = await normalizeRows(schemaFor(), [row, row]);
    expect(Object.keys(output.schema.tables)).toContain("items__to_string");
    const read = await readTable(output, "items");
    expect(read.rows[1]).toMatchObject({ proto__x: "1", constructor: "c", has_own_property: "true" });
  });

  test("800 levels of lists and of dicts", async () => {
    const lists = JSON.parse(`{"l":${"[".repeat(300)}1${"]".repeat(300)}}`) as Row;
    const dicts = JSON.parse(`${'{"d":'.repeat(800)}1${"}".repeat(800)}`) as Row;
    const output = await normalizeRows(schemaFor(), [lists, dicts, lists, dicts]);
    expect(Object.keys(output.schema.tables).length).toBeGreaterThan(290);
    expect(output.tables.every(table => table.rows > 0)).toBe(true);
  });

  test("950 levels of lists in one another: tables down to the nesting limit, JSON below", async () => {
    const deep = JSON.parse(`{"l":${"[".repeat(950)}1${"]".repeat(950)}}`) as Row;
    const output = await normalizeRows(schemaFor(), [deep, deep]);
    expect(output.tables).toHaveLength(501);
  });

  test("990 columns; 20,000 are refused, as a table of them could not be committed", async () => {
    const wide = (columns: number) =>
      Object.fromEntries(many(columns, i => ({ i })).map(({ i }) => [`c${String(i)}`, i!]));
    const output = await normalizeRows(schemaFor(), [wide(990), wide(990)]);
    expect(output.files[0]!.columns).toHaveLength(992);
    await expect(normalizeRows(schemaFor(), [wide(20_000)])).rejects.toMatchObject({
      code: "ROW_NOT_STORABLE",
    });
  });

  test("a name that is empty after normalisation fails with a code", async () => {
    const failure = normalizeRows(schemaFor(), [{ __: 1 }]);
    await expect(failure).rejects.toMatchObject({ code: "BAD_IDENTIFIER", step: "normalize" });
  });

  test("null in a key, a key that never comes: coded, and without the row's values", async () => {
    const keyed = schemaFor({ primary_key: ["id"] });
    await expect(normalizeRows(keyed, [{ id: null, secret: "s3cret" }])).rejects.toMatchObject({
      code: "NULL_IN_KEY",
      message: expect.not.stringContaining("s3cret"),
    });
    await expect(normalizeRows(keyed, [{ other: 1 }])).rejects.toMatchObject({
      code: "NULL_IN_KEY",
      dltException: "UnboundColumnException",
    });
  });
});
