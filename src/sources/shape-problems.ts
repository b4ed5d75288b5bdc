/** What a zod shape finds, in our words: one problem each, with its path and the nearest valid key. */
import { z } from "zod";
import { unknownName } from "../pipeline/nearest-name";
import type { SpecProblem } from "./source";

/** Looking for the nearest name takes time, and nobody reads more of them. */
const MOST_NEAREST = 50;

/** Every problem that a shape finds in a source's part of a spec. */
export function shapeProblems(shape: z.ZodType, value: unknown): SpecProblem[] {
  const parsed = shape.safeParse(value);
  return parsed.success ? [] : parsed.error.issues.flatMap(issue => issueProblems(issue, shape));
}

/**
 * @param shape what `prefix` leads to
 * @param instead says in place of "unknown key" what became of one
 */
export function issueProblems(
  issue: z.core.$ZodIssue,
  shape: z.ZodType,
  prefix: readonly (string | number)[] = [],
  instead: (path: (string | number)[]) => string | undefined = () => undefined,
): SpecProblem[] {
  const within = issue.path.map(part => (typeof part === "symbol" ? String(part) : part));
  const path = [...prefix, ...within];
  if (issue.code === "unrecognized_keys") {
    const valid = validKeys(shape, within);
    return issue.keys.map((key, i) => ({
      path: [...path, key],
      message: i < MOST_NEAREST ? (instead([...path, key]) ?? unknownName("key", key, valid)) : "unknown key",
    }));
  }
  if (issue.code === "invalid_union") {
    // The most telling alternative: the one that got furthest into the value.
    const deepest = issue.errors
      .flat()
      .sort(
        (a, b) =>
          b.path.length - a.path.length ||
          Number(b.code === "unrecognized_keys") - Number(a.code === "unrecognized_keys"),
      )[0];
    if (deepest !== undefined && (deepest.path.length > 0 || deepest.code === "unrecognized_keys")) {
      const inner = { ...deepest, path: [...issue.path, ...deepest.path] } as z.core.$ZodIssue;
      return issueProblems(inner, shape, prefix, instead);
    }
  }
  if (issue.code === "invalid_type" && issue.message.endsWith("received undefined")) {
    return [{ path, message: "is missing" }];
  }
  return [{ path, message: issue.message }];
}

/** Keys of the object at a path of a shape, for "did you mean". */
function validKeys(shape: z.ZodType, path: readonly (string | number)[]): string[] {
  let node: unknown = shape;
  for (const part of path) node = innerOf(node, part);
  return Object.keys(keysOf(node));
}

function innerOf(node: unknown, part: string | number): unknown {
  if (node instanceof z.ZodOptional || node instanceof z.ZodNullable) return innerOf(node.unwrap(), part);
  if (node instanceof z.ZodArray) return typeof part === "number" ? node.element : undefined;
  if (node instanceof z.ZodRecord) return node.valueType;
  if (node instanceof z.ZodUnion) {
    return node.options.map(option => innerOf(option, part)).find(inner => inner !== undefined);
  }
  return keysOf(node)[part];
}

function keysOf(node: unknown): { [key: string]: unknown } {
  if (node instanceof z.ZodOptional || node instanceof z.ZodNullable) return keysOf(node.unwrap());
  if (node instanceof z.ZodUnion) {
    return Object.assign({}, ...node.options.map(option => keysOf(option))) as { [key: string]: unknown };
  }
  return node instanceof z.ZodObject ? (node.shape as { [key: string]: unknown }) : {};
}

/** Names given twice: in dlt the last would silently win. */
export function duplicateNames(resources: readonly { name?: unknown }[]): SpecProblem[] {
  const seen = new Set<unknown>();
  return resources.flatMap(({ name }, index) => {
    const again = typeof name === "string" && seen.has(name);
    seen.add(name);
    return again
      ? [{ path: ["resources", index, "name"], message: `a resource "${name}" is there already` }]
      : [];
  });
}
