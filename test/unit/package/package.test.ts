import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve, sep } from "node:path";
import { hostQueues } from "../../../src/package/disk-queue";
import { onDisk, readText, writeFileAtomic } from "../../../src/package/files";
import { extractAttemptFolder, packageFolder, resourceFolder } from "../../../src/package/layout";
import {
  type PackageRecord,
  type PackageStage,
  readPackage,
  updatePackage,
  writePackage,
} from "../../../src/package/package-record";
import {
  abortPackages,
  forgetFinished,
  listPackages,
  type PackageScope,
  pendingPackages,
  removeStalePackages,
} from "../../../src/package/packages";
import { safeName } from "../../../src/package/safe-name";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tidemark-package-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("safe names", () => {
  const names = [
    "posts",
    "Posts",
    "pOsts",
    "POSTS",
    "a.b",
    ".",
    "..",
    "...",
    "a.",
    "a..",
    "",
    " ",
    "a b",
    "a/b",
    "a\\b",
    "../../etc/passwd",
    "a%2fb",
    "a~1",
    "Aa~1",
    "é",
    "É",
    "日本",
    "😀",
    "CON:",
    "nul\0",
    "line\nend",
    "%",
    "a%",
    "-x",
    "x".repeat(151),
    "x".repeat(152),
    `${"X".repeat(150)}`,
    "é".repeat(80),
    `${"é".repeat(80)}e`,
  ];
  it("are different for different names, also where case is not told apart", () => {
    const safe = names.map(name => safeName(name).toLowerCase());
    expect(new Set(safe).size).toBe(names.length);
  });
  it.each(names.map(name => [name]))("keep %j inside its folder", name => {
    const safe = safeName(name);
    expect(safe).toMatch(/^[A-Za-z0-9_%~-][A-Za-z0-9_.%~-]*$/);
    expect(safe).not.toMatch(/\.$/);
    expect(safe.length).toBeLessThan(200);
    expect(resolve(root, safe).startsWith(root + sep)).toBe(true);
    mkdirSync(join(root, safe));
  });
  it("leave plain names readable", () => {
    expect(["posts", "my-pipe_2", "1795456129.1747148"].map(safeName)).toEqual([
      "posts",
      "my-pipe_2",
      "1795456129.1747148",
    ]);
  });
  it("hold for every part of a path", () => {
    const ref = { root, pipeline_name: "../p", load_id: "../../1.0" };
    for (const path of [
      packageFolder(ref),
      resourceFolder(ref, "../r"),
      extractAttemptFolder(ref, "r", "../a"),
    ]) {
      expect(path.startsWith(root + sep)).toBe(true);
      expect(resolve(path)).toBe(path);
      expect(path.split(sep)).not.toContain("..");
    }
  });
});

const scope = (more: Partial<PackageScope> = {}): PackageScope => ({
  root,
  pipeline_name: "p",
  dataset: "raw",
  fingerprint: "here",
  ...more,
});

async function put(load_id: string, state: PackageStage, more: Partial<PackageRecord> = {}): Promise<void> {
  const record: PackageRecord = {
    load_id,
    pipeline_name: "p",
    dataset: "raw",
    schema_name: "s",
    fingerprint: "here",
    created_at: "2026-01-01T00:00:00.000000+00:00",
    state,
    ...more,
  };
  const ref = { root, pipeline_name: record.pipeline_name, load_id };
  await writePackage(ref, record);
  await writeFileAtomic(join(packageFolder(ref), "extract/r/rows.jsonl"), "{}\n");
}

