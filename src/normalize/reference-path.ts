/**
 * dlt's relational normalizer, row by row and without shortcuts: the semantics that the compiled path must match,
 * and the way for every document that brings something new.
 */
import { keysInOrder } from "../json/key-order";
import { orjsonText } from "../json/print";
import type { Row, Value } from "../json/values";
import { WholeFloat } from "../json/values";
import { TidemarkError } from "../pipeline/errors";
import { rowDigest } from "../schema/hashing";
import { emptyName } from "../schema/naming";
import {
  C_DLT_ID,
  C_DLT_LIST_IDX,
  C_DLT_LOAD_ID,
  C_DLT_PARENT_ID,
  SYSTEM_PREFIX,
} from "../schema/system-tables";
import type { FlatRow } from "./evolving-schema";
import type { RunContext } from "./run-context";

type Extend = [column: string, value: Value][];

interface Place {
  /** Fragments of the parent's table name, unshortened; empty for the root. */
  parent: readonly string[];
  /** Fragments from there to this table. */
  own: readonly string[];
}

export function isObject(value: Value): value is Row {
  return (
    typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof WholeFloat)
  );
}

export class ReferencePath {
  private typed = false;

  constructor(private readonly context: RunContext) {}

  /**
   * Normalizes one item of a resource.
   * @param typed strings may be marked as other types (see typed-json)
   * @throws TidemarkError CONTRACT_VIOLATION, NULL_IN_KEY, CANNOT_COERCE, BAD_IDENTIFIER
   */
  item(item: Value, rootTable: string, typed: boolean): void {
    this.typed = typed;
    const row = isObject(item) ? item : { value: item };
    this.row(
      row,
      [],
      { parent: [], own: [rootTable] },
      undefined,
      0,
      this.context.maxNesting(rootTable),
      true,
    );
  }

  private row(
    row: Row,
    extend: Extend,
    place: Place,
    parentId: string | undefined,
    position: number,
    level: number,
    declaredRoot = false,
  ): void {
    const { naming } = this.context.evolving;
    const table = naming.join([...place.parent, ...place.own]);
    const { flat, lists } = this.flatten(table, row, level);
    for (const [column, value] of extend) flat.set(column, value);
    const isRoot = declaredRoot || !this.context.evolving.isNested(table);
    if (isRoot) flat.set(C_DLT_LOAD_ID, this.context.load_id);
    const given = flat.get(C_DLT_ID);
    const id = isTruthy(given) ? given : this.addRowId(table, row, flat, parentId, position, isRoot);
    const handedOn = this.extended(extend, table, flat, isRoot);
    if (!this.emit(table, place, flat)) return;
    const parent = [...place.parent, ...place.own];
    for (const { path, list } of lists) this.list(list, handedOn, path, parent, idText(id), level - 1);
  }

  private extended(extend: Extend, table: string, flat: FlatRow, isRoot: boolean): Extend {
    const mapping = this.context.propagated(table, isRoot).filter(([from]) => flat.has(from));
    if (mapping.length === 0) return extend;
    const all = new Map(extend);
    for (const [from, as] of mapping) all.set(as, flat.get(from)!);
    return [...all];
  }

  private list(
    list: Value[],
    extend: Extend,
    own: readonly string[],
    parent: readonly string[],
    parentId: string,
    level: number,
  ): void {
    const table = this.context.evolving.naming.join([...parent, ...own]);
    const isRoot = !this.context.evolving.isNested(table);
    const place = { parent, own };
    for (let i = 0; i < list.length; i++) {
      const value = list[i]!;
      if (Array.isArray(value)) this.row({ list: value }, extend, place, parentId, i, level - 1);
      else if (isObject(value)) this.row(value, extend, place, parentId, i, level);
      else {
        const flat: FlatRow = new Map([["value", value], ...extend]);
        this.addRowId(table, Object.fromEntries(flat), flat, parentId, i, isRoot);
        this.emit(table, place, flat);
      }
    }
  }

