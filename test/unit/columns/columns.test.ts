import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodePage, readPages } from "../../../src/columns/column-file";
import type { ColumnKind, ColumnPage } from "../../../src/columns/column-page";
import { pageRows, scaledText } from "../../../src/columns/column-values";
import { ColumnWriter } from "../../../src/columns/column-writers";
import { selectRows, skipRows } from "../../../src/columns/select-rows";
import type { Row } from "../../../src/json/values";
import { Binary, Decimal, PlainDate, PlainTime, Timestamp, WholeFloat } from "../../../src/json/values";

const halves = (to: ColumnWriter, value: bigint) =>
  to.writeHalves(Number(value >> 32n), Number(value & 0xffffffffn));

/** Kind, a way to write the value of a row, the value as rows have it. */
const KINDS: [ColumnKind, (to: ColumnWriter, row: number) => void, (row: number) => Row[string]][] = [
  [{ kind: "text" }, (to, i) => to.writeText(`é${"x".repeat(i % 70)}`), i => `é${"x".repeat(i % 70)}`],
  [{ kind: "json" }, (to, i) => to.writeText(`{"a":[${i},1.0]}`), i => ({ a: [i, new WholeFloat(1)] })],
  [{ kind: "decimal-text" }, (to, i) => to.writeText(`${i}.50`), i => new Decimal(`${i}.50`)],
  [
    { kind: "binary" },
    (to, i) => to.writeBytes(Buffer.from([i & 255, 0]), 0, 2),
    i => new Binary(Uint8Array.of(i & 255, 0)),
  ],
  [{ kind: "integer" }, (to, i) => to.writeInteger(-i * 1_000_003_000), i => -i * 1_000_003_000 + 0],
  [{ kind: "integer" }, (to, i) => halves(to, -(2n ** 63n) + BigInt(i)), i => -(2n ** 63n) + BigInt(i)],
  [
    { kind: "timestamp" },
    (to, i) => halves(to, BigInt(i) - 1n),
    i =>
      new Timestamp(
        i === 0
          ? "1969-12-31T23:59:59.999999+00:00"
          : i === 1
            ? "1970-01-01T00:00:00+00:00"
            : `1970-01-01T00:00:00.${String(i - 1).padStart(6, "0")}+00:00`,
      ),
  ],
  [
    { kind: "local-timestamp" },
    to => halves(to, 253_402_300_799_999_999n),
    () => new Timestamp("9999-12-31T23:59:59.999999"),
  ],
  [{ kind: "time" }, to => halves(to, 11_045_500_000n), () => new PlainTime("03:04:05.500000")],
  [{ kind: "date" }, (to, i) => to.writeDays(-i * 0 - 719_162), () => new PlainDate("0001-01-01")],
  [{ kind: "double" }, (to, i) => to.writeDouble(i + 0.5), i => i + 0.5],
  [{ kind: "bool" }, (to, i) => to.writeBool(i % 3 === 0), i => i % 3 === 0],
  [
    { kind: "decimal", precision: 12, scale: 2 },
    (to, i) => to.writeSmallDecimal(-i - 1),
    i => new Decimal(scaledText(BigInt(-i - 1), 2)),
  ],
  [
    { kind: "decimal", precision: 38, scale: 10 },
    (to, i) => to.writeDecimal(-(10n ** 30n) - BigInt(i)),
    i => new Decimal(scaledText(-(10n ** 30n) - BigInt(i), 10)),
  ],
];

const isNull = (row: number, column: number) => column > 0 && row % (column + 2) === 1;

function build(rows: number): { page: ColumnPage; expected: Row[] } {
  const writers = KINDS.map(([type], index) => new ColumnWriter(`c${index}`, type));
  const expected: Row[] = [];
  for (let row = 0; row < rows; row++) {
    const one: Row = {};
    for (const [column, [, write, value]] of KINDS.entries()) {
      if (isNull(row, column)) writers[column]!.writeNull();
      else write(writers[column]!, row);
      one[`c${column}`] = isNull(row, column) ? null : value(row);
    }
    expected.push(one);
  }
  return { page: { rows, bare: false, columns: writers.map(writer => writer.take()) }, expected };
}

describe("columns", () => {
  const { page, expected } = build(3000);

  test("come back as the rows that were written", () => {
    expect(pageRows(page)).toEqual(expected);
    expect(pageRows(page, 100, 117)).toEqual(expected.slice(100, 117));
    expect(page.columns[0]!.present).toBeUndefined();
    expect(page.columns[3]!.count).toBe(2400);
  });

  test("a writer that was emptied begins anew", () => {
    const writer = new ColumnWriter("c", { kind: "bool" });
    writer.writeBool(true);
    writer.writeNull();
    const first = writer.take();
    writer.writeBool(false);
    const second = writer.take();
    expect(pageRows({ rows: 2, bare: false, columns: [first] })).toEqual([{ c: true }, { c: null }]);
    expect(pageRows({ rows: 1, bare: false, columns: [second] })).toEqual([{ c: false }]);
  });

  test("some rows make a page of their own", () => {
    const keep = Uint8Array.from({ length: page.rows }, (_, row) => (row % 7 === 2 || row > 2990 ? 1 : 0));
    expect(pageRows(selectRows(page, keep))).toEqual(expected.filter((_, row) => keep[row] === 1));
    expect(pageRows(skipRows(page, 2999))).toEqual(expected.slice(2999));
    expect(selectRows(page, new Uint8Array(page.rows).fill(1))).toBe(page);
    expect(selectRows(page, new Uint8Array(page.rows)).rows).toBe(0);
  });

  test("files hold pages; a file that is too short is told", async () => {
    const folder = mkdtempSync(join(tmpdir(), "tidemark-columns-"));
    try {
      const path = join(folder, "a.columns");
      const parts = [...encodePage(page), ...encodePage(build(5).page)];
      const bytes = Buffer.concat(parts);
      writeFileSync(path, Buffer.concat([bytes, Buffer.from("an attempt that died wrote this")]));
      const read = async () => {
        const file = await open(path);
        const pages: (ColumnPage | undefined)[] = [];
        for await (const one of readPages(file, bytes.length)) pages.push(one);
        await file.close();
        return pages;
      };
      expect((await read()).map(one => pageRows(one!))).toEqual([expected, build(5).expected]);
      truncateSync(path, bytes.length - 1);
      expect((await read()).map(one => one?.rows)).toEqual([3000, undefined]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test.each([
  [0n, 2, "0.00"],
  [-5n, 2, "-0.05"],
  [12345n, 0, "12345"],
  [12345n, 3, "12.345"],
  [12n, 10, "1.2E-9"],
  [1n, 7, "1E-7"],
  [1n, 6, "0.000001"],
])("%s with scale %s is %s, as Python prints it", (unscaled, scale, text) => {
  expect(scaledText(unscaled, scale)).toBe(text);
});
