/**
 * A destination is one folder and one row: nothing else in the code may say its name, be it as a word, a text or a part of
 * one. Comments may. What stands here is the list of all that still does, each with the reason.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseSync } from "@swc/core";
import { DESTINATION_NAMES } from "../../../src/destinations/registry";
import { SRC, sourceFiles } from "./source-files";

/** Places that a vendor's name belongs to, by file below src/. */
const OWN = [
  ...DESTINATION_NAMES.map(name => new RegExp(`^destinations/${name}/`)),
  /^destinations\/registry\.ts$/,
  // sources have vendors of their own
  /^sources\//,
  // what is shared by some of them says so where it matters to them
  /^destinations\/one-transaction\//,
  // connections, for the source and the destination
  /^postgres-connection\//,
  // a test's tables are in a DuckDB file, which needs no server
  /^testing\//,
  // the reader of parquet, for every destination that reads none
  /^package-rows\//,
];

const ALLOWED: { [file: string]: readonly RegExp[] } = {
  // the default has to be one of them
  "pipeline/names.ts": [/^duckdb$/],
  // released names of variables that mean the same on every destination, or a platform and no destination
  "config.ts": [/^DATABRICKS_(SCHEMA|APP_PORT|VOLUME|CATALOG)$/],
  "doctor/environment.ts": [/DATABRICKS_SCHEMA/],
  // words of dbt's adapters are sorted where dbt's are
  "transform/dbt-failures.ts": [/Databricks refused the credentials/],
  "transform/dbt-process.ts": [/npm run setup:databricks/, /dbt-duckdb/, /dbt-databricks/],
  // what a dlt project's program says is read there
  "dlt-project/destination-of.ts": [/duckdb/i, /^databricks$/, /postgres/],
  "cli/main.ts": [/^Databricks: through a warehouse/],
  // a source that is struck
  "drill/faults.ts": [/PostgreSQL server that rows come from/],
};

interface Node {
  type?: string;
  [field: string]: unknown;
}

const VENDOR = new RegExp(DESTINATION_NAMES.join("|"), "i");

/** Words and texts of a program that hold a vendor's name. */
function vendorWords(program: string): string[] {
  const found: string[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) visit(item);
    if (value === null || typeof value !== "object" || Array.isArray(value)) return;
    const node = value as Node;
    const text =
      node.type === "TemplateElement"
        ? node.cooked
        : node.type === "RegExpLiteral"
          ? node.pattern
          : node.type === "Identifier" || node.type === "StringLiteral"
            ? node.value
            : undefined;
    if (typeof text === "string" && VENDOR.test(text)) found.push(text);
    for (const child of Object.values(node)) visit(child);
  };
  visit(parseSync(program, { syntax: "typescript", target: "es2022" }).body);
  return found;
}

test("vendor names stand in their own rooms", () => {
  const breaches = sourceFiles().flatMap(({ path }) => {
    if (OWN.some(place => place.test(path))) return [];
    const allowed = ALLOWED[path] ?? [];
    return vendorWords(readFileSync(join(SRC, path), "utf8"))
      .filter(word => !allowed.some(one => one.test(word)))
      .map(word => `${path}: ${word}`);
  });
  expect(breaches).toEqual([]);
});

test("nothing is allowed that is not there any more", () => {
  const stale = Object.entries(ALLOWED).flatMap(([path, allowed]) => {
    const words = vendorWords(readFileSync(join(SRC, path), "utf8"));
    return allowed.filter(one => !words.some(word => one.test(word))).map(one => `${path}: ${one}`);
  });
  expect(stale).toEqual([]);
});

test("the wall sees words, texts and patterns, and no comments", () => {
  const program =
    'const isDuckDb = type === "duckdb"; // duckdb\nconst t = `a ${' + "x} in DuckDB`; /duckdb/.test(t);";
  expect(vendorWords(program)).toEqual(["isDuckDb", "duckdb", " in DuckDB", "duckdb"]);
});
