/** What both ways through normalize share: the evolving schema, the sinks, row ids and table settings. */
import { columnsWith, tableOf } from "../schema/column-props";
import { C_DLT_ID } from "../schema/system-tables";
import { inheritedHint, mergeStrategyOf } from "../schema/table-chain";
import type { StoredColumn } from "../schema/types";
import type { EvolvingSchema } from "./evolving-schema";
import { builderFor } from "./parquet/builders";
import type { ColumnBuilder } from "./parquet/column-builder";
import { type Shape, shapeOf, type ValueStyle } from "./parquet/column-type";
import { RowIds } from "./row-ids";
import { TableSink } from "./table-sink";
import type { NormalizeCapabilities, NormalizeLimits } from "./types";

export type RootIdKind = "random" | "key" | "row";

/** dlt's default for `max_table_nesting`. */
const DEFAULT_NESTING = 1000;

export class RunContext {
  private readonly sinkByTable = new Map<string, TableSink>();
  private readonly idsByTable = new Map<string, RowIds>();
  /** Sinks written to by the current document. */
  private touched: TableSink[] = [];
  private document = 0;
  /** Rows that contracts kept out; rows nested in them are not counted. */
  rejectedRows = 0;

  constructor(
    readonly load_id: string,
    readonly evolving: EvolvingSchema,
    private readonly place: { out_dir: string; limits: NormalizeLimits; capabilities: NormalizeCapabilities },
  ) {}

  get sinks(): Iterable<TableSink> {
    return this.sinkByTable.values();
  }

  sink(table: string): TableSink {
    let sink = this.sinkByTable.get(table);
    if (sink === undefined) {
      sink = new TableSink(table, () => this.valueStyle(table), this.place);
      this.sinkByTable.set(table, sink);
    }
    return sink;
  }

  /** dlt: the file format a table is hinted with, else the destination's own. */
  private valueStyle(table: string): ValueStyle {
    const format = inheritedHint(this.evolving.schema.tables, table, "file_format");
    if (format === "jsonl") return "json";
    if (format === "parquet" || !this.place.capabilities.literal_files) return "values";
    return "literals";
  }

  beginDocument(): void {
    this.document++;
    this.touched.length = 0;
  }

  /** Must be called before the first row a document writes into a sink. */
  touch(sink: TableSink): void {
    if (sink.document === this.document) return;
    sink.document = this.document;
    sink.documentRow = sink.rows;
    this.touched.push(sink);
  }

  rollbackDocument(): void {
    for (const sink of this.touched) sink.rollback();
  }

  /** Sinks of the last document that have enough for a row group. */
  fullSinks(): TableSink[] | undefined {
    let full: TableSink[] | undefined;
    for (const sink of this.touched) {
      if (!sink.isFull) continue;
      full ??= [];
      full.push(sink);
    }
    return full;
  }

  randomId(table: string, sink: TableSink): string {
    return this.rowIds(table).at(sink.total);
  }

  rowIds(table: string): RowIds {
    let ids = this.idsByTable.get(table);
    if (ids === undefined) {
      ids = new RowIds(this.load_id, table);
      this.idsByTable.set(table, ids);
    }
    return ids;
  }

  /** A builder of its own for a column, beside those of the table's sink. */
  newBuilder(column: StoredColumn): ColumnBuilder {
    return builderFor(column, this.place.capabilities, "values");
  }

  shapeOf(column: StoredColumn): Shape {
    return shapeOf(column, this.place.capabilities);
  }

  maxNesting(rootTable: string): number {
    const own = this.evolving.table(rootTable)?.["x-normalizer"]?.max_nesting;
    return own ?? this.evolving.schema.normalizers.json.config?.max_nesting ?? DEFAULT_NESTING;
  }

  /** dlt: get_root_row_id_type. */
  rootIdKind(table: string): RootIdKind {
    const { schema } = this.evolving;
    const definition = tableOf(schema.tables, table);
    if (definition === undefined) return "random";
    const strategy = mergeStrategyOf(schema.tables, definition, this.place.capabilities.merge_strategies);
    if (strategy === "upsert" || strategy === "insert-only" || strategy === "cdc") return "key";
    if (strategy === "scd2" && columnsWith(definition, "x-row-version", true)[0] === C_DLT_ID) return "row";
    return "random";
  }

  keyColumns(table: string): string[] {
    const definition = this.evolving.table(table);
    return definition === undefined ? [] : columnsWith(definition, "primary_key", true);
  }

  /** Columns of a row handed on to its descendants under other names (dlt: propagation). */
  propagated(table: string, isRoot: boolean): [from: string, as: string][] {
    const propagation = this.evolving.schema.normalizers.json.config?.propagation;
    if (propagation === undefined) return [];
    const tables = propagation.tables ?? {};
    return [
      ...(isRoot ? Object.entries(propagation.root ?? {}) : []),
      ...(Object.hasOwn(tables, table) ? Object.entries(tables[table]!) : []),
    ];
  }
}
