import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readDone } from "../../../src/extract/checkpoint";
import { type ExtractArgs, extractedRows, extractResource } from "../../../src/extract/extract-resource";
import { incrementalRange } from "../../../src/extract/incremental";
import { encodeLine } from "../../../src/json/typed-json";
import { type Row, Timestamp, WholeFloat } from "../../../src/json/values";
import { type PackageRef, resourceFolder } from "../../../src/package/layout";
import type { ProgressEvent } from "../../../src/pipeline/infos";
import type { IncrementalConfig } from "../../../src/pipeline/spec";
import type { OpenOptions, Page, Resource } from "../../../src/sources/source";

const CONFIG: IncrementalConfig = {
  cursor_path: "u",
  last_value_func: "max",
  range_start: "closed",
  range_end: "open",
  on_cursor_value_missing: "raise",
};

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tidemark-extract-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const refOf = (load_id = "1.0"): PackageRef => ({ root, pipeline_name: "p", load_id });

/** Pages of rows; tells which pages were asked for, and dies before handing out `dieAt`. */
class Pages implements Resource {
  readonly hints = {};
  readonly selected = true;
  asked: number[] = [];
  closed = 0;
  dieAt = Number.POSITIVE_INFINITY;
  constructor(
    readonly name: string,
    private readonly pages: Row[][],
    private readonly canResume = true,
    readonly parent?: string,
  ) {}
  async *open(options: OpenOptions): AsyncGenerator<Page> {
    const first = (options.resume as { next: number } | undefined)?.next ?? 0;
    try {
      for (let i = first; i < this.pages.length; i++) {
        if (i === this.dieAt) throw new Error("killed");
        this.asked.push(i);
        options.onRequest?.();
        yield { rows: this.pages[i]!, ...(this.canResume ? { resume: { next: i + 1 } } : {}) };
      }
      if (this.dieAt === this.pages.length) throw new Error("killed");
    } finally {
      this.closed++;
    }
  }
}

const args = (resource: Resource, attempt: string, more: Partial<ExtractArgs> = {}): ExtractArgs => ({
  ref: refOf(),
  resource,
  attempt,
  http_attempts: 1,
  signal: new AbortController().signal,
  onProgress: () => {},
  ...more,
});

const incremental = (config = CONFIG) => ({ range: incrementalRange(config, undefined), stored: undefined });

/** 12 pages; values that only an exact JSON keeps; duplicates of rows at the cursor's boundary between pages. */
const PAGES: Row[][] = Array.from({ length: 12 }, (_, page) =>
  Array.from({ length: page % 4 === 3 ? 0 : 5 + page }, (_, i) => ({
    id: page * 100 + i,
    u: Math.floor((page * 20 + i) / 3),
    big: 2n ** 60n + BigInt(i),
    whole: new WholeFloat(page),
    at: new Timestamp("2024-01-02T03:04:05.000006+02:00"),
    text: `line\u2028\r\nend ${"x".repeat(i)}`,
  })),
);

async function textOf(ref: PackageRef, resource: string): Promise<string[]> {
  const lines: string[] = [];
  for await (const rows of extractedRows(ref, resource)) lines.push(...rows.map(encodeLine));
  return lines;
}

