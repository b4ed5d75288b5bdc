/** A pipeline as a person names it: by name, or by a path that counts from where the command was given. */
import { extname, isAbsolute, relative, resolve } from "node:path";
import type { Config } from "../config";

/** The same as the project's workers find it: a name as it is, a path from the project's folder (absolute outside of it). */
export function specArgument(given: string, { cwd, from }: Pick<Config, "cwd" | "from">): string {
  const isPath = /[\\/]/.test(given) || [".yaml", ".yml", ".json", ".ts", ".js"].includes(extname(given));
  if (!isPath || cwd === from) return given;
  const path = resolve(from, given);
  const inside = relative(cwd, path);
  if (inside.startsWith("..") || isAbsolute(inside)) return path;
  return `./${inside}`;
}
