/** The sources as the walls see them: who imports what, who reads the environment. Parsed, not guessed by text. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { parseSync } from "@swc/core";

export const ROOT = join(__dirname, "..", "..", "..");
export const SRC = join(ROOT, "src");

export interface Import {
  /** As written. */
  from: string;
  typeOnly: boolean;
  /** A `require` or `import()`: not before the code around it runs. */
  later?: boolean;
}

export interface SourceFile {
  /** Below src/, with forward slashes. */
  path: string;
  imports: Import[];
  readsEnvironment: boolean;
  lines: number;
}

interface Node {
  type: string;
  [field: string]: unknown;
}

export function sourceFiles(folder = SRC): SourceFile[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter(name => /\.(ts|js|mjs|cjs)$/.test(name))
    .map(name => name.split(sep).join("/"))
    .sort()
    .map(path => ({ path, ...readSource(readFileSync(join(folder, path), "utf8")) }));
}

export function readSource(text: string): Omit<SourceFile, "path"> {
  const imports: Import[] = [];
  let readsEnvironment = false;
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) {
      for (const item of value) visit(item);
      return;
    }
    if (value === null || typeof value !== "object") return;
    const node = value as Node;
    const found = importOf(node);
    if (found !== undefined) imports.push(found);
    if (isEnvironment(node)) readsEnvironment = true;
    for (const child of Object.values(node)) visit(child);
  };
  visit(parseSync(text, { syntax: "typescript", target: "es2022" }).body);
  // `import { env } from "node:process"` would be a way around.
  if (imports.some(({ from }) => /^(node:)?process$/.test(from))) readsEnvironment = true;
  return { imports, readsEnvironment, lines: text.split("\n").length - (text.endsWith("\n") ? 1 : 0) };
}

function importOf(node: Node): Import | undefined {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration": {
      const source = node.source as { value: string } | null | undefined;
      if (source === null || source === undefined) return undefined;
      const specifiers = (node.specifiers ?? []) as { isTypeOnly?: boolean }[];
      const typeOnly =
        node.typeOnly === true || (specifiers.length > 0 && specifiers.every(one => one.isTypeOnly === true));
      return { from: source.value, typeOnly };
    }
    case "TsImportType":
      return { from: (node.argument as { value: string }).value, typeOnly: true };
    case "TsExternalModuleReference":
      return { from: (node.expression as { value: string }).value, typeOnly: false };
    case "CallExpression": {
      const callee = node.callee as Node;
      const isRequire =
        callee.type === "Import" || (callee.type === "Identifier" && callee.value === "require");
      const first = (node.arguments as { expression: Node }[])[0]?.expression;
      if (!isRequire || first?.type !== "StringLiteral") return undefined;
      return { from: first.value as string, typeOnly: false, later: true };
    }
    default:
      return undefined;
  }
}

function isEnvironment(node: Node): boolean {
  if (node.type !== "MemberExpression") return false;
  const object = node.object as Node;
  const property = node.property as Node;
  const name =
    property.type === "Computed" ? (property.expression as Node | undefined)?.value : property.value;
  return object.type === "Identifier" && object.value === "process" && name === "env";
}

/** Path of a relative import below src/ without extension; undefined when it leaves src/. */
export function target(from: string, importer: string): string | undefined {
  const path = relative(SRC, join(SRC, dirname(importer), from))
    .split(sep)
    .join("/");
  if (path.startsWith("..")) return undefined;
  const bare = path.replace(/\.(ts|js|mjs|cjs)$/, "");
  return existsSync(join(SRC, `${bare}.ts`)) ? bare : `${bare}/index`;
}

/** Name of the package that an import takes: `@scope/name` or `name`. */
export function packageName(from: string): string {
  return from
    .split("/")
    .slice(0, from.startsWith("@") ? 2 : 1)
    .join("/");
}