  /** dlt: _flatten. A stack, so the last nested dict comes first after the scalars. */
  private flatten(table: string, row: Row, level: number) {
    const { naming } = this.context.evolving;
    const flat: FlatRow = new Map();
    const lists = new Map<string, { path: string[]; list: Value[] }>();
    const stack: { row: Row; level: number; path: string[] }[] = [{ row, level, path: [] }];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      for (const key of keysInOrder(top.row)) {
        const value = top.row[key]!;
        const column = naming.column(key);
        const path = [...top.path, column];
        const name = top.path.length === 0 ? column : naming.join(path);
        if (typeof value === "object" && value !== null && !(value instanceof WholeFloat)) {
          if (!this.context.evolving.staysWhole(table, name, top.level)) {
            if (Array.isArray(value)) {
              // dlt: a blank key is no part of the table's name, so such rows join those of the table above.
              const listPath = [...top.path, naming.table(key)];
              lists.set(JSON.stringify(listPath), { path: listPath, list: value });
            } else stack.push({ row: value as Row, level: top.level - 1, path });
            continue;
          }
        }
        if (name === "" && value !== null) throw emptyName();
        flat.set(name, value);
      }
    }
    return { flat, lists: lists.values() };
  }

  private addRowId(
    table: string,
    row: Row,
    flat: FlatRow,
    parentId: string | undefined,
    position: number,
    isRoot: boolean,
  ): string {
    let id: string;
    if (isRoot) id = this.rootId(table, row, flat);
    else {
      id = rowDigest(`${parentId}_${table}_${position}`);
      flat.set(C_DLT_PARENT_ID, parentId!);
      flat.set(C_DLT_LIST_IDX, position);
    }
    flat.set(C_DLT_ID, id);
    return id;
  }

  private rootId(table: string, row: Row, flat: FlatRow): string {
    switch (this.context.rootIdKind(table)) {
      case "key":
        return keyId(table, this.context.keyColumns(table), column => flat.get(column));
      case "row":
        return contentId(row);
      default:
        return this.context.randomId(table, this.context.sink(table));
    }
  }

  /** False: the row was dropped, and its descendants must be too. */
  private emit(table: string, place: Place, flat: FlatRow): boolean {
    const { evolving } = this.context;
    const parent = place.parent.length === 0 ? undefined : evolving.naming.join(place.parent);
    const coerced = evolving.accept(table, parent, flat, this.typed);
    if (coerced === undefined) {
      this.context.rejectedRows++;
      return false;
    }
    const definition = evolving.table(table)!;
    const sink = this.context.sink(table);
    this.context.touch(sink);
    for (const [name, value] of coerced) sink.builder(definition.columns[name]!).write(sink.rows, value);
    sink.rows++;
    return true;
  }
}

/** dlt: get_row_hash over the key columns; all of them must be there. */
export function keyId(
  table: string,
  columns: readonly string[],
  lookUp: (column: string) => Value | undefined,
): string {
  const key: Row = {};
  for (const column of columns) {
    const value = lookUp(column);
    if (value === undefined) {
      throw new TidemarkError(
        "NULL_IN_KEY",
        `A row of table "${table}" has no value in its primary key column "${column}", from which its row id is made. Complete such rows at the source, or choose another key.`,
        { step: "normalize", dltException: "KeyError" },
      );
    }
    key[column] = value;
  }
  return rowDigest(orjsonText(key, { sortKeys: true }));
}

/** dlt: get_row_hash over the raw item, without keys of dlt's own. */
export function contentId(row: Row): string {
  const own = Object.fromEntries(Object.entries(row).filter(([key]) => !key.startsWith(SYSTEM_PREFIX)));
  return rowDigest(orjsonText(own, { sortKeys: true }));
}

/** Python's truth of a row id that came with the data. */
function isTruthy(value: Value | undefined): value is Exclude<Value, null> {
  if (value instanceof WholeFloat) return value.value !== 0;
  if (Array.isArray(value)) return value.length > 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

function idText(id: Exclude<Value, null>): string {
  return typeof id === "string" ? id : orjsonText(id);
}
