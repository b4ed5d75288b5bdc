/**
 * Pages of columns straight into row groups. A page that the schema does not fit yet goes through the paths for rows,
 * a few rows first, so that the schema evolves exactly as it would there; the rest follows as columns.
 */
import { open } from "node:fs/promises";
import { readPages } from "../columns/column-file";
import type { ColumnPage, PageColumn } from "../columns/column-page";
import { columnValues, pageRows } from "../columns/column-values";
import { skipRows } from "../columns/select-rows";
import { encodeLine } from "../json/typed-json";
import type { Value } from "../json/values";
import { TidemarkError } from "../pipeline/errors";
import { coerce, decimalParts, type Physical, REFUSED } from "../schema/coerce";
import { columnOf, isComplete, isNullable } from "../schema/column-props";
import { ROW_ID_LENGTH } from "../schema/hashing";
import { C_DLT_ID, C_DLT_LOAD_ID, isSystemName } from "../schema/system-tables";
import type { StoredColumn, StoredTable } from "../schema/types";
import type { BytesBuilder } from "./parquet/bytes-builder";
import { definitionLevels, type EncodedColumn } from "./parquet/column-builder";
import { fileType, type Shape } from "./parquet/column-type";
import type { NamedColumn } from "./parquet/parquet-file";
import { lost } from "./read-lines";
import type { RunContext } from "./run-context";
import type { TableSink } from "./table-sink";
import type { Segment } from "./types";

/** Rows that go through the paths for rows at once. */
const ROWS_AT_ONCE = 1000;

/** PostgreSQL keeps this many digits behind the point. */
const MAX_SURPLUS = 16_383;
const OPEN_BRACE = 123;
const OPEN_BRACKET = 91;

/** Pages of a segment. @throws TidemarkError PACKAGE_LOST */
export async function* readColumnPages(segment: Segment): AsyncGenerator<ColumnPage> {
  const file = await open(segment.path, "r").catch((cause: unknown) => {
    throw lost(segment, cause);
  });
  try {
    for await (const page of readPages(file, segment.bytes, segment.from)) {
      if (page === undefined) throw lost(segment);
      yield page;
    }
  } finally {
    await file.close();
  }
}

export class ColumnPath {
  private readonly sink: TableSink;
  /** Source name to name in the table. */
  private readonly names = new Map<string, string>();

  constructor(
    private readonly context: RunContext,
    private readonly table: string,
    private readonly takeLines: (lines: Buffer) => Promise<void>,
  ) {
    this.sink = context.sink(table);
  }

  /** @throws TidemarkError as normalizePackage */
  async page(page: ColumnPage): Promise<void> {
    if (page.bare) {
      await this.barePage(page);
      return;
    }
    let rest = page;
    for (let step = this.isBlocked(page) ? rest.rows : 1; rest.rows > 0; step *= 2) {
      const columns = this.encode(rest);
      if (columns !== undefined) {
        await this.write([...columns, ...this.systemColumns(rest.rows)], rest.rows);
        return;
      }
      const rows = Math.min(step, rest.rows);
      for (let from = 0; from < rows; from += ROWS_AT_ONCE)
        await this.takeRows(rest, from, Math.min(rows, from + ROWS_AT_ONCE));
      rest = skipRows(rest, rows);
    }
  }

  /** dlt's arrow tables: no columns of dlt's own, and no variants. */
  private async barePage(page: ColumnPage): Promise<void> {
    this.learn(page);
    const columns = this.encode(page);
    if (columns === undefined) throw this.misfit(page);
    await this.write(columns, page.rows);
  }

  private async write(columns: NamedColumn[], rows: number): Promise<void> {
    await this.sink.flush();
    await this.sink.writeGroup(columns, rows);
  }

  private async takeRows(page: ColumnPage, from: number, to: number): Promise<void> {
    await this.takeLines(Buffer.from(pageRows(page, from, to).map(encodeLine).join("\n")));
  }

  /** Never as columns, whatever the schema learns: row ids made of values, rows that a contract takes out. */
  private isBlocked(page: ColumnPage): boolean {
    const { context, table } = this;
    return (
      context.evolving.hasFilters(table) || context.rootIdKind(table) !== "random" || this.hasCollision(page)
    );
  }

  private hasCollision(page: ColumnPage): boolean {
    const names = page.columns.map(column => this.nameOf(column));
    return new Set(names).size < names.length || names.some(isSystemName);
  }

  private nameOf({ name }: PageColumn): string {
    let normalized = this.names.get(name);
    if (normalized === undefined) {
      normalized = this.context.evolving.naming.column(name);
      this.names.set(name, normalized);
    }
    return normalized;
  }

  private definition(): StoredTable | undefined {
    return this.context.evolving.table(this.table);
  }

  /** Columns as they go into the file; undefined: the schema lacks a column, or a value does not fit its column. */
  private encode(page: ColumnPage): NamedColumn[] | undefined {
    const definition = this.definition();
    if (definition === undefined || this.isBlocked(page)) return undefined;
    if (!page.bare && !this.hasSystemColumns(definition)) return undefined;
    const columns: NamedColumn[] = [];
    for (const column of page.columns) {
      const stored = columnOf(definition, this.nameOf(column));
      if (stored === undefined || !isComplete(stored)) {
        if (column.count > 0) return undefined;
        continue;
      }
      if (column.count < page.rows && !isNullable(stored)) return undefined;
      const encoded = this.encodeColumn(column, stored, page);
      if (encoded === undefined) return undefined;
      columns.push({ name: stored.name, encoded });
    }
    return columns;
  }