describe("extraction goes on after the last page", () => {
  it.each(Array.from({ length: PAGES.length + 1 }, (_, i) => i))("killed before page %i", async dieAt => {
    const calm = new Pages("r", PAGES);
    const whole = { incremental: incremental(), dedup_key: ["id"], segment_bytes: 700 };
    await extractResource(args(calm, "a", { ...whole, ref: refOf("1.0") }));

    const shaken = new Pages("r", PAGES);
    shaken.dieAt = dieAt;
    const ref = refOf("2.0");
    await expect(extractResource(args(shaken, "first", { ...whole, ref }))).rejects.toThrow("killed");
    shaken.dieAt = Number.POSITIVE_INFINITY;
    const info = await extractResource(args(shaken, "second", { ...whole, ref }));

    expect(await textOf(ref, "r")).toEqual(await textOf(refOf("1.0"), "r"));
    expect(shaken.asked).toEqual(calm.asked);
    const [mine, theirs] = [
      await readDone(resourceFolder(ref, "r")),
      await readDone(resourceFolder(refOf("1.0"), "r")),
    ];
    expect(mine!.incremental).toEqual(theirs!.incremental);
    expect({ rows: info.rows, pages: info.pages, bytes: info.bytes }).toEqual({
      rows: theirs!.rows,
      pages: PAGES.length,
      bytes: theirs!.bytes,
    });
    expect(info.requests).toBe(PAGES.length - dieAt);
  });

  it("through any number of deaths", async () => {
    const resource = new Pages("r", PAGES);
    for (let page = 1; page <= PAGES.length; page++) {
      resource.dieAt = page;
      await expect(extractResource(args(resource, `a${page}`))).rejects.toThrow("killed");
    }
    resource.dieAt = Number.POSITIVE_INFINITY;
    await extractResource(args(resource, "last"));
    expect(resource.asked).toEqual(PAGES.map((_, i) => i));
    expect(await textOf(refOf(), "r")).toEqual(PAGES.flat().map(encodeLine));
  });

  it("from the start where the source has no places to resume", async () => {
    const resource = new Pages("r", PAGES, false);
    resource.dieAt = 5;
    await expect(extractResource(args(resource, "a"))).rejects.toThrow("killed");
    resource.dieAt = Number.POSITIVE_INFINITY;
    const info = await extractResource(args(resource, "b"));
    expect(info.rows).toBe(PAGES.flat().length);
    expect(await textOf(refOf(), "r")).toEqual(PAGES.flat().map(encodeLine));
  });

  it("not from a checkpoint whose file lost its end in a power cut", async () => {
    const resource = new Pages("r", PAGES);
    resource.dieAt = 5;
    await expect(extractResource(args(resource, "a"))).rejects.toThrow("killed");
    truncateSync(join(resourceFolder(refOf(), "r"), "a/00001.jsonl"), 10);
    resource.dieAt = Number.POSITIVE_INFINITY;
    await extractResource(args(resource, "b"));
    expect(resource.asked).toEqual([0, 1, 2, 3, 4, ...PAGES.map((_, i) => i)]);
    expect(await textOf(refOf(), "r")).toEqual(PAGES.flat().map(encodeLine));
  });

  it("stays closed when it died between the end of the range and its record", async () => {
    const rows = (from: number) => [{ id: from, u: from }];
    const resource = new Pages("r", [rows(1), rows(2), rows(9), rows(10)]);
    const range = { ...CONFIG, initial_value: 0, end_value: 5, row_order: "asc" as const };
    const folder = resourceFolder(refOf(), "r");
    await extractResource(args(resource, "a", { incremental: incremental(range) }));
    expect(resource.asked).toEqual([0, 1, 2]);
    expect(resource.closed).toBe(1);
    rmSync(join(folder, "done.json"));
    await extractResource(args(resource, "b", { incremental: incremental(range) }));
    expect(resource.asked).toEqual([0, 1, 2]);
  });
});

