/**
 * The fast way: JSON text of known keys with values of known types goes straight into column builders, without
 * objects or texts in between. As soon as a document brings anything else, all it wrote is taken back and the
 * reference path does it from the start, so that the schema evolves exactly as it would there.
 */
import { numberOf } from "../json/marked-numbers";
import { parseJson } from "../json/parse";
import { orjsonText } from "../json/print";
import { decodeTyped, mayBeTyped } from "../json/typed-json";
import type { Row, Scalar, Value } from "../json/values";
import { coerce, REFUSED } from "../schema/coerce";
import { ROW_ID_LENGTH } from "../schema/hashing";
import { fastMicros } from "../schema/iso-time";
import { JSON_BYTES } from "./json-bytes";
import type { BytesBuilder } from "./parquet/bytes-builder";
import type { DoubleBuilder, Int64Builder } from "./parquet/fixed-builders";
import { type KeyPlan, type NodePlan, TablePlan } from "./plans";
import { contentId, keyId } from "./reference-path";
import type { RunContext } from "./run-context";

const { QUOTE, BACKSLASH, COMMA, COLON, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET } = JSON_BYTES;
const { skipSpace, stringEnd, containerEnd, tokenEnd, startsWith } = JSON_BYTES;
/** Bytes of a row id. */
const ID = ROW_ID_LENGTH;

/** Rows nested deeper than this in one another are rare enough for the reference path. */
const MAX_RECURSION = 400;
/** Up to this many digits a number is exact as an integer, and so is its quotient by a power of ten, rounded once. */
const EXACT_DIGITS = 15;
const POWERS = Array.from({ length: EXACT_DIGITS + 1 }, (_, i) => 10 ** i);
const ZERO = 48;
const MINUS = 45;
const POINT = 46;
const [LETTER_T, LETTER_F, LETTER_N] = [116, 102, 110];

interface ListPlace {
  plan: TablePlan;
  /** Place of its bracket. */
  start: number;
}

export class CompiledPath {
  private readonly plans = new Map<string, TablePlan>();
  private bytes: Buffer = Buffer.alloc(0);
  private at = 0;
  /** Lists waiting for their row to be complete. Used as a stack by nested rows. */
  private readonly lists: ListPlace[] = [];
  private keyValues: (Value | undefined)[] = [];
  private depth = 0;
  /** Number of the row that is being read: a key that has it came twice. */
  private rowNumber = 0;
  /** Row ids from the root down to the row at hand. */
  private readonly ids = Buffer.alloc((MAX_RECURSION + 2) * ID);

  constructor(private readonly context: RunContext) {}

  /** The schema of this table changed. */
  invalidate(table: string): void {
    for (const plan of this.plans.values()) if (plan.table === table) plan.invalidate();
  }

  /**
   * Takes the JSON text of one item, from `start` to `end`. It must be valid.
   * @returns false: nothing was written, the reference path must take the item
   */
  item(bytes: Buffer, start: number, end: number, rootTable: string): boolean {
    this.bytes = bytes;
    this.at = skipSpace(bytes, start);
    if (bytes[this.at] !== OPEN_BRACE) return false;
    this.lists.length = 0;
    this.depth = 0;
    const plan = this.plan([rootTable], true);
    if (this.row(plan, 0, false, this.context.maxNesting(rootTable)) && skipSpace(bytes, this.at) >= end)
      return true;
    this.context.rollbackDocument();
    return false;
  }

  private plan(fragments: readonly string[], isRoot: boolean): TablePlan {
    const key = fragments.join("\0");
    let plan = this.plans.get(key);
    if (plan === undefined) {
      plan = new TablePlan(this.context, fragments, isRoot, this.ids);
      this.plans.set(key, plan);
    }
    return plan;
  }

