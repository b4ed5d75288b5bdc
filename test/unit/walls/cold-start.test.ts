/** What a command loads before it does anything: by the imports, so that it is told here and not by a slower start. */
import { packageName, type SourceFile, sourceFiles, target } from "./source-files";

const files = new Map(sourceFiles().map(file => [file.path.replace(/\.ts$/, ""), file]));

/** Packages that are loaded with a file, each with the way there. */
function loadedWith(start: string): Map<string, string> {
  const packages = new Map<string, string>();
  const seen = new Set<string>();
  const visit = (path: string, way: string[]): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const { imports } = files.get(path) as SourceFile;
    for (const { from } of imports.filter(one => !one.typeOnly && !one.later)) {
      const next = from.startsWith(".") ? target(from, `${path}.ts`) : undefined;
      if (next !== undefined && files.has(next)) visit(next, [...way, path]);
      else if (!from.startsWith(".") && !from.startsWith("node:") && !packages.has(packageName(from)))
        packages.set(packageName(from), [...way, path].join(" > "));
    }
  };
  visit(start, []);
  return packages;
}

const DRIVERS = [
  "@duckdb/node-api",
  "@databricks/sql",
  "pg",
  "pg-cursor",
  "pg-copy-streams",
  "undici",
  "yaml",
];

test.each([
  ["cli/main", [...DRIVERS, "zod", "cli-table3", "@temporalio/client", "@temporalio/worker"], "commander"],
  ["cli/run-command", [...DRIVERS, "@temporalio/worker", "@temporalio/activity"], "@temporalio/client"],
  ["worker", DRIVERS, "@temporalio/worker"],
])("%s loads no more than it needs", (start, unwanted, needed) => {
  const loaded = loadedWith(start);
  expect(unwanted.flatMap(name => loaded.get(name) ?? [])).toEqual([]);
  // The walk itself walks.
  expect([...loaded.keys()]).toContain(needed);
});