describe("attempts that were given up", () => {
  it("may go on writing to their own file", async () => {
    const resource = new Pages("r", PAGES);
    resource.dieAt = 5;
    await expect(extractResource(args(resource, "zombie"))).rejects.toThrow("killed");
    const folder = resourceFolder(refOf(), "r");
    appendFileSync(join(folder, "zombie/00001.jsonl"), '{"id":"from beyond"}\n{"half');
    resource.dieAt = Number.POSITIVE_INFINITY;
    await extractResource(args(resource, "b"));
    appendFileSync(join(folder, "zombie/00001.jsonl"), '":1}\n');
    expect(await textOf(refOf(), "r")).toEqual(PAGES.flat().map(encodeLine));
  });

  it("may finish too: the first to finish counts for all", async () => {
    const gate = withResolvers();
    const slow: Resource = {
      name: "r",
      hints: {},
      selected: true,
      async *open() {
        yield { rows: [{ id: 1 }], resume: 1 };
        await gate.promise;
        yield { rows: [{ id: 2 }], resume: 2 };
      },
    };
    const zombie = extractResource(args(slow, "zombie"));
    while (readdirSync(root, { recursive: true }).every(name => !String(name).endsWith("checkpoint.json"))) {
      await new Promise(resolve => setTimeout(resolve, 5));
    }
    const resource = new Pages("r", [[{ id: 1 }], [{ id: 2 }]]);
    const fresh: Resource = {
      ...slow,
      open: o => resource.open({ ...o, resume: { next: o.resume as number } }),
    };
    const counted = await extractResource(args(fresh, "b"));
    expect(resource.asked).toEqual([1]);
    gate.resolve(undefined);
    expect(await zombie).toEqual(counted);
    expect(counted).toMatchObject({ attempt: "b", rows: 2, resumed_rows: 1 });
    expect(await textOf(refOf(), "r")).toEqual(['{"id":1}', '{"id":2}']);
  });

  it("that finished are adopted without asking the source", async () => {
    await extractResource(args(new Pages("r", PAGES), "a"));
    const again = new Pages("r", PAGES);
    const info = await extractResource(args(again, "b"));
    expect(again.asked).toEqual([]);
    expect(info.attempt).toBe("a");
  });

  it("do not lose rows when an attempt's name comes twice", async () => {
    const resource = new Pages("r", PAGES);
    resource.dieAt = 5;
    await expect(extractResource(args(resource, "a"))).rejects.toThrow("killed");
    resource.dieAt = Number.POSITIVE_INFINITY;
    await extractResource(args(resource, "a"));
    expect(await textOf(refOf(), "r")).toEqual(PAGES.flat().map(encodeLine));
  });
});

function withResolvers() {
  let resolve: (value: unknown) => void = () => {};
  const promise = new Promise(done => {
    resolve = done;
  });
  return { promise, resolve };
}

describe("dependent resources", () => {
  it("read their parent's rows from the package, exact and in order", async () => {
    await extractResource(args(new Pages("par/ent", PAGES), "a"));
    const seen: string[] = [];
    const child: Resource = {
      name: "child",
      hints: {},
      parent: "par/ent",
      selected: true,
      async *open({ parentRows }) {
        for await (const rows of parentRows!) {
          seen.push(...rows.map(encodeLine));
          yield { rows: rows.map(row => ({ parent: row.id! })) };
        }
      },
    };
    const info = await extractResource(args(child, "a"));
    expect(seen).toEqual(PAGES.flat().map(encodeLine));
    expect(info.rows).toBe(PAGES.flat().length);
  });
  it("fail as lost when the parent is not there", async () => {
    const child = new Pages("child", [], true, "parent");
    const asks: Resource = {
      ...child,
      name: "child",
      async *open({ parentRows }) {
        for await (const _rows of parentRows!) yield { rows: [] };
      },
    };
    await expect(extractResource(args(asks, "a"))).rejects.toMatchObject({ code: "PACKAGE_LOST" });
  });
  it("fail as lost when rows of the parent are gone", async () => {
    await extractResource(args(new Pages("parent", PAGES), "a"));
    writeFileSync(join(resourceFolder(refOf(), "parent"), "a/00001.jsonl"), "{}\n");
    await expect(textOf(refOf(), "parent")).rejects.toMatchObject({ code: "PACKAGE_LOST" });
  });
});