  /** Reads the row at the place: an object, or another value of a list. `level`: how deep dicts may still unfold. */
  private row(plan: TablePlan, position: number, hasRoot: boolean, level: number): boolean {
    if (!plan.ready || this.depth > MAX_RECURSION) return false;
    const { sink } = plan;
    this.context.touch(sink);
    const base = this.lists.length;
    if (plan.keyColumns.length > 0) this.keyValues = [];
    this.rowNumber++;
    const start = this.at;
    const first = this.bytes[start];
    if (first === OPEN_BRACE) {
      if (!this.object(plan, plan.node, sink.rows, level)) return false;
    } else {
      // dlt: a list in a list is a row with one key.
      const key = plan.keyPlan(plan.node, first === OPEN_BRACKET ? "list" : "value");
      if (!plan.ready || !this.value(plan, plan.node, key, sink.rows, level)) return false;
    }
    if (!plan.ready || !this.finishRow(plan, start, position, hasRoot)) return false;
    if (this.lists.length === base) return true;
    return this.children(base, plan.isRoot ? plan.propagates : hasRoot, level - 1);
  }

  private children(base: number, hasRoot: boolean, level: number): boolean {
    const { bytes, at: end } = this;
    const last = this.lists.length;
    const parent = this.depth * ID;
    this.depth++;
    for (let i = base; i < last; i++) {
      const { plan, start } = this.lists[i]!;
      plan.ids.begin(parent);
      this.at = skipSpace(bytes, start + 1);
      for (let position = 0; bytes[this.at] !== CLOSE_BRACKET; position++) {
        const inside = bytes[this.at] === OPEN_BRACKET ? level - 1 : level;
        if (!this.row(plan, position, hasRoot, inside)) return false;
        this.at = skipSpace(bytes, this.at);
        if (bytes[this.at] === COMMA) this.at = skipSpace(bytes, this.at + 1);
        else if (bytes[this.at] !== CLOSE_BRACKET) return false;
      }
    }
    this.depth--;
    this.lists.length = base;
    this.at = end;
    return true;
  }

  /** Row id and the other columns of dlt's own. False: not possible here. */
  private finishRow(plan: TablePlan, start: number, position: number, hasRoot: boolean): boolean {
    const { sink, system } = plan;
    const { ids } = this;
    const own = this.depth * ID;
    if (plan.isRoot) {
      if (!this.writeRootId(plan, start)) return false;
      system.load!.writeText(sink.rows, this.context.load_id);
    } else {
      plan.ids.write(position, own);
      if (hasRoot) {
        if (system.root === undefined) return false;
        system.root.writeBytes(sink.rows, ids, 0, ID);
      }
      system.parent!.writeBytes(sink.rows, ids, own - ID, own);
      system.position!.writeNumber(sink.rows, position);
    }
    system.id.writeBytes(sink.rows, ids, own, own + ID);
    sink.rows++;
    return true;
  }

  private writeRootId(plan: TablePlan, start: number): boolean {
    if (plan.idKind === "random") {
      this.context.rowIds(plan.table).write(plan.sink.total, this.ids, 0);
      return true;
    }
    let id: string;
    if (plan.idKind === "row") id = contentId(parseJson(this.text(start, this.at)) as Row);
    else {
      for (let i = 0; i < plan.keyColumns.length; i++) if (this.keyValues[i] === undefined) return false;
      id = keyId(plan.table, plan.keyColumns, column => this.keyValues[plan.keyColumns.indexOf(column)]);
    }
    this.ids.write(id, 0, "latin1");
    return true;
  }

