/**
 * JSONPath in the jsonpath-ng dialect, which dlt uses for cursor paths, data selectors and resolve fields:
 * a bare name is a direct key; a field never looks into lists; indexes never look into objects.
 * Own evaluator, because jsonpath-plus differs in all three and would take WholeFloat and bigint for objects.
 */

import {
  type CompareOperator,
  type FilterNode,
  JsonPathError,
  type Literal,
  type PathNode,
  parsePath,
} from "./jsonpath-parser";
import { keysInOrder, rememberedKeyOrder } from "./key-order";
import type { Value } from "./values";
import { WholeFloat } from "./values";

export { JsonPathError };

type Finder = (value: Value, root: Value) => Value[];
type Tester = (value: Value, root: Value) => boolean;
type PlainObject = { [key: string]: Value };

const NONE: Value[] = [];

/**
 * Compiles a path to a function that returns all matches in document order (dlt: `jsonpath.find_values`).
 * @throws JsonPathError when the text is not a path, or uses a part of the dialect that is not supported
 */
export function compilePath(path: string): (value: Value) => Value[] {
  const find = compileNode(parsePath(path));
  return value => find(value, value);
}

/** The key, when the path is one plain key (`id`, `'a b'`, `['id']`); else null (dlt: `extract_simple_field_name`). */
export function simpleField(path: string): string | null {
  const node = parsePath(path);
  return node.kind === "fields" && node.names.length === 1 ? node.names[0]! : null;
}

/** The keys from the document's root on, when the path is nothing but plain keys (`data.items`, `$`); else null. */
export function plainKeys(path: string): string[] | null {
  return keysOf(parsePath(path));
}

function keysOf(node: PathNode): string[] | null {
  if (node.kind === "root") return [];
  if (node.kind === "fields") return node.names.length === 1 ? node.names : null;
  if (node.kind !== "child") return null;
  const [left, right] = [keysOf(node.left), keysOf(node.right)];
  return left === null || right === null || node.right.kind === "root" ? null : [...left, ...right];
}