describe("extraction", () => {
  it("rolls segments over by size and keeps lines whole", async () => {
    const info = await extractResource(args(new Pages("r", PAGES), "a", { segment_bytes: 1000 }));
    const files = readdirSync(join(resourceFolder(refOf(), "r"), "a")).filter(name =>
      name.endsWith(".jsonl"),
    );
    expect(files.length).toBeGreaterThan(3);
    const texts = files.map(name => readFileSync(join(resourceFolder(refOf(), "r"), "a", name), "utf8"));
    expect(texts.every(text => text.endsWith("\n"))).toBe(true);
    expect(texts.join("").split("\n").length - 1).toBe(info.rows);
    expect(Buffer.byteLength(texts.join(""))).toBe(info.bytes);
  });
  it("refuses integers beyond 64 bits, and leaves no result", async () => {
    const bad = new Pages("r", [[{ id: 1 }], [{ id: 2n ** 64n }]]);
    await expect(extractResource(args(bad, "a"))).rejects.toMatchObject({ code: "INTEGER_TOO_LARGE" });
    expect(await readDone(resourceFolder(refOf(), "r"))).toBeNull();
  });
  it("stops between pages when it is cancelled, and frees the source", async () => {
    const stop = new AbortController();
    const resource = new Pages("r", PAGES);
    const events: ProgressEvent[] = [];
    const run = extractResource(
      args(resource, "a", {
        signal: stop.signal,
        onProgress: event => {
          events.push(event);
          stop.abort(new Error("cancelled"));
        },
      }),
    );
    await expect(run).rejects.toThrow("cancelled");
    expect(resource.closed).toBe(1);
    expect(events[0]).toMatchObject({ step: "extract", subject: "r" });
  });
  it("tells whether the table was seen, as dlt counts it", async () => {
    const seen = async (name: string, pages: Row[][], config?: IncrementalConfig) => {
      await extractResource(
        args(new Pages(name, pages), "a", config ? { incremental: incremental(config) } : {}),
      );
      return (await readDone(resourceFolder(refOf(), name)))!.table_seen;
    };
    expect(await seen("nothing", [])).toBe(false);
    expect(await seen("empty page", [[]])).toBe(true);
    expect(await seen("all filtered", [[{ u: 1 }]], { ...CONFIG, initial_value: 5 })).toBe(false);
    expect(await seen("rows", [[{ u: 7 }]], { ...CONFIG, initial_value: 5 })).toBe(true);
  });
  it("refuses rows before they are written where the table is refused", async () => {
    const onFirstRows = () => {
      throw new Error("refused");
    };
    await expect(extractResource(args(new Pages("r", [[{ id: 1 }]]), "a", { onFirstRows }))).rejects.toThrow(
      "refused",
    );
    expect(readdirSync(resourceFolder(refOf(), "r"))).toEqual([]);
    await extractResource(args(new Pages("none", []), "a", { onFirstRows }));
  });
  it("writes large checkpoints seldom", async () => {
    const pages = Array.from({ length: 60 }, (_, page) =>
      Array.from({ length: 200 }, (_, i) => ({ id: page * 1000 + i, u: 1 })),
    );
    const started = Date.now();
    await extractResource(
      args(new Pages("r", pages), "a", { incremental: incremental(), dedup_key: ["id"] }),
    );
    const done = await readDone(resourceFolder(refOf(), "r"));
    expect(done!.incremental!.unique_hashes).toHaveLength(12_000);
    expect(Date.now() - started).toBeLessThan(5000);
  });
});

const isRoot = process.getuid?.() === 0;
(isRoot ? describe : describe.skip)("a full disk", () => {
  const mount = join(tmpdir(), `tidemark-full-${process.pid}`);
  let mounted = false;
  beforeAll(() => {
    mkdirSync(mount);
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", mount], { stdio: "ignore" });
      mounted = true;
    } catch {
      // No right to mount here (a container): /dev/full cannot stand in for a folder.
    }
  });
  afterAll(() => {
    if (mounted) execFileSync("umount", [mount]);
    rmSync(mount, { recursive: true, force: true });
  });
  it("is told as such, and the extraction goes on once there is room", async () => {
    if (!mounted) return;
    const ref: PackageRef = { root: mount, pipeline_name: "p", load_id: "1.0" };
    const pages = Array.from({ length: 8 }, (_, page) => [{ id: page, text: "x".repeat(50_000) }]);
    const resource = new Pages("r", pages);
    await expect(extractResource(args(resource, "a", { ref }))).rejects.toMatchObject({
      code: "DISK_FULL",
      kind: "transient",
    });
    execFileSync("mount", ["-o", "remount,size=4m", mount]);
    await extractResource(args(resource, "b", { ref }));
    expect((await textOf(ref, "r")).map(line => JSON.parse(line).id)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});