  private encodeColumn(
    column: PageColumn,
    stored: StoredColumn,
    { rows, bare }: ColumnPage,
  ): EncodedColumn | undefined {
    const shape = this.context.shapeOf(stored);
    if (fits(column, stored, shape, bare)) {
      const levels = definitionLevels(column.present, column.count, rows);
      const { buffer, byteOffset, length } = column.data;
      return { type: fileType(shape), rows, page: [...levels, Buffer.from(buffer, byteOffset, length)] };
    }
    const builder = this.context.newBuilder(stored);
    let row = 0;
    for (const value of columnValues(column, rows)) {
      if (value !== null) {
        const fitted = coerce(stored.data_type!, value);
        if (fitted === REFUSED || (bare && losesDigits(fitted, shape))) return undefined;
        if (fitted !== null) builder.write(row, fitted);
      }
      row++;
    }
    return builder.take(rows);
  }

  private hasSystemColumns(definition: StoredTable): boolean {
    return [C_DLT_ID, C_DLT_LOAD_ID].every(name => columnOf(definition, name)?.data_type === "text");
  }

  private systemColumns(rows: number): NamedColumn[] {
    const { context, table, sink } = this;
    const definition = this.definition()!;
    const load = context.newBuilder(columnOf(definition, C_DLT_LOAD_ID)!) as BytesBuilder;
    const id = context.newBuilder(columnOf(definition, C_DLT_ID)!) as BytesBuilder;
    const ids = context.rowIds(table);
    const first = sink.total;
    const own = Buffer.alloc(ROW_ID_LENGTH);
    for (let row = 0; row < rows; row++) {
      load.writeText(row, context.load_id);
      ids.write(first + row, own, 0);
      id.writeBytes(row, own, 0, ROW_ID_LENGTH);
    }
    return [
      { name: C_DLT_LOAD_ID, encoded: load.take(rows) },
      { name: C_DLT_ID, encoded: id.take(rows) },
    ];
  }

  /**
   * New columns of a bare page, by their first value; nulls where none may be are told as they are for rows. A decimal
   * gets the limits that its arrow type would have.
   */
  private learn(page: ColumnPage): void {
    const definition = this.definition();
    const row = new Map<string, Value>();
    for (const column of page.columns) {
      const name = this.nameOf(column);
      const stored = definition && columnOf(definition, name);
      const isKnown = stored !== undefined && isComplete(stored);
      if (isKnown && column.type.kind === "decimal-text") this.limitDecimal(stored);
      if (isKnown && !isNullable(stored) && column.count < page.rows) row.set(name, null);
      else if (!isKnown && column.count > 0) row.set(name, firstValue(column, page.rows));
    }
    if (row.size > 0) this.context.evolving.accept(this.table, undefined, row, false);
  }

  private limitDecimal(stored: StoredColumn): void {
    const shape = this.context.shapeOf(stored);
    if (stored.precision !== undefined || shape.kind !== "decimal") return;
    stored.precision = shape.precision;
    stored.scale = shape.scale;
  }

  private misfit(page: ColumnPage): TidemarkError {
    const definition = this.definition();
    const wrong = page.columns.find(column => {
      const stored = definition && columnOf(definition, this.nameOf(column));
      return !stored?.data_type || this.encodeColumn(column, stored, page) === undefined;
    });
    return new TidemarkError(
      "CANNOT_COERCE",
      `Column "${wrong === undefined ? "?" : this.nameOf(wrong)}" of table "${this.table}" holds values of kind ${wrong?.type.kind ?? "?"} that do not fit the column's type in the destination. Give the column a data type that takes them, or use backend "sqlalchemy", which makes variant columns.`,
      { step: "normalize", dltException: "CannotCoerceColumnException" },
    );
  }
}

function firstValue(column: PageColumn, rows: number): Value {
  for (const value of columnValues(column, rows)) if (value !== null) return value;
  return null;
}

/** The bytes of the page are what the file holds. */
function fits({ type, data }: PageColumn, stored: StoredColumn, shape: Shape, bare: boolean): boolean {
  switch (type.kind) {
    case "text":
      return stored.data_type === "text";
    case "json":
      return stored.data_type === "json" && (bare || holdsOnlyContainers(data));
    case "integer":
      return stored.data_type === "bigint";
    case "timestamp":
      return stored.data_type === "timestamp" && stored.timezone !== false;
    case "local-timestamp":
      return stored.data_type === "timestamp" && stored.timezone === false;
    case "decimal":
      return shape.kind === "decimal" && shape.precision === type.precision && shape.scale === type.scale;
    case "decimal-text":
      return false;
    default:
      return stored.data_type === type.kind;
  }
}

/** Arrow refuses to round a decimal, where rows are rounded. */
function losesDigits(value: Physical | null, shape: Shape): boolean {
  if (shape.kind !== "decimal" || typeof value !== "string") return false;
  const parts = decimalParts(value);
  if (parts === undefined) return true;
  const surplus = -parts.exponent - shape.scale;
  return surplus > 0 && (surplus > MAX_SURPLUS || parts.digits % 10n ** BigInt(surplus) !== 0n);
}

/** A JSON text or number is no dict or list: dlt coerces it as what it is. */
function holdsOnlyContainers(data: Uint8Array): boolean {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  for (let at = 0; at < data.length; at += 4 + view.getUint32(at, true)) {
    const first = data[at + 4];
    if (first !== OPEN_BRACE && first !== OPEN_BRACKET) return false;
  }
  return true;
}
