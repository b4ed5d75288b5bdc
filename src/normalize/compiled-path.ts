/**
 * The fast way: known keys with values of known types go straight into column builders. As soon as a document
 * brings anything else, all it wrote is taken back and the reference path does it from the start, so that the
 * schema evolves exactly as it would there.
 */
import { orjsonText } from "../json/print";
import { decodeTyped, mayBeTyped } from "../json/typed-json";
import type { Row, Value } from "../json/values";
import { WholeFloat } from "../json/values";
import { coerce, REFUSED } from "../schema/coerce";
import { nestedRowId } from "../schema/hashing";
import { fastMicros } from "../schema/iso-time";
import type { BytesBuilder } from "./parquet/bytes-builder";
import type { Int64Builder } from "./parquet/fixed-builders";
import { type Binding, type KeyPlan, type NodePlan, TablePlan } from "./plans";
import { contentId, isObject, keyId } from "./reference-path";
import type { RunContext } from "./run-context";

/** Rows nested deeper than this in one another are rare enough for the reference path. */
const MAX_RECURSION = 400;

export class CompiledPath {
  private readonly plans = new Map<string, TablePlan>();
  private typed = false;
  /** Lists waiting for their row to be complete: table, values. Used as a stack by nested rows. */
  private readonly lists: { plan: TablePlan; list: Value[] }[] = [];
  /** Dicts waiting for their siblings: last in, first out, as in dlt. */
  private readonly dicts: { node: NodePlan; dict: Row; level: number }[] = [];
  private keyValues: (Value | undefined)[] = [];
  private depth = 0;

  constructor(private readonly context: RunContext) {}

  /** The schema of this table changed. */
  invalidate(table: string): void {
    for (const plan of this.plans.values()) if (plan.table === table) plan.invalidate();
  }

  /** False: nothing was written, the reference path must take the item. */
  item(item: Value, rootTable: string, typed: boolean): boolean {
    if (!isObject(item)) return false;
    this.typed = typed;
    this.lists.length = 0;
    this.dicts.length = 0;
    this.depth = 0;
    const plan = this.plan([rootTable], true);
    if (this.row(plan, item, "", 0, "", this.context.maxNesting(rootTable))) return true;
    this.context.rollbackDocument();
    return false;
  }

  private plan(fragments: readonly string[], isRoot: boolean): TablePlan {
    const key = fragments.join("\0");
    let plan = this.plans.get(key);
    if (plan === undefined) {
      plan = new TablePlan(this.context, fragments, isRoot);
      this.plans.set(key, plan);
    }
    return plan;
  }

  private row(
    plan: TablePlan,
    row: Row,
    parentId: string,
    position: number,
    rootId: string,
    level: number,
  ): boolean {
    if (!plan.ready || this.depth > MAX_RECURSION) return false;
    const { sink } = plan;
    this.context.touch(sink);
    const listBase = this.lists.length;
    if (plan.keyColumns.length > 0) this.keyValues = [];
    if (!this.flatten(plan, row, sink.rows, level)) return false;
    const id = this.finishRow(plan, row, parentId, position, rootId);
    if (id === undefined) return false;
    if (this.lists.length === listBase) return true;
    const handedOn = plan.isRoot ? (plan.propagates ? id : "") : rootId;
    return this.children(listBase, id, handedOn, level - 1);
  }

  private children(base: number, parentId: string, rootId: string, level: number): boolean {
    const end = this.lists.length;
    this.depth++;
    for (let i = base; i < end; i++) {
      const { plan, list } = this.lists[i]!;
      for (let position = 0; position < list.length; position++) {
        const value = list[position]!;
        const done =
          typeof value !== "object" || value === null || value instanceof WholeFloat
            ? this.scalarRow(plan, value, parentId, position, rootId)
            : Array.isArray(value)
              ? this.row(plan, { list: value }, parentId, position, rootId, level - 1)
              : this.row(plan, value as Row, parentId, position, rootId, level);
        if (!done) return false;
      }
    }
    this.depth--;
    this.lists.length = base;
    return true;
  }

  private scalarRow(
    plan: TablePlan,
    value: Value,
    parentId: string,
    position: number,
    rootId: string,
  ): boolean {
    if (!plan.ready) return false;
    this.context.touch(plan.sink);
    const key = plan.keyPlan(plan.node, "value");
    if (!plan.ready || !this.scalar(key, value, plan.sink.rows)) return false;
    return this.finishRow(plan, undefined, parentId, position, rootId) !== undefined;
  }

