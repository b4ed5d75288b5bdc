/**
 * Files of a package are read back by other processes, maybe after a power cut, a copy or an update. One that does not
 * parse or has another shape is told by its name, before anything trips over it.
 */
import { basename, dirname } from "node:path";
import { TidemarkError } from "../pipeline/errors";

/** `fields`: further ones are allowed; a key that ends in "?" may be absent. */
export type Shape =
  | "text"
  | "number"
  | "boolean"
  | "object"
  | "anything"
  | { list: Shape }
  | { fields: { [key: string]: Shape } };

/**
 * @param parse the text's own parser: JSON.parse, or one that keeps numbers exact
 * @throws TidemarkError PACKAGE_DAMAGED
 */
export function readShape<T>(path: string, text: string, parse: (text: string) => unknown, shape: Shape): T {
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    throw damaged(path, text === "" ? "it is empty" : "it is no JSON");
  }
  const misfit = misfitOf(value, shape, "");
  if (misfit !== undefined) throw damaged(path, misfit);
  return value as T;
}

export function damaged(path: string, why: string): TidemarkError {
  // Without its record a package belongs to no dataset, so no command may drop it.
  const cure =
    basename(path) === "package.json"
      ? "Remove that folder"
      : "`bin/tidemark abort-packages` drops the package";
  return new TidemarkError(
    "PACKAGE_DAMAGED",
    `${basename(path)} in ${dirname(path)} is not what a load package holds: ${why}. It was cut short, changed, or written by another version. ${cure}; the cursor had not moved, so its rows are extracted again.`,
  );
}

/** What does not fit, by its path; values stay untold. */
function misfitOf(value: unknown, shape: Shape, path: string): string | undefined {
  const where = path === "" ? "it" : path;
  if (shape === "anything") return value === undefined ? `${where} is missing` : undefined;
  if (shape === "text") return typeof value === "string" ? undefined : `${where} is no text`;
  if (shape === "number") return typeof value === "number" ? undefined : `${where} is no number`;
  if (shape === "boolean")
    return typeof value === "boolean" ? undefined : `${where} is neither true nor false`;
  if (typeof shape === "object" && "list" in shape) {
    if (!Array.isArray(value)) return `${where} is no list`;
    for (const [i, item] of value.entries()) {
      const misfit = misfitOf(item, shape.list, `${path}[${i}]`);
      if (misfit !== undefined) return misfit;
    }
    return undefined;
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) return `${where} is no object`;
  if (shape === "object") return undefined;
  for (const [key, inner] of Object.entries(shape.fields)) {
    const name = key.replace("?", "");
    const found = (value as { [key: string]: unknown })[name];
    if (found === undefined && key.endsWith("?")) continue;
    const misfit = misfitOf(found, inner, path === "" ? name : `${path}.${name}`);
    if (misfit !== undefined) return misfit;
  }
  return undefined;
}
