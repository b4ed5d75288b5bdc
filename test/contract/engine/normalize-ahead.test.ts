/** Rows normalized while they are extracted: the same bytes as afterwards, and nothing at all where something else was extracted. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { Worker } from "node:worker_threads";
import { readDone } from "../../../src/extract/checkpoint";
import type { Row } from "../../../src/json/values";
import { beginLoad } from "../../../src/load/begin-load";
import { extractStep } from "../../../src/load/extract-step";
import { finishExtract } from "../../../src/load/finish-extract";
import { normalizeStep } from "../../../src/load/normalize-step";
import { findNormalized, readExtracted } from "../../../src/load/plan-files";
import { normalizePackage } from "../../../src/normalize/normalize";
import { NormalizeAhead, type StartThread } from "../../../src/normalize/normalize-ahead";
import type { NormalizeInput, Segment } from "../../../src/normalize/types";
import { normalizeAttemptFolder, resourceFolder } from "../../../src/package/layout";
import { bumpVersion } from "../../../src/schema/version";
import type { Resource } from "../../../src/sources/source";
import { Engine, pagesOf, sourceOf } from "../../support/engine";

let engine: Engine;
beforeEach(() => {
  threads = 0;
  engine = new Engine();
});
afterEach(() => engine.remove());

/** Small files, so that several are closed while rows still come. */
const LIMITS = { rows_per_file: 3_000, bytes_per_file: 1 << 20 };
const PAGE = 250;
const PAGES = 40;

let threads = 0;
const start: StartThread = input => {
  threads++;
  const file = join(__dirname, "../../../src/normalize/normalize-thread.ts");
  return new Worker(`require("tsx/cjs"); require(${JSON.stringify(file)})`, {
    eval: true,
    workerData: input,
    execArgv: [],
  });
};

/** Half a kilobyte a row; a column and a nested table come with the last page only, and an integer turns out to be a text. */
function row(id: number): Row {
  const late = id >= PAGE * (PAGES - 1);
  return {
    id,
    name: `name ${id % 7}`,
    filler: "é".repeat(200),
    lines: [{ sku: `s${id % 50}`, n: id }, { sku: null }],
    odd: id === PAGE * 30 ? "text" : id,
    ...(late ? { late: true, others: [id] } : {}),
  };
}

/** A source that can go on: `from` is the first page of this attempt, which ends before page `until`. */
function items(until = PAGES, more: Partial<Resource> = {}): Resource {
  return pagesOf("items", () => [], {
    hints: { primary_key: ["id"], write_disposition: { disposition: "merge" } },
    async *open({ resume }) {
      for (let page = (resume as number | undefined) ?? 0; page < PAGES; page++) {
        if (page === until) throw new Error("cut off");
        const rows = Array.from({ length: PAGE }, (_, i) => row(page * PAGE + i));
        yield { rows, ...(page + 1 < PAGES ? { resume: page + 1 } : {}) };
        // So that the thread has begun and is met in the middle of its work.
        await new Promise(done => setTimeout(done, 5));
      }
    },
    ...more,
  });
}

async function begun(resource: Resource) {
  const spec = engine.spec();
  const source = sourceOf("s", resource);
  const { capabilities, identity } = engine.destination;
  const { ref } = await beginLoad({ ...engine.use(), spec, source, root: engine.root, now: engine.now });
  const common = { ...engine.use(), ref, spec, source, capabilities };
  const extract = (other = resource) =>
    extractStep({
      ...common,
      source: sourceOf("s", other),
      resource: "items",
      attempt: engine.attempt(),
      ahead: { identity, limits: LIMITS, start },
    });
  const finish = () => finishExtract({ ...common, identity, now: engine.now });
  const normalize = (signal = common.signal) =>
    normalizeStep({ ...common, signal, attempt: engine.attempt(), limits: LIMITS });
  return { ref, extract, finish, normalize };
}

type Ref = Awaited<ReturnType<typeof begun>>["ref"];

async function inputOf(ref: Ref, out_dir: string) {
  const extracted = await readExtracted(ref);
  const folder = resourceFolder(ref, "items");
  const segments = (await readDone(folder))!.segments.map(one => ({ ...one, path: join(folder, one.path) }));
  mkdirSync(out_dir, { recursive: true });
  const { signal, onProgress } = engine.use();
  return {
    signal,
    onProgress,
    load_id: ref.load_id,
    schema: extracted.schema,
    with_state: extracted.state_due,
    resources: [{ ...extracted.tables[0]!, segments: segments as Segment[] }],
    out_dir,
    capabilities: engine.destination.capabilities,
    limits: LIMITS,
  } satisfies NormalizeInput;
}