  /** Reads the object at the place. Its lists wait in dlt's order: its own, then those of its dicts, last dict first. */
  private object(plan: TablePlan, node: NodePlan, row: number, level: number): boolean {
    const { bytes } = this;
    const { order } = node;
    const base = this.lists.length;
    /** Bounds, among the waiting lists, of those that dicts brought. */
    let ofDicts: [from: number, to: number][] | undefined;
    this.at = skipSpace(bytes, this.at + 1);
    if (bytes[this.at] === CLOSE_BRACE) {
      this.at++;
      return true;
    }
    for (let i = 0; ; i++) {
      let known = order[i];
      if (known !== undefined && startsWith(bytes, this.at, known.quoted)) this.at += known.quoted.length;
      else {
        known = this.readKey(plan, node);
        if (known === undefined) return false;
        order[i] = known;
        // Two keys with one column: stop before the second value is in the row (a builder takes one a row).
        if (!plan.ready) return false;
      }
      // Twice the same key: the later value counts.
      if (known.row === this.rowNumber) return false;
      known.row = this.rowNumber;
      if (bytes[this.at] !== COLON) {
        this.at = skipSpace(bytes, this.at);
        if (bytes[this.at] !== COLON) return false;
      }
      this.at = skipSpace(bytes, this.at + 1);
      const before = this.lists.length;
      const isDict = bytes[this.at] === OPEN_BRACE;
      if (!this.value(plan, node, known, row, level)) return false;
      if (isDict && this.lists.length > before) {
        ofDicts ??= [];
        ofDicts.push([before, this.lists.length]);
      }
      this.at = skipSpace(bytes, this.at);
      const next = bytes[this.at++];
      if (next === CLOSE_BRACE) break;
      if (next !== COMMA) return false;
      this.at = skipSpace(bytes, this.at);
    }
    if (ofDicts !== undefined) this.reorder(base, ofDicts);
    return true;
  }

  private reorder(base: number, ofDicts: [from: number, to: number][]): void {
    const waiting = this.lists.splice(base);
    const dicts = ofDicts.map(([from, to]) => waiting.slice(from - base, to - base));
    const inDicts = new Set(dicts.flat());
    this.lists.push(...waiting.filter(list => !inDicts.has(list)), ...dicts.reverse().flat());
  }

  private readKey(plan: TablePlan, node: NodePlan): KeyPlan | undefined {
    const { bytes, at } = this;
    if (bytes[at] !== QUOTE) return undefined;
    const end = stringEnd(bytes, at + 1);
    if (end >= bytes.length) return undefined;
    this.at = end + 1;
    return plan.keyPlan(node, JSON.parse(this.text(at, end + 1)) as string);
  }

  private text(from: number, to: number): string {
    return this.bytes.toString("utf8", from, to);
  }

  private value(plan: TablePlan, node: NodePlan, key: KeyPlan, row: number, level: number): boolean {
    if (key.special) return false;
    switch (this.bytes[this.at]) {
      case QUOTE:
        return this.string(key, row);
      case OPEN_BRACE:
      case OPEN_BRACKET:
        return this.container(plan, node, key, row, level);
      case LETTER_T:
        this.at += 4;
        return this.scalar(key, true, row);
      case LETTER_F:
        this.at += 5;
        return this.scalar(key, false, row);
      case LETTER_N:
        this.at += 4;
        return this.scalar(key, null, row);
      default:
        return this.number(key, row);
    }
  }

  private string(key: KeyPlan, row: number): boolean {
    const { bytes } = this;
    const { binding } = key;
    const start = this.at + 1;
    let end = start;
    for (;;) {
      const byte = bytes[end];
      if (byte === QUOTE || byte === BACKSLASH || byte === undefined) break;
      end++;
    }
    if (bytes[end] !== QUOTE) {
      end = stringEnd(bytes, end);
      if (end >= bytes.length) return false;
      this.at = end + 1;
      const text = JSON.parse(this.text(start - 1, end + 1)) as string;
      return this.scalar(key, text, row);
    }
    this.at = end + 1;
    if (binding?.kind === "text" && key.keyIndex < 0 && !isMarked(bytes, start)) {
      (binding.builder as BytesBuilder).writeBytes(row, bytes, start, end);
      return true;
    }
    return this.scalar(key, this.text(start, end), row);
  }