  /** Row id and the other columns of dlt's own. Undefined: not possible here. */
  private finishRow(
    plan: TablePlan,
    row: Row | undefined,
    parentId: string,
    position: number,
    rootId: string,
  ): string | undefined {
    const { sink, system } = plan;
    let id: string;
    if (plan.isRoot) {
      const rootKey = this.rootId(plan, row!);
      if (rootKey === undefined) return undefined;
      id = rootKey;
      system.load!.writeText(sink.rows, this.context.load_id);
    } else {
      id = nestedRowId(parentId, plan.table, position);
      if (rootId !== "") {
        if (system.root === undefined) return undefined;
        system.root.writeText(sink.rows, rootId);
      }
      system.parent!.writeText(sink.rows, parentId);
      system.position!.writeNumber(sink.rows, position);
    }
    system.id.writeText(sink.rows, id);
    sink.rows++;
    return id;
  }

  private rootId(plan: TablePlan, row: Row): string | undefined {
    if (plan.idKind === "random") return this.context.randomId(plan.table, plan.sink);
    if (plan.idKind === "row") return contentId(row);
    for (let i = 0; i < plan.keyColumns.length; i++) if (this.keyValues[i] === undefined) return undefined;
    return keyId(plan.table, plan.keyColumns, column => this.keyValues[plan.keyColumns.indexOf(column)]);
  }

  private flatten(plan: TablePlan, row: Row, at: number, level: number): boolean {
    const base = this.dicts.length;
    if (!this.dict(plan, plan.node, row, at, level)) return false;
    while (this.dicts.length > base) {
      const next = this.dicts.pop()!;
      if (!this.dict(plan, next.node, next.dict, at, next.level)) return false;
    }
    return plan.ready;
  }

  private dict(plan: TablePlan, node: NodePlan, dict: Row, at: number, level: number): boolean {
    const { order } = node;
    let i = 0;
    for (const key in dict) {
      let known = order[i];
      if (known === undefined || known.key !== key) {
        known = plan.keyPlan(node, key);
        order[i] = known;
        // Two keys with one column: stop before the second value is in the row (a builder takes one a row).
        if (!plan.ready) return false;
      }
      i++;
      const value = dict[key]!;
      if (typeof value === "object" && value !== null && !(value instanceof WholeFloat)) {
        if (!this.container(plan, node, known, value as Row | Value[], at, level)) return false;
      } else if (!this.scalar(known, value, at)) return false;
    }
    return true;
  }

  private container(
    plan: TablePlan,
    node: NodePlan,
    key: KeyPlan,
    value: Row | Value[],
    at: number,
    level: number,
  ): boolean {
    if (key.special) return false;
    if (level <= 0 || key.binding?.type === "json") return this.whole(key, value, at);
    if (key.binding === undefined && this.context.evolving.preferredType(key.name) === "json") return false;
    if (Array.isArray(value)) {
      if (value.length === 0) return true;
      key.child ??= this.plan([...plan.fragments, ...node.path, key.column], false);
      this.lists.push({ plan: key.child, list: value });
    } else this.dicts.push({ node: plan.nestedNode(node, key), dict: value, level: level - 1 });
    return true;
  }

  /** A dict or list that stays JSON. Typed values inside it are left to the reference path. */
  private whole(key: KeyPlan, value: Row | Value[], at: number): boolean {
    if (key.binding?.type !== "json") return false;
    const text = orjsonText(value);
    if (this.typed && mayBeTyped(text)) return false;
    if (key.keyIndex >= 0) this.keyValues[key.keyIndex] = value;
    key.binding.builder.write(at, text);
    return true;
  }

  private scalar(key: KeyPlan, value: Value, at: number): boolean {
    if (key.special) return false;
    const { binding } = key;
    if (key.keyIndex >= 0) this.keyValues[key.keyIndex] = value;
    if (binding === undefined) return value === null;
    if (value === null) return binding.nullable;
    switch (binding.kind) {
      case "text":
        if (typeof value !== "string" || (this.typed && isMarked(value))) break;
        (binding.builder as BytesBuilder).writeText(at, value);
        return true;
      case "integer":
        if (typeof value !== "number" || !Number.isSafeInteger(value)) break;
        (binding.builder as Int64Builder).writeNumber(at, value);
        return true;
      case "double":
        if (typeof value !== "number") break;
        binding.builder.write(at, value);
        return true;
      case "bool":
        if (typeof value !== "boolean") break;
        binding.builder.write(at, value);
        return true;
      case "timestamp": {
        const micros = typeof value === "string" ? fastMicros(value) : Number.NaN;
        if (Number.isNaN(micros)) break;
        (binding.builder as Int64Builder).writeNumber(at, micros);
        return true;
      }
      default:
    }
    return this.coerced(binding, value, at);
  }

  private coerced(binding: Binding, value: Exclude<Value, null>, at: number): boolean {
    const decoded = this.typed && typeof value === "string" ? decodeTyped(value)! : value;
    const fitted = coerce(binding.type, decoded);
    if (fitted === REFUSED) return false;
    binding.builder.write(at, fitted);
    return true;
  }
}

function isMarked(text: string): boolean {
  const first = text.charCodeAt(0);
  return first >= 0xf026 && first <= 0xf02d;
}
