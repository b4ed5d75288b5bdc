/**
 * What the compiled path knows of a table: for every raw key seen, where its values go. Plans follow the schema;
 * they never change it.
 */
import type { DataType } from "../pipeline/spec";
import { columnOf, isNullable } from "../schema/column-props";
import { NestedRowIds } from "../schema/hashing";
import { isBlank } from "../schema/python-space";
import {
  C_DLT_ID,
  C_DLT_LIST_IDX,
  C_DLT_LOAD_ID,
  C_DLT_PARENT_ID,
  C_DLT_ROOT_ID,
  isSystemName,
} from "../schema/system-tables";
import { BytesBuilder } from "./parquet/bytes-builder";
import type { ColumnBuilder } from "./parquet/column-builder";
import { Int64Builder } from "./parquet/fixed-builders";
import type { RootIdKind, RunContext } from "./run-context";
import type { TableSink } from "./table-sink";

/** How a value is checked and written; `other` goes through `coerce`. */
export type WriteKind = "text" | "integer" | "double" | "bool" | "timestamp" | "other";

export interface Binding {
  kind: WriteKind;
  type: DataType;
  nullable: boolean;
  builder: ColumnBuilder;
}

export class KeyPlan {
  /** Column the values go to; undefined: no such column yet. */
  binding: Binding | undefined;
  nested: NodePlan | undefined;
  child: TablePlan | undefined;
  /** Place of the column in the primary key the row id is made of; -1: none. */
  keyIndex = -1;
  /** Names of dlt's own and keys without a table name are left to the reference path. */
  readonly special: boolean;
  /** The key as it stands in JSON, with its quotes. */
  readonly quoted: Buffer;
  /** Number of the last row that had it. */
  row = 0;

  constructor(
    key: string,
    readonly column: string,
    /** Name of the flattened column. */
    readonly name: string,
  ) {
    this.special = isSystemName(name) || isBlank(key) || name === "";
    this.quoted = Buffer.from(JSON.stringify(key));
  }
}

/** A dict inside a row, the row itself included. */
export class NodePlan {
  readonly keys = new Map<string, KeyPlan>();
  /** Keys in the order of the last object: objects of one kind list their keys alike. */
  readonly order: KeyPlan[] = [];

  constructor(readonly path: readonly string[]) {}
}

export interface SystemColumns {
  id: BytesBuilder;
  load: BytesBuilder | undefined;
  parent: BytesBuilder | undefined;
  position: Int64Builder | undefined;
  root: BytesBuilder | undefined;
}

export class TablePlan {
  readonly node = new NodePlan([]);
  readonly table: string;
  readonly sink: TableSink;
  /** Undefined: the schema changed, look again. */
  private state: "ready" | "blocked" | undefined;
  private readonly byName = new Map<string, KeyPlan>();
  /** Two keys give one column: which of them wins is decided row by row. */
  private collision = false;
  system!: SystemColumns;
  /** Makes the row ids of a nested table. */
  readonly ids: NestedRowIds;
  idKind: RootIdKind = "random";
  keyColumns: string[] = [];
  /** Descendants carry the row id of this row as `_dlt_root_id`. */
  propagates = false;

  constructor(
    private readonly context: RunContext,
    /** Fragments of the table name, unshortened. */
    readonly fragments: readonly string[],
    readonly isRoot: boolean,
    /** Where row ids stand while a document is read. */
    idBytes: Buffer,
  ) {
    this.table = context.evolving.naming.join(fragments);
    this.ids = new NestedRowIds(this.table, idBytes);
    this.sink = context.sink(this.table);
  }

  /** True when rows of this table may take the compiled path. */
  get ready(): boolean {
    if (this.collision) return false;
    this.state ??= this.prepare() ? "ready" : "blocked";
    return this.state === "ready";
  }

  invalidate(): void {
    this.state = undefined;
  }

  keyPlan(node: NodePlan, key: string): KeyPlan {
    let plan = node.keys.get(key);
    if (plan !== undefined) return plan;
    const { naming } = this.context.evolving;
    const column = naming.column(key);
    plan = new KeyPlan(key, column, node.path.length === 0 ? column : naming.join([...node.path, column]));
    node.keys.set(key, plan);
    if (this.byName.has(plan.name)) this.collision = true;
    this.byName.set(plan.name, plan);
    this.bind(plan);
    return plan;
  }

  nestedNode(node: NodePlan, plan: KeyPlan): NodePlan {
    plan.nested ??= new NodePlan([...node.path, plan.column]);
    return plan.nested;
  }

  private prepare(): boolean {
    const { context, table } = this;
    const { evolving } = context;
    const definition = evolving.table(table);
    if (definition === undefined || evolving.hasFilters(table)) return false;
    if (!this.isRoot && !evolving.isNested(table)) return false;
    const mapping = context.propagated(table, this.isRoot);
    if (mapping.some(([from, as]) => from !== C_DLT_ID || as !== C_DLT_ROOT_ID)) return false;
    this.propagates = mapping.length > 0;
    // A nested table that hands on its own id is beyond what dlt itself sets up.
    if (this.propagates && !this.isRoot) return false;
    this.idKind = context.rootIdKind(table);
    this.keyColumns = context.keyColumns(table);
    const id = this.textColumn(C_DLT_ID);
    if (id === undefined) return false;
    this.system = {
      id,
      load: this.isRoot ? this.textColumn(C_DLT_LOAD_ID) : undefined,
      parent: this.isRoot ? undefined : this.textColumn(C_DLT_PARENT_ID),
      position: this.isRoot ? undefined : this.integerColumn(C_DLT_LIST_IDX),
      root: this.isRoot ? undefined : this.textColumn(C_DLT_ROOT_ID),
    };
    for (const plan of this.byName.values()) this.bind(plan);
    return this.isRoot
      ? this.system.load !== undefined
      : this.system.parent !== undefined && this.system.position !== undefined;
  }

  private builder(name: string): ColumnBuilder | undefined {
    const definition = this.context.evolving.table(this.table);
    const column = definition && columnOf(definition, name);
    return column?.data_type === undefined ? undefined : this.sink.builder(column);
  }

  private textColumn(name: string): BytesBuilder | undefined {
    const builder = this.builder(name);
    return builder instanceof BytesBuilder && builder.shape.kind === "text" ? builder : undefined;
  }

  private integerColumn(name: string): Int64Builder | undefined {
    const builder = this.builder(name);
    return builder instanceof Int64Builder ? builder : undefined;
  }

  private bind(plan: KeyPlan): void {
    const definition = this.context.evolving.table(this.table);
    const column = definition && columnOf(definition, plan.name);
    plan.keyIndex = this.idKind === "key" && this.isRoot ? this.keyColumns.indexOf(plan.name) : -1;
    if (column?.data_type === undefined) {
      plan.binding = undefined;
      return;
    }
    const builder = this.sink.builder(column);
    plan.binding = {
      kind: kindOf(column.data_type),
      type: column.data_type,
      nullable: isNullable(column),
      builder,
    };
  }
}

function kindOf(type: DataType): WriteKind {
  switch (type) {
    case "text":
    case "double":
    case "bool":
    case "timestamp":
      return type;
    case "bigint":
      return "integer";
    default:
      return "other";
  }
}