const digests = (folder: string) =>
  Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map(name => [
        name,
        createHash("sha256")
          .update(readFileSync(join(folder, name)))
          .digest("hex"),
      ]),
  );

/** What the step settled is what it would have made by itself. */
async function expectSame(ref: Ref): Promise<string> {
  const settled = (await findNormalized(ref))!;
  const alone = join(engine.folder, "alone");
  const output = await normalizePackage(await inputOf(ref, alone));
  expect(digests(normalizeAttemptFolder(ref, settled.attempt))).toEqual(digests(alone));
  expect(settled.schema).toEqual(output.schema);
  expect(settled.tables).toEqual(output.tables);
  expect(settled.schema_changes).toEqual(output.schema_changes);
  expect(settled.files).toEqual(output.files.map(file => ({ ...file, path: basename(file.path) })));
  expect(settled.files.length).toBeGreaterThan(4);
  return settled.attempt;
}

it("rows normalized while they came are the same bytes, late columns included, also after an attempt that was cut off", async () => {
  const { ref, extract, finish, normalize } = await begun(items());
  await expect(extract(items(36))).rejects.toThrow("cut off");
  await extract();
  await finish();
  const first = await normalize();
  expect(await expectSame(ref)).toMatch(/^ahead-a[12]/);
  expect(await normalize()).toEqual(first);
  expect(threads).toBe(1);
});

it("two attempts of the step at once end with one result, whichever has what the thread made", async () => {
  const { ref, extract, finish, normalize } = await begun(items());
  await extract();
  await finish();
  const [first, second] = await Promise.all([normalize(), normalize()]);
  expect(second).toEqual(first);
  await expectSame(ref);
});

it("an extraction that began anew is normalized by the step itself", async () => {
  const { ref, extract, finish, normalize } = await begun(items());
  const noResume = items(PAGES, { ...items(), open: () => withoutPlace(items().open({} as never)) });
  await expect(extract(items(36))).rejects.toThrow("cut off");
  // Its checkpoint is gone, as after a disk that lost it: the new attempt begins with the first page.
  rmSync(join(resourceFolder(ref, "items"), "a1"), { recursive: true });
  await extract(noResume);
  await finish();
  await normalize();
  expect(await expectSame(ref)).not.toMatch(/^ahead/);
  expect(
    readdirSync(join(normalizeAttemptFolder(ref, "x"), "..")).filter(one => one.startsWith("ahead")),
  ).toEqual([]);
});

it("what was made from another schema, load id or other rows does not count and is removed; an aborted step says why", async () => {
  const { ref, extract, finish } = await begun(items());
  await extract({ ...items(), open: () => withoutPlace(items().open({} as never)) });
  await finish();
  const ahead = async (
    change: (input: Awaited<ReturnType<typeof inputOf>>) => void,
    signal?: AbortSignal,
  ) => {
    const folder = join(engine.folder, "ahead");
    const { resources, signal: _s, onProgress: _p, ...rest } = await inputOf(ref, folder);
    const { segments, ...of } = resources[0]!;
    const one = new NormalizeAhead({ ...rest, ...of }, start);
    expect(one.feed(segments.map(segment => ({ ...segment, bytes: segment.bytes })))).toBe(true);
    const input = await inputOf(ref, folder);
    if (signal !== undefined) input.signal = signal;
    change(input);
    const result = await one.finish(input).catch((error: unknown) => error);
    return { result, isGone: !existsSync(folder) };
  };
  const refused = { result: undefined, isGone: true };
  expect(
    await ahead(input => void bumpVersion(Object.assign(input.schema, { description: "other" }))),
  ).toEqual(refused);
  expect(await ahead(input => Object.assign(input, { load_id: "1" }))).toEqual(refused);
  expect(await ahead(input => Object.assign(input, { with_state: !input.with_state }))).toEqual(refused);
  expect(await ahead(({ resources: [one] }) => Object.assign(one!.segments[0]!, { bytes: 10 }))).toEqual(
    refused,
  );
  expect(await ahead(({ resources: [one] }) => Object.assign(one!.segments[0]!, { path: "x" }))).toEqual(
    refused,
  );
  expect(await ahead(() => {}, AbortSignal.abort("stop"))).toEqual({ result: "stop", isGone: true });
  expect((await ahead(() => {})).result).toMatchObject({
    tables: [{ table: "items", rows: PAGE * PAGES }, {}, {}],
  });
});

async function* withoutPlace(pages: AsyncIterable<{ rows: Row[] }>) {
  for await (const { rows } of pages as AsyncIterable<{ rows: Row[] }>) yield { rows };
}
