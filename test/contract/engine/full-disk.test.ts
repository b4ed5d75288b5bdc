/**
 * A disk that is really full: a small file system in memory is mounted where the packages lie. Needs the right to mount
 * (root, or a container that has it).
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Row } from "../../../src/json/values";
import { Engine, pagesOf, type StepName, sourceOf } from "../../support/engine";

let engine: Engine;
const mount = (...args: string[]) => spawnSync("mount", ["-t", "tmpfs", ...args]).status === 0;
const resize = (size: string) =>
  spawnSync("mount", ["-o", `remount,size=${size}`, engine.root], { encoding: "utf8" });

beforeEach(() => {
  engine = new Engine();
  mkdirSync(engine.root);
});
afterEach(() => {
  spawnSync("umount", [engine.root]);
  engine.remove();
});

/** Says why the tests of this file look at nothing, where they cannot. */
function mounted(size: string): boolean {
  if (mount("-o", `size=${size}`, "tidemark-test", engine.root)) return true;
  console.warn("Not run: this user may not mount a file system.");
  return false;
}

const text = (i: number) => `${i} `.repeat(60);
const rows: Row[] = Array.from({ length: 3_000 }, (_, i) => ({ id: i, t: text(i) }));
const source = sourceOf(
  "s",
  pagesOf("items", () => [rows.slice(0, 1_000), rows.slice(1_000)]),
);
const count = () => engine.query("SELECT count(*)::int AS n, count(DISTINCT id)::int AS d FROM raw.items");
const free = () => {
  const { bavail, bsize } = statfsSync(engine.root);
  return bavail * bsize;
};
/** Leaves this many bytes. */
const fill = (leave: number) => writeFileSync(join(engine.root, "fill"), Buffer.alloc(free() - leave));

test("extract ends in DISK_FULL, and with room the next run loads every row once", async () => {
  if (!mounted("256k")) return;
  await expect(engine.run(engine.spec(), source)).rejects.toMatchObject({
    code: "DISK_FULL",
    message: expect.stringMatching(/writing extracted rows/),
  });
  expect(resize("64m").status).toBe(0);
  await engine.run(engine.spec(), source);
  expect(await count()).toEqual([{ n: 3000, d: 3000 }]);
});

test.each<[string, StepName, number, RegExp]>([
  ["normalize", "finish", 200 * 1024, /items\.00000\.parquet/],
  ["the end of extract", "extract", 0, /extracted\.json/],
  ["closing the load", "load", 0, /package\.json/],
])("%s ends in DISK_FULL, and with room the rest goes on", async (_name, after, leave, where) => {
  if (!mounted("64m")) return;
  const full = engine.run(engine.spec(), source, { after: step => step === after && fill(leave) });
  await expect(full).rejects.toMatchObject({ code: "DISK_FULL", message: expect.stringMatching(where) });
  rmSync(join(engine.root, "fill"));
  await engine.run(engine.spec(), source);
  await engine.run(
    engine.spec(),
    sourceOf(
      "s",
      pagesOf("items", () => []),
    ),
  );
  expect(await count()).toEqual([{ n: 3000, d: 3000 }]);
});
