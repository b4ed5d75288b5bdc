/** What the repository hands to everybody: the files git tracks, or all files where the checkout came without git. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./source-files";

const NOT_OURS = ["node_modules", ".tidemark", ".git", "dist", "coverage", "target", "logs", "dbt_packages"];

export function trackedFiles(): string[] {
  const found = existsSync(join(ROOT, ".git"))
    ? execFileSync("git", ["ls-files", "-z"], { cwd: ROOT, encoding: "utf8" }).split("\0")
    : walk("");
  return found.filter(path => path !== "" && existsSync(join(ROOT, path))).sort();
}

function walk(folder: string): string[] {
  return readdirSync(join(ROOT, folder)).flatMap(name => {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (NOT_OURS.includes(name) || name === ".env") return [];
    return statSync(join(ROOT, path)).isDirectory() ? walk(path) : [path];
  });
}

/** The text of a tracked file; undefined for a binary one. */
export function textOf(path: string): string | undefined {
  const bytes = readFileSync(join(ROOT, path));
  return bytes.subarray(0, 8_000).includes(0) ? undefined : bytes.toString("utf8");
}
