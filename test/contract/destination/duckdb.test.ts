import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Destination } from "../../../src/destinations/destination";
import { waitUntilFree } from "../../../src/destinations/duckdb/database";
import { createDuckDbDestination } from "../../../src/destinations/duckdb/duckdb-destination";
import { WAITING, withFileTurn } from "../../../src/destinations/duckdb/file-turns";
import type { DuckDbDestination } from "../../../src/destinations/duckdb/spec";
import type { ProgressEvent } from "../../../src/pipeline/infos";
import { holdFile, scratchFolder } from "../../support/duckdb";
import { describeDestination } from "./describe-destination";
import type { DestinationHarness } from "./destination-kit";

function destinationAt(path: string, more: Partial<DuckDbDestination> = {}): Destination {
  return createDuckDbDestination({
    type: "duckdb",
    path,
    replace_strategy: "truncate-and-insert",
    create_indexes: false,
    staging_dataset_name_layout: "%s_staging",
    enable_dataset_name_normalization: true,
    ...more,
  });
}

describeDestination("DuckDB", async (options): Promise<DestinationHarness> => {
  const folder = await scratchFolder();
  return {
    // the file is named like the dataset: every statement must name the catalog too
    destination: destinationAt(join(folder.path, "raw.duckdb"), options),
    dataset: "raw",
    folder: folder.path,
    quoted: name => `"${name.replaceAll('"', '""')}"`,
    timestampText: column => `CAST(${column} AS VARCHAR)`,
    oddTable: 'odd "name" .; select',
    qualified: (table, schema = "raw") => `"raw"."${schema}"."${table.replaceAll('"', '""')}"`,
    close: () => folder.remove(),
  };
});