  /** Numbers up to fifteen digits without exponent are read here; the others as the exact reader has them. */
  private number(key: KeyPlan, row: number): boolean {
    const { bytes } = this;
    const start = this.at;
    let at = start;
    const negative = bytes[at] === MINUS;
    if (negative) at++;
    const first = at;
    let value = 0;
    let digit = bytes[at]! - ZERO;
    for (; digit >= 0 && digit <= 9; digit = bytes[++at]! - ZERO) value = value * 10 + digit;
    let digits = at - first;
    let fraction = 0;
    if (bytes[at] === POINT) {
      digit = bytes[++at]! - ZERO;
      for (; digit >= 0 && digit <= 9; fraction++, digit = bytes[++at]! - ZERO) value = value * 10 + digit;
      digits += fraction;
    }
    const end = bytes[at];
    const simple =
      digits > 0 && digits <= EXACT_DIGITS && (end === COMMA || end === CLOSE_BRACE || end === CLOSE_BRACKET);
    if (simple && (fraction === 0 || value % POWERS[fraction]! !== 0)) {
      this.at = at;
      if (fraction > 0) value /= POWERS[fraction]!;
      if (negative) value = 0 - value;
      const { binding } = key;
      // Here, because handing a float on makes an object of it.
      if (binding?.kind === "double" && key.keyIndex < 0) {
        (binding.builder as DoubleBuilder).writeNumber(row, value);
        return true;
      }
      return this.scalar(key, value, row);
    }
    this.at = tokenEnd(bytes, start);
    const token = bytes.toString("latin1", start, this.at);
    return NUMBER.test(token) && this.scalar(key, numberOf(token), row);
  }

  private container(plan: TablePlan, node: NodePlan, key: KeyPlan, row: number, level: number): boolean {
    if (level <= 0 || key.binding?.type === "json") return this.whole(key, row);
    if (key.binding === undefined && this.context.evolving.preferredType(key.name) === "json") return false;
    const { bytes, at } = this;
    if (bytes[at] === OPEN_BRACE) return this.object(plan, plan.nestedNode(node, key), row, level - 1);
    const inside = skipSpace(bytes, at + 1);
    if (bytes[inside] === CLOSE_BRACKET) {
      this.at = inside + 1;
      return true;
    }
    key.child ??= this.plan([...plan.fragments, ...node.path, key.column], false);
    this.lists.push({ plan: key.child, start: at });
    this.at = containerEnd(bytes, at);
    return true;
  }

  /** A dict or list that stays JSON. Typed values inside it are left to the reference path. */
  private whole(key: KeyPlan, row: number): boolean {
    if (key.binding?.type !== "json") return false;
    const start = this.at;
    this.at = containerEnd(this.bytes, start);
    const value = parseJson(this.text(start, this.at));
    const text = orjsonText(value);
    if (mayBeTyped(text)) return false;
    if (key.keyIndex >= 0) this.keyValues[key.keyIndex] = value;
    key.binding.builder.write(row, text);
    return true;
  }

  private scalar(key: KeyPlan, value: Scalar, row: number): boolean {
    const { binding } = key;
    if (key.keyIndex >= 0) this.keyValues[key.keyIndex] = value;
    if (binding === undefined) return value === null;
    if (value === null) return binding.nullable;
    switch (binding.kind) {
      case "text":
        if (typeof value !== "string" || isMarkedText(value)) break;
        (binding.builder as BytesBuilder).writeText(row, value);
        return true;
      case "integer":
        if (typeof value !== "number" || !Number.isSafeInteger(value)) break;
        (binding.builder as Int64Builder).writeNumber(row, value);
        return true;
      case "double":
        if (typeof value !== "number") break;
        binding.builder.write(row, value);
        return true;
      case "bool":
        if (typeof value !== "boolean") break;
        binding.builder.write(row, value);
        return true;
      case "timestamp": {
        const micros = typeof value === "string" ? fastMicros(value) : Number.NaN;
        if (Number.isNaN(micros)) break;
        (binding.builder as Int64Builder).writeNumber(row, micros);
        return true;
      }
      default:
    }
    const decoded =
      typeof value === "string" && isMarkedText(value)
        ? (decodeTyped(value) as Exclude<Scalar, null>)
        : value;
    const fitted = coerce(binding.type, decoded);
    if (fitted === REFUSED) return false;
    if (fitted !== null) binding.builder.write(row, fitted);
    return true;
  }
}

const NUMBER = /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** A text that typed-json marked as another type, U+F026 to U+F02D in front. */
function isMarkedText(text: string): boolean {
  const first = text.charCodeAt(0);
  return first >= 0xf026 && first <= 0xf02d;
}

/** The same in UTF-8. */
function isMarked(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0xef && bytes[at + 1] === 0x80 && bytes[at + 2]! >= 0xa6 && bytes[at + 2]! <= 0xad;
}