/** True for JSON objects; the typed value classes and null are leaves. */
export function isObject(value: Value | undefined): value is PlainObject {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function compileNode(node: PathNode): Finder {
  switch (node.kind) {
    case "root":
      return (_, root) => [root];
    case "this":
      return value => [value];
    case "wildcard":
      return value => children(value);
    case "fields":
      return compileFields(node.names);
    case "index":
      return compileIndex(node.indices);
    case "slice":
      return value => (Array.isArray(value) ? slice(value, node.start, node.end, node.step) : NONE);
    case "child":
      return compileChild(compileNode(node.left), compileNode(node.right));
    case "descendants":
      return compileDescendants(compileNode(node.left), compileNode(node.right));
    case "union": {
      const [left, right] = [compileNode(node.left), compileNode(node.right)];
      return (value, root) => left(value, root).concat(right(value, root));
    }
    case "where":
    case "wherenot": {
      const [left, right] = [compileNode(node.left), compileNode(node.right)];
      const wanted = node.kind === "where";
      return (value, root) => left(value, root).filter(found => right(found, root).length > 0 === wanted);
    }
    case "filter": {
      const test = compileFilter(node.test);
      return (value, root) => children(value).filter(child => test(child, root));
    }
  }
}

function children(value: Value): Value[] {
  if (Array.isArray(value)) return value;
  if (!isObject(value)) return NONE;
  const order = rememberedKeyOrder(value);
  return order === undefined ? Object.values(value) : keysInOrder(value).map(key => value[key]!);
}

function compileFields(names: string[]): Finder {
  if (names.length === 1) {
    const name = names[0]!;
    return value => (isObject(value) && Object.hasOwn(value, name) ? [value[name]!] : NONE);
  }
  return value =>
    isObject(value) ? names.filter(name => Object.hasOwn(value, name)).map(name => value[name]!) : NONE;
}

function compileIndex(indices: number[]): Finder {
  return value => {
    if (!Array.isArray(value)) return NONE;
    const found: Value[] = [];
    for (const index of indices) {
      const at = index < 0 ? value.length + index : index;
      if (at >= 0 && at < value.length) found.push(value[at]!);
    }
    return found;
  };
}

/** Python's slice rules. */
function slice(list: Value[], start?: number, end?: number, step = 1): Value[] {
  if (step === 0) return NONE;
  const size = list.length;
  const clamp = (at: number, low: number, high: number): number =>
    Math.min(Math.max(at < 0 ? at + size : at, low), high);
  const found: Value[] = [];
  if (step > 0) {
    const stop = end === undefined ? size : clamp(end, 0, size);
    for (let i = start === undefined ? 0 : clamp(start, 0, size); i < stop; i += step) found.push(list[i]!);
  } else {
    const stop = end === undefined ? -1 : clamp(end, -1, size - 1);
    for (let i = start === undefined ? size - 1 : clamp(start, -1, size - 1); i > stop; i += step)
      found.push(list[i]!);
  }
  return found;
}

function compileChild(left: Finder, right: Finder): Finder {
  return (value, root) => {
    const from = left(value, root);
    if (from.length === 1) return right(from[0]!, root);
    const found: Value[] = [];
    for (const one of from) for (const match of right(one, root)) found.push(match);
    return found;
  };
}

/** Depth first, parents before children; an explicit stack, because documents may be nested thousands deep. */
function compileDescendants(left: Finder, right: Finder): Finder {
  return (value, root) => {
    const found: Value[] = [];
    const stack = [...left(value, root)].reverse();
    while (stack.length > 0) {
      const one = stack.pop()!;
      for (const match of right(one, root)) found.push(match);
      const below = children(one);
      for (let i = below.length - 1; i >= 0; i--) stack.push(below[i]!);
    }
    return found;
  };
}

function compileFilter(node: FilterNode): Tester {
  switch (node.kind) {
    case "and": {
      const tests = node.operands.map(compileFilter);
      return (value, root) => tests.every(test => test(value, root));
    }
    case "or": {
      const tests = node.operands.map(compileFilter);
      return (value, root) => tests.some(test => test(value, root));
    }
    case "exists":
    case "missing": {
      const find = compileNode(node.path);
      const wanted = node.kind === "exists";
      return (value, root) => find(value, root).length > 0 === wanted;
    }
    case "compare":
      return compileComparison(compileNode(node.path), node.operator, node.to);
  }
}

/** RFC 9535 2.3.5.2.2, as jsonpath-ng 1.16 has it: nothing equals only nothing; only numbers and texts are ordered. */
function compileComparison(
  find: Finder,
  operator: CompareOperator,
  to: { path: PathNode } | { literal: Literal },
): Tester {
  if (operator === "=~") {
    const pattern = new RegExp(String("literal" in to ? to.literal : ""));
    return (value, root) => find(value, root).some(found => typeof found === "string" && pattern.test(found));
  }
  const other: Finder = "path" in to ? compileNode(to.path) : () => [to.literal];
  return (value, root) => {
    const left = find(value, root);
    const right = other(value, root);
    if (left.length === 0 || right.length === 0) {
      const bothEmpty = left.length === 0 && right.length === 0;
      return operator === "!=" ? !bothEmpty : bothEmpty && operator !== "<" && operator !== ">";
    }
    return left.some(a => right.some(b => compare(operator, a, b)));
  };
}

function compare(operator: CompareOperator, left: Value, right: Value): boolean {
  const [a, b] = [plainNumber(left), plainNumber(right)];
  if (a !== undefined && b !== undefined) return ordered(operator, a, b);
  if (typeof left === "string" && typeof right === "string") return ordered(operator, left, right);
  const same = deepEqual(left, right);
  return operator === "!=" ? !same : same && operator !== "<" && operator !== ">";
}

function ordered<T extends number | bigint | string>(operator: CompareOperator, a: T, b: T): boolean {
  switch (operator) {
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    case ">=":
      return a >= b;
    case "!=":
      // biome-ignore lint/suspicious/noDoubleEquals: 1n == 1 must hold, as in Python
      return a != b;
    default:
      // biome-ignore lint/suspicious/noDoubleEquals: 1n == 1 must hold, as in Python
      return a == b;
  }
}

function plainNumber(value: Value): number | bigint | undefined {
  if (typeof value === "number" || typeof value === "bigint") return value;
  return value instanceof WholeFloat ? value.value : undefined;
}

function deepEqual(left: Value, right: Value): boolean {
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((one, i) => deepEqual(one, right[i]!));
  }
  if (isObject(left) && isObject(right)) {
    const keys = Object.keys(left);
    return (
      keys.length === Object.keys(right).length &&
      keys.every(key => Object.hasOwn(right, key) && deepEqual(left[key]!, right[key]!))
    );
  }
  const [a, b] = [plainNumber(left), plainNumber(right)];
  if (a !== undefined && b !== undefined) return ordered("==", a, b);
  return left === right;
}
