/** Package folders as crashes, copies, hands and other versions leave them: told by name, and no reason to stop. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageFolder } from "../../../src/package/layout";
import {
  findPackage,
  PACKAGE_FORMAT,
  type PackageRecord,
  readPackage,
  writePackage,
} from "../../../src/package/package-record";
import {
  abortPackages,
  listPackages,
  pendingPackages,
  readPackages,
  unreadableNotes,
} from "../../../src/package/packages";
import { readShape } from "../../../src/package/shape";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tidemark-damage-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const refOf = (load_id: string) => ({ root, pipeline_name: "p", load_id });
const good = (load_id: string): PackageRecord => ({
  load_id,
  pipeline_name: "p",
  dataset: "raw",
  schema_name: "s",
  fingerprint: "here",
  created_at: "2026-01-01T00:00:00.000000+00:00",
  state: "extracted",
});
function put(load_id: string, text: string | Buffer): void {
  mkdirSync(packageFolder(refOf(load_id)), { recursive: true });
  writeFileSync(join(packageFolder(refOf(load_id)), "package.json"), text);
}
const scope = { root: "", pipeline_name: "p", dataset: "raw", fingerprint: "here" };

const DAMAGE: [string, string | Buffer][] = [
  ["empty", ""],
  ["cut short", JSON.stringify(good("1.0")).slice(0, 40)],
  ["filled with zeros", Buffer.alloc(300)],
  ["no object", "[1, 2]"],
  ["null", "null"],
  ["without its fields", "{}"],
  ["with fields of other types", JSON.stringify({ ...good("1.0"), load_id: 5, dataset: null })],
  ["of an unknown state", JSON.stringify({ ...good("1.0"), state: "half" })],
  ["with a list in place of its report", JSON.stringify({ ...good("1.0"), loaded: [] })],
  ["binary", Buffer.from([0xff, 0xfe, 0x00, 0x7b])],
];

describe("package.json", () => {
  test.each(DAMAGE)("%s: the package is told, others go on", async (_name, text) => {
    await writePackage(refOf("0.5"), good("0.5"));
    put("1.0", text);
    await writePackage(refOf("2.0"), good("2.0"));
    await expect(readPackage(refOf("1.0"))).rejects.toMatchObject({
      code: "PACKAGE_DAMAGED",
      kind: "terminal",
      message: expect.stringMatching(/^package\.json in .*\/1\.0 is not what .* Remove that folder/),
    });
    expect((await listPackages(root, "p")).map(one => one.load_id)).toEqual(["0.5", "2.0"]);
    expect((await pendingPackages({ ...scope, root })).map(one => one.load_id)).toEqual(["0.5", "2.0"]);
    expect(await unreadableNotes(root, "p")).toEqual([
      expect.stringMatching(/^load package 1\.0 is left alone, as it cannot be read \(PACKAGE_DAMAGED\)/),
    ]);
    expect(await abortPackages({ ...scope, root })).toEqual(["0.5", "2.0"]);
  });

  test("has a format; none is the first, a higher one is refused and says what is needed", async () => {
    await writePackage(refOf("1.0"), good("1.0"));
    expect((await readPackage(refOf("1.0"))).format).toBe(PACKAGE_FORMAT);
    put("2.0", JSON.stringify(good("2.0")));
    expect((await readPackage(refOf("2.0"))).load_id).toBe("2.0");
    // Whatever else a later version holds.
    put("3.0", JSON.stringify({ format: PACKAGE_FORMAT + 1, id: "3.0" }));
    await expect(findPackage(refOf("3.0"))).rejects.toMatchObject({
      code: "ENGINE_TOO_OLD",
      message: expect.stringMatching(
        /3\.0 of pipeline "p" has format 2, .* reads up to 1: .* format 2 is needed/,
      ),
    });
    const { records, unreadable } = await readPackages(root, "p");
    expect(records.map(one => one.load_id)).toEqual(["1.0", "2.0"]);
    expect(unreadable.map(one => [one.load_id, one.error.code])).toEqual([["3.0", "ENGINE_TOO_OLD"]]);
  });

  test("files and folders that are no packages lie between them", async () => {
    await writePackage(refOf("1.0"), good("1.0"));
    const folder = join(root, "p");
    writeFileSync(join(folder, "lock"), "{");
    writeFileSync(join(folder, "lease.json"), "");
    mkdirSync(join(folder, "empty"));
    symlinkSync(join(root, "nowhere"), join(folder, "dangling"));
    mkdirSync(join(folder, "2.0", "package.json"), { recursive: true });
    const { records, unreadable } = await readPackages(root, "p");
    expect(records.map(one => one.load_id)).toEqual(["1.0"]);
    expect(unreadable.map(one => one.load_id)).toEqual(["2.0"]);
  });

  test("that may not be read is told", async () => {
    if (process.getuid?.() === 0) return; // root may read all
    await writePackage(refOf("1.0"), good("1.0"));
    chmodSync(join(packageFolder(refOf("1.0")), "package.json"), 0);
    expect((await readPackages(root, "p")).unreadable[0]!.error.code).toBe("PACKAGE_DENIED");
  });
});

test("a misfit is told by its path, never by its value", () => {
  const shape = { fields: { files: { list: { fields: { rows: "number", "note?": "text" } } } } } as const;
  const read = (value: unknown) => readShape("/x/f.json", JSON.stringify(value), JSON.parse, shape);
  expect(read({ files: [{ rows: 1 }], more: true })).toEqual({ files: [{ rows: 1 }], more: true });
  expect(() => read({ files: [{ rows: 1 }, { rows: "secret" }] })).toThrow(/files\[1\]\.rows is no number/);
  expect(() => read({ files: [{ rows: 1, note: 7 }] })).toThrow(/files\[0\]\.note is no text/);
  expect(() => read({ files: "secret" })).toThrow(/^(?!.*secret).*files is no list/);
});
