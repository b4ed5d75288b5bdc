/** Each file that a step reads back from a package, damaged in each way: a code and the file's name, never a crash. */
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { bestCheckpoint } from "../../../src/extract/checkpoint";
import type { Row } from "../../../src/json/values";
import { extractStep } from "../../../src/load/extract-step";
import { finishExtract } from "../../../src/load/finish-extract";
import { completeStep, loadStep, migrateStep } from "../../../src/load/load-steps";
import { normalizeStep } from "../../../src/load/normalize-step";
import { type PackageRef, packageFolder } from "../../../src/package/layout";
import { pendingPackages } from "../../../src/package/packages";
import { Engine, pagesOf, type StepName, sourceOf } from "../../support/engine";

const rows: Row[] = Array.from({ length: 40 }, (_, i) => ({ id: i, u: i, l: [{ x: i }] }));
const source = sourceOf(
  "s",
  pagesOf("items", () => [rows], {
    hints: { primary_key: ["id"], write_disposition: { disposition: "merge" } },
    incremental: {
      cursor_path: "u",
      last_value_func: "max",
      range_start: "closed",
      range_end: "open",
      on_cursor_value_missing: "raise",
    },
    // A second page, so that there is a checkpoint.
    async *open() {
      yield { rows: structuredClone(rows.slice(0, 20)), resume: { page: 1 } };
      yield { rows: structuredClone(rows.slice(20)), resume: { page: 2 } };
    },
  }),
);

let engine: Engine;
let kept: string;
let ref: PackageRef;

/** A package as it lies when the process died after a step. */
async function packageAfter(step: StepName): Promise<void> {
  engine = new Engine();
  const dies = {
    after: (done: StepName) => {
      if (done === step) throw new Error("died");
    },
  };
  await engine.run(engine.spec(), source, dies).catch(() => {});
  const [load_id] = readdirSync(join(engine.root, "p"));
  ref = { root: engine.root, pipeline_name: "p", load_id: load_id! };
  kept = `${engine.folder}/kept`;
  cpSync(packageFolder(ref), kept, { recursive: true });
}
afterEach(() => engine.remove());

function restore(): void {
  rmSync(packageFolder(ref), { recursive: true, force: true });
  cpSync(kept, packageFolder(ref), { recursive: true });
}

/** Paths of the package's files of that name, or all. */
function files(name?: string): string[] {
  return readdirSync(packageFolder(ref), { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && (name === undefined || entry.name === name))
    .map(entry => join(entry.parentPath, entry.name));
}

const DAMAGES: [string, (path: string) => void][] = [
  ["deleted", path => rmSync(path)],
  ["empty", path => writeFileSync(path, "")],
  ["cut in half", path => truncateSync(path, Math.floor(readFileSync(path).length / 2))],
  ["one byte short", path => truncateSync(path, readFileSync(path).length - 2)],
  ["zeros", path => writeFileSync(path, Buffer.alloc(readFileSync(path).length))],
  ["null", path => writeFileSync(path, "null")],
  ["a list", path => writeFileSync(path, "[]")],
  ["an object of something else", path => writeFileSync(path, '{"schema": 1, "state": [], "segments": {}}')],
];

/** Runs the step; what it must say when it fails. */
async function told(path: string, step: () => Promise<unknown>, damage: string): Promise<string> {
  try {
    await step();
    return "went on";
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    const named = message.includes(basename(path)) || /resource|normalized/i.test(message);
    if (!/^PACKAGE_(LOST|DAMAGED)$/.test(code ?? "") || !named) return `${damage}: ${code} ${message}`;
    return code!;
  }
}

const limits = { rows_per_file: 100_000, bytes_per_file: 1 << 26 };
const extract = () =>
  extractStep({
    ...engine.use(),
    ref,
    spec: engine.spec(),
    source,
    capabilities: engine.destination.capabilities,
    resource: "items",
    attempt: engine.attempt(),
  });
const finish = () =>
  finishExtract({
    ref,
    spec: engine.spec(),
    source,
    capabilities: engine.destination.capabilities,
    identity: engine.destination.identity,
    now: engine.now,
  });
const normalize = () =>
  normalizeStep({
    ...engine.use(),
    ref,
    capabilities: engine.destination.capabilities,
    attempt: engine.attempt(),
    limits,
  });
const load = async () => {
  const args = { ...engine.use(), ref, spec: engine.spec() };
  const { roots } = await migrateStep(args);
  await loadStep(args, roots);
};
const complete = () => completeStep({ ...engine.use(), ref, spec: engine.spec() });

test.each<[StepName, string, string, () => Promise<unknown>]>([
  ["begin", "extract", "schema.json", extract],
  ["begin", "extract", "state.json", extract],
  ["extract", "extract", "done.json", extract],
  ["extract", "finish", "done.json", finish],
  ["extract", "finish", "package.json", finish],
  ["extract", "finish", "schema.json", finish],
  ["extract", "finish", "state.json", finish],
  ["finish", "normalize", "extracted.json", normalize],
  ["finish", "normalize", "done.json", normalize],
  ["finish", "normalize", "package.json", normalize],
  ["normalize", "load", "normalized.json", load],
  ["normalize", "load", "extracted.json", load],
  ["normalize", "load", "state.json", load],
  ["normalize", "load", "package.json", load],
  ["load", "complete", "package.json", complete],
  ["load", "complete", "normalized.json", complete],
])("after %s, step %s with a damaged %s", async (after, _step, name, step) => {
  await packageAfter(after);
  for (const [damage, spoil] of DAMAGES) {
    restore();
    const [path] = files(name);
    spoil(path!);
    const said = await told(path!, step, damage);
    // A resource that is not done is extracted again.
    const goesOn = damage === "deleted" && name === "done.json" && step === extract;
    if (goesOn) expect(said).toBe("went on");
    else expect(said).toMatch(/^PACKAGE_(LOST|DAMAGED)$/);
  }
});

test("extracted rows that were changed on the disk are told at normalize", async () => {
  await packageAfter("finish");
  for (const [damage, spoil] of DAMAGES) {
    restore();
    const path = files().find(file => file.endsWith(".jsonl"))!;
    spoil(path);
    expect(await told(path, normalize, damage)).toMatch(/^PACKAGE_(LOST|DAMAGED)$/);
  }
});

test("a checkpoint that cannot be read is none: its pages are asked for again", async () => {
  await packageAfter("extract");
  const [checkpoint] = files("checkpoint.json");
  rmSync(files("done.json")[0]!);
  renameSync(kept, `${kept}-before`);
  cpSync(packageFolder(ref), kept, { recursive: true });
  for (const [, spoil] of DAMAGES) {
    restore();
    spoil(checkpoint!);
    expect(await bestCheckpoint(join(packageFolder(ref), "extract/items"))).toBeNull();
    expect(await extract()).toMatchObject({ rows: 40 });
  }
});

test("a pending package whose record is damaged is told and left alone; its rows are extracted again", async () => {
  await packageAfter("normalize");
  writeFileSync(join(packageFolder(ref), "package.json"), '{"load_id"');
  const run = await engine.run(engine.spec(), source);
  expect(run.notes[0]).toMatch(/is left alone, as it cannot be read \(PACKAGE_DAMAGED\)/);
  expect(await engine.query("SELECT count(*)::int AS n FROM raw.items")).toEqual([{ n: 40 }]);
  const scope = { root: engine.root, pipeline_name: "p", dataset: "raw" };
  expect(await pendingPackages({ ...scope, fingerprint: engine.destination.identity.fingerprint })).toEqual(
    [],
  );
});
