/** Writes that take less than they were given, and what the operating system says of disks. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toFailure } from "../../../src/activities/failures";
import { readSegments, SegmentWriter } from "../../../src/extract/segments";
import { ParquetFile } from "../../../src/normalize/parquet/parquet-file";
import { onDisk, writeFileAtomic, writeFileOnce } from "../../../src/package/files";
import { assertSize, writeFully } from "../../../src/package/write-fully";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tidemark-disk-"));
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(root, { recursive: true, force: true });
});

/** The class of Node's file handles, which all writers go through. */
async function handles(): Promise<FileHandle> {
  const file = await open(join(root, "probe"), "w");
  await file.close();
  return Object.getPrototypeOf(file) as FileHandle;
}

/** Each write takes a few bytes at most; after `room` bytes in all the disk is full, as a real one says it. */
async function shortWrites(room = Number.POSITIVE_INFINITY, code = "ENOSPC"): Promise<() => number> {
  const prototype = await handles();
  const writev = prototype.writev;
  let calls = 0;
  let left = room;
  jest.spyOn(prototype, "writev").mockImplementation(async function (this: FileHandle, parts) {
    calls++;
    if (left === 0) throw Object.assign(new Error(`${code}: x`), { code, syscall: "write" });
    const [first] = parts as unknown as Uint8Array[];
    const take = first!.subarray(0, Math.min(first!.length, 1 + (calls % 7), left));
    left -= take.length;
    return writev.call(this, [take]) as never;
  } as FileHandle["writev"]);
  return () => calls;
}

const bytes = (length: number) => Buffer.from(Array.from({ length }, (_, i) => i % 251));

describe("short writes", () => {
  test("are gone on with until all is written, empty parts and all", async () => {
    const calls = await shortWrites();
    const parts = [bytes(0), bytes(10), bytes(1), bytes(0), bytes(300), bytes(0)];
    const file = await open(join(root, "f"), "w");
    expect(await writeFully(file, parts)).toBe(311);
    expect(await writeFully(file, [])).toBe(0);
    await assertSize(file, "f", 311);
    await file.close();
    expect(readFileSync(join(root, "f"))).toEqual(Buffer.concat(parts));
    expect(calls()).toBeGreaterThan(50);
  });

  test("that take nothing are an error, no loop without end", async () => {
    const prototype = await handles();
    jest.spyOn(prototype, "writev").mockResolvedValue({ bytesWritten: 0, buffers: [] } as never);
    await expect(writeFileAtomic(join(root, "f"), "text")).rejects.toMatchObject({ code: "DISK_FAILED" });
  });

  test("leave small files, segments and parquet files as they should be", async () => {
    const write = async (folder: string) => {
      await writeFileAtomic(join(root, folder, "a.json"), "é".repeat(100));
      await writeFileOnce(join(root, folder, "b.json"), "b".repeat(100));
      const writer = new SegmentWriter(join(root, folder), "a1", 1 << 20);
      await writer.write([{ id: 1, text: "x".repeat(100) }]);
      await writer.writeLines(Buffer.from('{"id":2}\n'), 1);
      await writer.settle();
      await writer.close();
      const parquet = await ParquetFile.create(join(root, folder, "t.parquet"));
      await parquet.finish();
      expect(parquet.size).toBe(readFileSync(parquet.path).length);
    };
    await write("undisturbed");
    await shortWrites();
    await write("short");
    for (const name of ["a.json", "b.json", "a1/00001.jsonl", "t.parquet"])
      expect(readFileSync(join(root, "short", name))).toEqual(readFileSync(join(root, "undisturbed", name)));
  });

  test.each([
    ["ENOSPC", "DISK_FULL"],
    ["EDQUOT", "DISK_FULL"],
    ["EIO", "DISK_FAILED"],
    ["ESTALE", "DISK_FAILED"],
    ["ENXIO", "DISK_FAILED"],
    ["ENOTCONN", "DISK_FAILED"],
  ])("that end in %s are %s where they happen, and name what was written", async (code, expected) => {
    await shortWrites(20, code);
    const failing = { code: expected, kind: "transient" };
    const writer = new SegmentWriter(root, "a1", 1 << 20);
    await writer.write([{ text: "x".repeat(100) }]);
    await expect(writer.flush()).rejects.toMatchObject({
      ...failing,
      message: expect.stringContaining(code),
    });
    await writer.close();
    await expect(writeFileAtomic(join(root, "a.json"), "x".repeat(100))).rejects.toMatchObject({
      ...failing,
      message: expect.stringMatching(/writing a\.json/),
    });
    await expect(ParquetFile.create(join(root, "t.parquet"))).rejects.toMatchObject({
      ...failing,
      message: expect.stringMatching(/writing t\.parquet/),
    });
  });
});

test("a read that fails is told with the file's name", async () => {
  const writer = new SegmentWriter(root, "a1", 1 << 20);
  await writer.write([{ id: 1 }]);
  const segments = await writer.flush();
  await writer.close();
  const prototype = await handles();
  jest.spyOn(prototype, "read").mockRejectedValue(Object.assign(new Error("EIO"), { code: "EIO" }));
  const rows = readSegments(root, segments).next();
  await expect(rows).rejects.toMatchObject({
    code: "DISK_FAILED",
    message: expect.stringMatching(/reading 00001\.jsonl/),
  });
});

test("a file that is shorter than what was written is found before it counts", async () => {
  const file = await open(join(root, "f"), "w");
  await writeFully(file, [bytes(100)]);
  await file.truncate(60);
  await expect(assertSize(file, "f", 100)).rejects.toMatchObject({
    code: "DISK_FAILED",
    message: expect.stringMatching(/60 bytes/),
  });
  await file.close();

  const writer = new SegmentWriter(root, "a1", 1 << 20);
  await writer.write([{ id: 1 }]);
  await writer.flush();
  const segment = await open(join(root, "a1/00001.jsonl"), "r+");
  await segment.truncate(3);
  await segment.close();
  await expect(writer.settle()).rejects.toMatchObject({ code: "DISK_FAILED" });
  await writer.close();
});

test.each([
  ["ENOSPC", "DISK_FULL", "DISK_FULL"],
  ["EDQUOT", "DISK_FULL", "DISK_FULL"],
  ["EIO", "DISK_FAILED", "DISK_FAILED"],
  ["ESTALE", "DISK_FAILED", "DISK_FAILED"],
  ["ENOTCONN", "DISK_FAILED", "DISK_FAILED"],
  ["EMFILE", "DISK_FAILED", "DISK_FAILED"],
  ["ENOENT", "PACKAGE_LOST", "PACKAGE_LOST"],
  ["EACCES", "PACKAGE_DENIED", "DESTINATION_DENIED"],
  ["EROFS", "PACKAGE_DENIED", "DESTINATION_DENIED"],
])("%s is %s in a package and %s elsewhere", async (code, inPackage, elsewhere) => {
  const error = Object.assign(new Error("x"), { code });
  await expect(onDisk("writing", () => Promise.reject(error))).rejects.toMatchObject({ code: inPackage });
  expect(toFailure(error, "load", [])).toMatchObject({ type: elsewhere });
});
