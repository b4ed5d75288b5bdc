import { readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { names, printRooms, ROOMS, roomOf } from "./rooms";
import { packageName, ROOT, readSource, type SourceFile, sourceFiles, target } from "./source-files";

const files = sourceFiles();
const withoutExtension = (path: string) => path.replace(/\.[mc]?[tj]s$/, "");

/** What an import does wrong, or undefined. */
function breach(file: SourceFile, { from, typeOnly }: SourceFile["imports"][number]): string | undefined {
  const room = roomOf(withoutExtension(file.path));
  if (room === undefined) return undefined;
  const say = (what: string) => `${file.path} (room ${room.place}) imports ${what}`;
  if (!from.startsWith(".")) {
    // A type leaves nothing behind, a package.json is read for its version.
    if (typeOnly || from.endsWith("/package.json")) return undefined;
    if (isBuiltin(from)) {
      return room.node === false ? say(`${from}: workflow code runs without Node's modules`) : undefined;
    }
    const name = packageName(from);
    if (room.vendors?.includes(name)) return undefined;
    const owners = ROOMS.filter(({ vendors }) => vendors?.includes(name)).map(({ place }) => place);
    return say(`${name}, which belongs to ${owners.join(", ") || "no room"}`);
  }
  const path = target(from, file.path);
  // package.json for the version; setup/tool-paths, which runs before TypeScript can.
  if (path === undefined) {
    return from.endsWith("/package.json") || room.place === "tools"
      ? undefined
      : say(`${from}, outside src/`);
  }
  const other = roomOf(path);
  if (other === undefined) return say(`${path}, which is in no room`);
  if (other === room || names(room.imports, other.place)) return undefined;
  if (names(room.types ?? [], other.place)) {
    return typeOnly ? undefined : say(`a value of room ${other.place}, of which it may import types only`);
  }
  return say(`room ${other.place}`);
}

describe("who may import whom", () => {
  test("every file is in a room of the table", () => {
    expect(files.length).toBeGreaterThan(100);
    expect(files.filter(({ path }) => roomOf(withoutExtension(path)) === undefined).map(f => f.path)).toEqual(
      [],
    );
  });

  test("no import goes through a wall", () => {
    const breaches = files.flatMap(file => file.imports.map(one => breach(file, one)).filter(Boolean));
    expect(breaches).toEqual([]);
  });

  test("the walls stop what they are there to stop", () => {
    const from = (path: string, text: string) => {
      const file = { path, ...readSource(text) };
      return file.imports.map(one => breach(file, one)).filter(Boolean);
    };
    expect(from("workflows/a.ts", 'import { spec } from "../spec/load-spec";')).toHaveLength(1);
    expect(from("workflows/a.ts", 'import { createActivities } from "../activities";')).toHaveLength(1);
    expect(from("workflows/a.ts", 'import type { Activities } from "../activities";')).toEqual([]);
    expect(from("workflows/a.ts", 'import { type Activities } from "../activities";')).toEqual([]);
    expect(from("pipeline/a.ts", 'const c = require("node:crypto");')).toHaveLength(1);
    expect(from("extract/a.ts", 'export * from "@temporalio/activity";')).toHaveLength(1);
    expect(from("load/a.ts", 'await import("@duckdb/node-api");')).toHaveLength(1);
    expect(from("sources/code/a.ts", 'import { x } from "../rest-api/config";')).toHaveLength(1);
    expect(from("sources/code/a.ts", 'import { x } from "../registry";')).toHaveLength(1);
    expect(from("sources/registry.ts", 'import { x } from "./code/code-source";')).toEqual([]);
  });

  test("the table is acyclic: no room is, through others, its own importer", () => {
    const seen = new Map<string, "open" | "done">();
    const cycles: string[] = [];
    const visit = (place: string, way: string[]): void => {
      if (seen.get(place) === "open") cycles.push([...way, place].join(" → "));
      if (seen.has(place)) return;
      seen.set(place, "open");
      const room = ROOMS.find(one => one.place === place)!;
      for (const next of ROOMS.filter(one => one !== room && names(room.imports, one.place)))
        visit(next.place, [...way, place]);
      seen.set(place, "done");
    };
    for (const { place } of ROOMS) visit(place, []);
    expect(cycles).toEqual([]);
  });

  test("the table names rooms that it has", () => {
    const unknown = ROOMS.flatMap(({ place, imports, types = [] }) =>
      [...imports, ...types]
        .filter(entry => !entry.endsWith("/*") && !ROOMS.some(room => room.place === entry))
        .map(entry => `${place}: ${entry}`),
    );
    expect(unknown).toEqual([]);
  });

  test("packages of the rooms are dependencies, pinned exactly, or peers: an installation without dev packages runs", () => {
    const { dependencies, peerDependencies } = JSON.parse(
      readFileSync(join(ROOT, "package.json"), "utf8"),
    ) as Record<"dependencies" | "peerDependencies", { [name: string]: string }>;
    const wanted = new Set(ROOMS.flatMap(({ vendors }) => vendors ?? []));
    const brought = { ...dependencies, ...peerDependencies };
    expect([...wanted].filter(name => brought[name] === undefined)).toEqual([]);
    expect(Object.entries(dependencies).filter(([, version]) => !/^\d/.test(version))).toEqual([]);
    // One copy of the SDK: that of the worker which runs us.
    expect(Object.keys(peerDependencies).filter(name => !name.startsWith("@temporalio/"))).toEqual([]);
    expect(Object.keys(dependencies).filter(name => name.startsWith("@temporalio/"))).toEqual([]);
  });

  test("docs/architecture.md prints the table as it is (npx tsx test/unit/walls/rooms.ts)", () => {
    expect(readFileSync(join(ROOT, "docs", "architecture.md"), "utf8")).toContain(printRooms());
  });

  test("only config.ts reads the environment", () => {
    expect(files.filter(file => file.readsEnvironment).map(file => file.path)).toEqual(["config.ts"]);
    expect(readSource('const a = process["env"].A;').readsEnvironment).toBe(true);
    expect(readSource('import { env } from "node:process";').readsEnvironment).toBe(true);
  });
});

/** Times for others to read, deadlines of gRPC, and what came with a time of its own. The drill's clock is nobody's fault. */
const WALL_CLOCK = [
  "activities/hosts.ts",
  "activities/load-steps.ts",
  "activities/search-attributes.ts",
  "destinations/databricks/credentials.ts",
  "destinations/databricks/generations.ts",
  "destinations/duckdb/database.ts",
  "destinations/one-transaction/generations.ts",
  "dev-server.ts",
  "pipeline/clocks.ts",
  "sources/http/cookies.ts",
  "sources/http/failures.ts",
  "sources/http/pace.ts",
  "sources/http/rate-limit.ts",
  "sources/http/retry.ts",
  "transform/prune-runs.ts",
  "worker-health.ts",
];

test("what is waited for or measured goes by a clock that nobody sets (pipeline/clocks.ts)", () => {
  const known = files.filter(({ path }) => !/^(workflows|drill|cli)\//.test(path));
  const readers = known.filter(({ path }) =>
    readFileSync(join(ROOT, "src", path), "utf8").includes("Date.now()"),
  );
  expect(readers.map(({ path }) => path).sort()).toEqual(WALL_CLOCK);
});

describe("files of one job each", () => {
  test("none is longer than 450 lines", () => {
    expect(files.filter(({ lines }) => lines > 450).map(({ path, lines }) => `${path}: ${lines}`)).toEqual(
      [],
    );
  });

  test("none is named for no job, and names are kebab-case", () => {
    const names_ = files.map(({ path }) => path.split("/").at(-1)!);
    expect(names_.filter(name => /(^|-)(utils?|common|helpers?|misc|shared|stuff)[.-]/.test(name))).toEqual(
      [],
    );
    expect(names_.filter(name => !/^[a-z0-9]+(-[a-z0-9]+)*(\.d)?\.[mc]?[tj]s$/.test(name))).toEqual([]);
  });
});