describe("packages of a root", () => {
  beforeEach(async () => {
    await put("30.0", "normalized");
    await put("10.0", "loaded");
    await put("20.0", "extracted");
    await put("40.0", "new");
    await put("15.0", "aborted");
    await put("21.0", "extracted", { dataset: "other" });
    await put("22.0", "extracted", { fingerprint: "elsewhere" });
    await put("23.0", "extracted", { pipeline_name: "P" });
    writeFileSync(join(root, "disk-queue"), "x");
    mkdirSync(join(root, "p", "stray"));
  });
  const rowsOf = (load_id: string) =>
    existsSync(join(packageFolder({ root, pipeline_name: "p", load_id }), "extract"));

  it("are pending when extracted or normalized for this dataset and place, oldest first", async () => {
    expect((await pendingPackages(scope())).map(one => one.load_id)).toEqual(["20.0", "30.0"]);
    expect((await pendingPackages(scope({ dataset: "other" }))).map(one => one.load_id)).toEqual(["21.0"]);
    expect(await pendingPackages(scope({ pipeline_name: "unknown" }))).toEqual([]);
    expect(await pendingPackages(scope({ root: join(root, "nowhere") }))).toEqual([]);
  });
  it("are dropped by abort: rows gone, a record kept, others untouched", async () => {
    expect(await abortPackages(scope())).toEqual(["20.0", "30.0"]);
    expect(await pendingPackages(scope())).toEqual([]);
    expect(["20.0", "30.0", "40.0"].map(rowsOf)).toEqual([false, false, false]);
    expect((await readPackage({ root, pipeline_name: "p", load_id: "20.0" })).state).toBe("aborted");
    expect(rowsOf("21.0") && rowsOf("22.0")).toBe(true);
    expect(await abortPackages(scope())).toEqual([]);
  });
  it("stay, all of them, when one had begun to load, unless forced", async () => {
    await updatePackage(
      { root, pipeline_name: "p", load_id: "30.0" },
      { loading: { append: ["orders"], merge: ["customers"] } },
    );
    await expect(abortPackages(scope())).rejects.toMatchObject({
      code: "PACKAGE_PARTLY_LOADED",
      kind: "terminal",
      message: expect.stringMatching(
        /30\.0 .*"orders" \(append\), "customers" \(merge\).*twice in "orders".*Nothing was dropped.*--force/,
      ),
    });
    expect((await pendingPackages(scope())).map(one => one.load_id)).toEqual(["20.0", "30.0"]);
    expect(await abortPackages(scope(), { force: true })).toEqual(["20.0", "30.0"]);
  });
  it("left by a dead extraction are removed", async () => {
    await removeStalePackages(scope(), "2026-01-01T00:00:00.000000+00:00");
    expect((await listPackages(root, "p")).map(one => one.load_id)).toContain("40.0");
    await removeStalePackages(scope(), "2026-01-01T01:00:00.000000+00:00");
    expect((await listPackages(root, "p")).map(one => one.load_id)).not.toContain("40.0");
    expect((await pendingPackages(scope())).length).toBe(2);
  });
  it("are forgotten when finished, but for the newest", async () => {
    await forgetFinished(root, "p", 1);
    expect((await listPackages(root, "p")).map(one => one.load_id)).toEqual([
      "15.0",
      "20.0",
      "21.0",
      "22.0",
      "30.0",
      "40.0",
    ]);
  });
});

describe("files of a package", () => {
  it("are whole at every moment", async () => {
    const path = join(root, "a/b.json");
    const texts = Array.from({ length: 30 }, (_, i) => String(i).repeat(20_000));
    let reading = true;
    const reader = (async () => {
      while (reading) {
        const text = await readText(path).catch(() => "");
        if (text !== "" && !texts.includes(text)) throw new Error("torn");
      }
    })();
    for (const text of texts) await writeFileAtomic(path, text);
    reading = false;
    await reader;
    expect(readdirSync(join(root, "a"))).toEqual(["b.json"]);
  });
  it("that are missing are lost, which is worth a retry", async () => {
    await expect(readText(join(root, "none"))).rejects.toMatchObject({
      code: "PACKAGE_LOST",
      kind: "transient",
    });
  });
  it.each([
    ["ENOSPC", "DISK_FULL"],
    ["EDQUOT", "DISK_FULL"],
    ["EROFS", "PACKAGE_DENIED"],
    ["EACCES", "PACKAGE_DENIED"],
  ])("%s is %s", async (code, expected) => {
    const fails = onDisk("writing rows", () => Promise.reject(Object.assign(new Error("x"), { code })));
    await expect(fails).rejects.toMatchObject({ code: expected });
  });
});

describe("the disk's queue", () => {
  it("has one name for all who share the root, also when they start together", async () => {
    const names = await Promise.all(
      Array.from({ length: 20 }, () => hostQueues(root).then(queues => queues.disk)),
    );
    expect(new Set(names).size).toBe(1);
    expect(names[0]).toMatch(/^tidemark-disk-[0-9a-f]{12}$/);
    expect(await hostQueues(root).then(queues => queues.disk)).toBe(names[0]);
    expect(await hostQueues(join(root, "other")).then(queues => queues.disk)).not.toBe(names[0]);
  });

  it("has another name in a copy of the root, which a worker tells when it starts", async () => {
    const { disk } = await hostQueues(root);
    const copy = `${root}-copy`;
    cpSync(root, copy, { recursive: true });
    const notes: string[] = [];
    const own = await hostQueues(copy, note => notes.push(note));
    expect(own.disk).not.toBe(disk);
    expect(notes).toEqual([
      expect.stringMatching(/is a copy of that in folder .* on host .*Its task queue is now/),
    ]);
    expect(await hostQueues(copy)).toEqual(own);
    expect((await hostQueues(root, note => notes.push(note))).disk).toBe(disk);
    expect(notes).toHaveLength(1);
  });
});