describe("turns on a DuckDB file", () => {
  let folder: { path: string; remove(): Promise<void> };
  let path: string;
  const events: ProgressEvent[] = [];
  const options = (signal = new AbortController().signal) => ({
    signal,
    onProgress: (event: ProgressEvent) => void events.push(event),
  });

  beforeEach(async () => {
    folder = await scratchFolder();
    path = join(folder.path, "a", "b", "file.duckdb");
    events.length = 0;
  });
  afterEach(() => folder.remove());

  it("lets sessions of one process in one after the other, in order, whatever name they use", async () => {
    await mkdir(join(folder.path, "a", "b"), { recursive: true });
    await symlink(join(folder.path, "a"), join(folder.path, "link"));
    const order: string[] = [];
    let open = 0;
    const use = async (name: string, file: string): Promise<void> => {
      const session = await destinationAt(file).open(options());
      open += 1;
      expect(open).toBe(1);
      order.push(name);
      await session.query("SELECT 1 AS one");
      await sleep(60);
      open -= 1;
      await session[Symbol.asyncDispose]();
    };
    const first = use("first", path);
    const all = [first];
    for (const [i, name] of ["second", "third", "fourth"].entries()) {
      // a turn begins to count once the path is resolved
      await sleep(10);
      all.push(use(name, i % 2 === 0 ? join(folder.path, "link", "b", "file.duckdb") : path));
    }
    await Promise.all(all);
    expect(order).toEqual(["first", "second", "third", "fourth"]);
    expect(events.some(event => event.phase === WAITING)).toBe(true);
  });

  it("gives a turn without opening the file, so that another process can", async () => {
    await withFileTurn(path, options(), async () => {
      const holder = await holdFile(path);
      await holder.release();
    });
    const session = await destinationAt(path).open(options());
    await session[Symbol.asyncDispose]();
  });

  it("waits for a foreign process and says which", async () => {
    await mkdir(join(folder.path, "a", "b"), { recursive: true });
    const holder = await holdFile(path);
    const opening = destinationAt(path).open(options());
    await sleep(400);
    expect(events).toContainEqual(
      expect.objectContaining({ phase: WAITING, message: expect.stringContaining(`process ${holder.pid}`) }),
    );
    await holder.release();
    const session = await opening;
    expect(await session.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await session[Symbol.asyncDispose]();
  });

  it("lets dbt in only when no foreign process has the file, and says which has it", async () => {
    await mkdir(join(folder.path, "a", "b"), { recursive: true });
    const holder = await holdFile(path);
    const destination = destinationAt(path, { busy_timeout_seconds: 0.3 });
    let ran = 0;
    const work = async (): Promise<void> => {
      ran += 1;
    };
    try {
      await expect(destination.withTurn!(options(), work)).rejects.toMatchObject({
        code: "DESTINATION_BUSY",
      });
      expect(ran).toBe(0);
      expect(events.at(-1)?.message).toMatch(
        new RegExp(`process ${holder.pid}\\); gives up at .* UTC, after 0\\.3 s`),
      );
    } finally {
      await holder.release();
    }
    await destination.withTurn!(options(), work);
    expect(ran).toBe(1);
  });

  it("gives up after the time allowed, names the process, and frees the turn", async () => {
    await mkdir(join(folder.path, "a", "b"), { recursive: true });
    const holder = await holdFile(path);
    try {
      await expect(destinationAt(path, { busy_timeout_seconds: 0.3 }).open(options())).rejects.toMatchObject({
        code: "DESTINATION_BUSY",
        kind: "transient",
        message: expect.stringContaining(`process ${holder.pid}`),
      });
      const abort = new AbortController();
      const waiting = destinationAt(path).open(options(abort.signal));
      const queued = destinationAt(path).open(options(abort.signal));
      setTimeout(() => abort.abort(new Error("enough")), 50);
      await expect(waiting).rejects.toThrow("enough");
      await expect(queued).rejects.toThrow("enough");
    } finally {
      await holder.release();
    }
    await withFileTurn(path, options(), () => waitUntilFree(path, options()));
  });

  it("frees the file for other processes when the session closes", async () => {
    const session = await destinationAt(path).open(options());
    await session.query("SELECT 1");
    await session[Symbol.asyncDispose]();
    await session[Symbol.asyncDispose]();
    const holder = await holdFile(path);
    await holder.release();
  });

  it("interrupts a running statement", async () => {
    const abort = new AbortController();
    const session = await destinationAt(path).open(options(abort.signal));
    setTimeout(() => abort.abort(new Error("enough")), 100);
    const started = Date.now();
    await expect(
      session.query("SELECT count(*) FROM range(1000000000000) AS t(i) WHERE i % 3 = 1"),
    ).rejects.toThrow("enough");
    expect(Date.now() - started).toBeLessThan(5_000);
    await session[Symbol.asyncDispose]();
  });

  it.each([
    ["a folder", async (p: string) => void (await mkdir(p, { recursive: true })), /is a folder/],
    ["another file", async (p: string) => writeFile(p, "x".repeat(5_000)), /not a DuckDB database/],
  ])("says what is wrong with %s as path", async (_what, prepare, message) => {
    await mkdir(join(folder.path, "a", "b"), { recursive: true });
    await prepare(path);
    await expect(destinationAt(path).open(options())).rejects.toMatchObject({
      code: "DESTINATION_DENIED",
      message: expect.stringMatching(message),
    });
  });

  it("does not hang on a folder that cannot be created", async () => {
    const file = join(folder.path, "plain-file");
    await writeFile(file, "");
    for (const bad of [join(file, "x", "y.duckdb"), "/proc/no-such-folder/y.duckdb"]) {
      await expect(destinationAt(bad).open(options())).rejects.toMatchObject({ code: "DESTINATION_DENIED" });
    }
  });

  it("refuses to write through a session for reading, and to read a file that is not there", async () => {
    await expect(destinationAt(path).open({ ...options(), readOnly: true })).rejects.toMatchObject({
      code: "DESTINATION_DENIED",
      message: expect.stringMatching(/does not exist yet/),
    });
    await (await destinationAt(path).open(options()))[Symbol.asyncDispose]();
    const session = await destinationAt(path).open({ ...options(), readOnly: true });
    await expect(session.query("CREATE TABLE t (i INTEGER)")).rejects.toMatchObject({
      code: "DESTINATION_DENIED",
    });
    await session[Symbol.asyncDispose]();
  });

  it("lets a metric read its own file and no other, and its parser say what a SELECT is", async () => {
    await (await destinationAt(path).open(options()))[Symbol.asyncDispose]();
    const secret = join(folder.path, "secret.csv");
    await writeFile(secret, "a\n1\n");
    const session = await destinationAt(path).open({ ...options(), readOnly: true });
    expect(await session.selectNumber("SELECT 2")).toEqual({ value: 2 });
    for (const sql of [
      `SELECT count(*) FROM read_csv('${secret}')`,
      `SELECT count(*) FROM read_text('${secret}')`,
      "SUMMARIZE SELECT 1",
      `COPY (SELECT 1) TO '${join(folder.path, "out.csv")}'`,
      `ATTACH '${join(folder.path, "other.duckdb")}'`,
      "EXPLAIN SELECT 1",
    ])
      await expect(session.selectNumber(sql)).rejects.toMatchObject({ code: "GATE_METRIC" });
    await session[Symbol.asyncDispose]();
    const { selectProblem } = destinationAt(path);
    expect(await selectProblem!("SELECT count(*) FROM {{ raw }}.t")).toBeUndefined();
    expect(await selectProblem!("SELECT 1; SELECT 2")).toMatch(/one statement, and is 2/);
    expect(await selectProblem!("SELECT count(*) FRM x y z")).toMatch(/syntax error.*LINE 1/);
  });

  it("says that a read-only file cannot be written", async () => {
    if (process.getuid?.() === 0) return; // root may write everything; the text is tested in test/unit/duckdb
    await (await destinationAt(path).open(options()))[Symbol.asyncDispose]();
    await chmod(path, 0o444);
    await expect(destinationAt(path).open(options())).rejects.toMatchObject({ code: "DESTINATION_DENIED" });
  });
});
