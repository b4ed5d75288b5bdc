/**
 * The fence of a load where there is no transaction over tables: who comes late at which step, two who close at once, and
 * what is taken back of a package that had begun to load (docs/databricks.md).
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Warehouse } from "../../../src/destinations/databricks/client";
import type { DestinationSession, LoadPlan, PackageFile } from "../../../src/destinations/destination";
import { drawLoadId, pipelineMark } from "../../../src/load/load-id";
import { findPackage } from "../../../src/package/package-record";
import { abortPackages, listPackages } from "../../../src/package/packages";
import type { StoredTable } from "../../../src/schema/types";
import { CATALOG, freshDataset, inSession, warehouse } from "../../support/databricks/use-standin";
import { writeParquet } from "../../support/duckdb";
import { Engine, pagesOf, sourceOf } from "../../support/engine";
import { childTable, rootTable, storedSchema } from "../../support/stored-schema";
import { ITEM, KEY } from "./destination-kit";

jest.setTimeout(600_000);

const LINE = {
  value: "BIGINT",
  _dlt_parent_id: "VARCHAR",
  _dlt_list_idx: "BIGINT",
  _dlt_id: "VARCHAR",
};
const SUPERSEDED = { code: "LOAD_SUPERSEDED" };
const ROUNDS = 3;
const OF = { pipeline_name: "p", schema_name: "api", mark: pipelineMark("p") };

let folder: string;
let dataset: string;
let written = 0;
/** Number of the newest load that is closed; every package takes a number of its own. */
let newest = 0;
/** Number of the newest of them that brought a state. */
let newestState = 0;
let taken = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemark-fence-"));
  dataset = freshDataset();
  await loadNext();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const idOf = (second: number): string => drawLoadId((1_800_000_000 + second) * 1000, null, "p");

const ofItems = (hints: Partial<StoredTable>) =>
  storedSchema([
    rootTable("items", { id: KEY, v: "text" }, hints),
    childTable("items__lines", "items", { value: "bigint" }, false),
  ]);

async function file(table: string, columns: { [name: string]: string }, rows: (string | number)[][]) {
  written += 1;
  return await writeParquet(join(folder, `${written}.parquet`), table, columns, rows);
}

interface Numbered extends LoadPlan {
  n: number;
}

/** Package `n` brings the row n with two lines, and a state; begun from the newest load that there is. */
async function begin(more: Partial<LoadPlan> = {}): Promise<Numbered> {
  taken += 1;
  const n = taken;
  const load_id = idOf(n);
  const row = `r${n}`;
  const files: PackageFile[] = [
    await file("items", ITEM, [[n, `v${n}`, load_id, row]]),
    await file(
      "items__lines",
      LINE,
      [0, 1].map(i => [n * 10 + i, row, i, `${row}-${i}`]),
    ),
  ];
  const base = newest === 0 ? null : idOf(newest);
  const state_load_id = newestState === 0 ? null : idOf(newestState);
  return {
    n,
    load_id,
    pipeline_name: "p",
    dataset,
    staging_dataset: `${dataset}_staging`,
    schema: ofItems({ write_disposition: "append" }),
    files,
    roots: ["items"],
    created_at: "2026-01-01T00:00:00.000000Z",
    base: { ...OF, load_id: base, state_load_id },
    own_load_ids: [load_id],
    ...(base === null ? { dataset_missing: true } : { version_known: true }),
    state: {
      version: n,
      engine_version: 4,
      pipeline_name: "p",
      blob: `state ${n}`,
      created_at: "2026-01-01T00:00:00.123456+00:00",
      version_hash: `state-${n}`,
      dlt_id: `state-${n}`,
    },
    ...more,
  };
}

type Step = "stage" | "chains" | "complete";
async function steps(session: DestinationSession, plan: LoadPlan, last: Step): Promise<void> {
  await session.migrate(plan);
  await session.stage!(plan);
  if (last === "stage") return;
  await session.loadChains([plan], plan.roots);
  if (last === "complete") await session.completeLoad(plan);
}
const load = (plan: LoadPlan, last: Step = "complete"): Promise<void> => inSession(s => steps(s, plan, last));

/** A whole load that nobody disturbs. */
async function loadNext(): Promise<number> {
  const plan = await begin();
  await load(plan);
  newest = plan.n;
  newestState = plan.n;
  return plan.n;
}

/** What the dataset has of a package: rows, nested rows, state rows and loads. */
async function foundOf(...numbers: number[]): Promise<number[][]> {
  const count = (table: string, column: string, value: (n: number) => string) =>
    numbers.map(
      n =>
        `SELECT ${n} AS n, '${table}' AS t, count(*) AS c FROM \`${CATALOG}\`.\`${dataset}\`.\`${table}\` ` +
        `WHERE \`${column}\` = '${value(n)}'`,
    );
  const tables = ["items", "items__lines", "_dlt_pipeline_state", "_dlt_loads"];
  const selects = [
    count("items", "_dlt_load_id", idOf),
    count("items__lines", "_dlt_parent_id", n => `r${n}`),
    count("_dlt_pipeline_state", "_dlt_load_id", idOf),
    count("_dlt_loads", "load_id", idOf),
  ];
  const rows = await inSession(session => session.query(selects.flat().join(" UNION ALL ")));
  return numbers.map(n =>
    tables.map(table => Number(rows.find(row => Number(row.n) === n && row.t === table)?.c)),
  );
}
const NOTHING = [0, 0, 0, 0];
const WHOLE = [1, 2, 1, 1];

async function column(name: string, table: string): Promise<unknown[]> {
  const sql = `SELECT ${name} AS c FROM \`${CATALOG}\`.\`${dataset}\`.\`${table}\` ORDER BY c`;
  return (await inSession(session => session.query(sql))).map(row => row.c);
}

describe("a package that comes late", () => {
  it.each([true, false])("to its chains appends nothing (SQL scripting: %s)", async sql_scripting => {
    const late = await begin();
    await inSession(session => session.stage!(late));
    const faster = await loadNext();
    const options = { sql_scripting };
    await expect(inSession(s => s.loadChains([late], late.roots), options)).rejects.toMatchObject({
      ...SUPERSEDED,
      message: expect.stringContaining(`is now ${idOf(faster)}`),
    });
    expect(await foundOf(late.n, faster)).toEqual([NOTHING, WHOLE]);
  });

  it("to its close is not counted, and its state row goes", async () => {
    const late = await begin();
    await load(late, "chains");
    expect(await foundOf(late.n)).toEqual([[1, 2, 1, 0]]);
    const faster = await loadNext();
    await expect(inSession(session => session.completeLoad(late))).rejects.toMatchObject({
      ...SUPERSEDED,
      message: expect.stringContaining(`is now ${idOf(faster)}`),
    });
    expect(await foundOf(late.n, faster)).toEqual([[1, 2, 0, 0], WHOLE]);
    const restored = await inSession(s =>
      s.restore({ dataset, pipeline_name: "p", schema_names: ["api"], of: OF }),
    );
    expect(restored).toMatchObject({
      newest_load_id: idOf(faster),
      state: { load_id: idOf(faster), blob: `state ${faster}` },
    });
  });

  it("after the comparison, while its chains run, is stopped at the close", async () => {
    const late = await begin();
    await load(late, "stage");
    let faster = 0;
    await between(
      /loading table "items"/,
      async () => {
        faster = await loadNext();
      },
      () => inSession(s => s.loadChains([late], late.roots)),
    );
    await expect(inSession(session => session.completeLoad(late))).rejects.toMatchObject(SUPERSEDED);
    expect(await foundOf(late.n, faster)).toEqual([[1, 2, 0, 0], WHOLE]);
  });
});

describe("two that close at once from one base", () => {
  it("end with one load", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const pair = [await begin(), await begin()];
      // without a state too, which would keep them apart by a conflict of its own
      for (const plan of pair) Object.assign(plan, { files: [], roots: [], state: undefined });
      const results = await Promise.allSettled(pair.map(plan => inSession(s => s.completeLoad(plan))));
      const won = results.flatMap((result, i) => (result.status === "fulfilled" ? [pair[i]!.n] : []));
      const reasons = results.flatMap(r => (r.status === "rejected" ? [r.reason.code] : []));
      expect({ round, won: won.length, reasons }).toEqual({ round, won: 1, reasons: ["LOAD_SUPERSEDED"] });
      newest = won[0]!;
      const found = await foundOf(...pair.map(plan => plan.n));
      expect(found.sort()).toEqual([NOTHING, [0, 0, 0, 1]]);
    }
  });

  it("see also a row that was only appended, as dlt does it: who closed did so before it", async () => {
    let last = idOf(newest);
    const seen = { closed: 0, refused: 0 };
    for (let round = 0; round < ROUNDS; round++) {
      const base = { ...OF, load_id: last, state_load_id: idOf(newestState) };
      const late = await begin({ base, state: undefined });
      // as dlt's ids are: without a mark
      const dlt = `${idOf(late.n).slice(0, 10)}.75`;
      const append =
        `INSERT INTO \`${CATALOG}\`.\`${dataset}\`.\`_dlt_loads\` VALUES ` +
        `('${dlt}', 'api', 0, current_timestamp(), 'h')`;
      const [closing] = await Promise.allSettled([
        inSession(session => session.completeLoad(late)),
        inSession(session => session.query(append)),
      ]);
      if (closing.status === "fulfilled") {
        seen.closed += 1;
        expect(await isThereBefore(late.load_id, dlt)).toBe(true);
      } else {
        seen.refused += 1;
        expect(closing.reason).toMatchObject(SUPERSEDED);
        expect(await foundOf(late.n)).toEqual([NOTHING]);
      }
      last = closing.status === "fulfilled" && late.load_id > dlt ? late.load_id : dlt;
    }
    process.stdout.write(
      `closed before the append ${seen.closed} times, refused after it ${seen.refused} times\n`,
    );
    await inSession(session =>
      session.query(
        `DELETE FROM \`${CATALOG}\`.\`${dataset}\`.\`_dlt_loads\` WHERE load_id > '${idOf(newest)}'`,
      ),
    );
  });

  /** Whether a load was committed by an earlier version of the table than another one. */
  async function isThereBefore(one: string, other: string): Promise<boolean> {
    const table = `\`${CATALOG}\`.\`${dataset}\`.\`_dlt_loads\``;
    return await inSession(async session => {
      const [newest] = await session.query(`DESCRIBE HISTORY ${table} LIMIT 1`);
      for (let version = Number(newest?.version); version >= 0; version--) {
        const rows = await session.query(`SELECT load_id FROM ${table} VERSION AS OF ${version}`);
        const found = rows.map(row => row.load_id);
        if (!found.includes(other)) return found.includes(one);
      }
      return false;
    });
  }
});

/** Lets something happen before the answer of the first statement of this purpose is used. */
async function between(
  purpose: RegExp,
  happens: () => Promise<void>,
  work: () => Promise<unknown>,
): Promise<void> {
  const run = Warehouse.prototype.run;
  let done = false;
  const spy = jest.spyOn(Warehouse.prototype, "run").mockImplementation(async function (
    this: Warehouse,
    sql,
    doing,
  ) {
    const rows = await run.call(this, sql, doing);
    if (!done && purpose.test(doing)) {
      done = true;
      await happens();
    }
    return rows;
  });
  try {
    await work();
    expect(done).toBe(true);
  } finally {
    spy.mockRestore();
  }
}

describe("what a superseded package had begun to load", () => {
  const takeBack = (plan: LoadPlan) => inSession(session => session.takeBack!(plan));

  it("is taken back out of tables that are appended to: its own rows, nested ones too, and no others", async () => {
    const late = await begin();
    await load(late, "chains");
    // not superseded yet: it may still be closed
    expect(await takeBack(late)).toEqual([]);
    expect(await foundOf(late.n)).toEqual([[1, 2, 1, 0]]);

    const faster = await loadNext();
    const all = await column("value", "items__lines");
    expect(await takeBack(late)).toEqual([
      { table: "items__lines", deleted: 2 },
      { table: "items", deleted: 1 },
    ]);
    expect(await foundOf(late.n, faster)).toEqual([NOTHING, WHOLE]);
    expect((await takeBack(late)).map(one => one.deleted)).toEqual([0, 0]);
    const own = [late.n * 10, late.n * 10 + 1];
    expect(await column("value", "items__lines")).toEqual(all.filter(value => !own.includes(Number(value))));
    // closed: nothing of it is touched
    expect(await takeBack({ ...late, load_id: idOf(faster), own_load_ids: [idOf(faster)] })).toEqual([]);
  });

  it("is known where only its nested rows had come", async () => {
    const late = await begin();
    await load(late, "stage");
    const stopped = onlyStatements(/items__lines/, () => inSession(s => s.loadChains([late], late.roots)));
    await expect(stopped).rejects.toThrow("cut by the test");
    expect(await foundOf(late.n)).toEqual([[0, 2, 0, 0]]);
    await loadNext();
    await takeBack(late);
    expect(await foundOf(late.n)).toEqual([NOTHING]);
  });

  it("stays where row ids of the source are those of another load", async () => {
    const first = await loadNext();
    const late = await begin();
    // the source gives the row id, and the same row came before
    late.files = [
      await file("items", ITEM, [[first, "again", late.load_id, `r${first}`]]),
      await file("items__lines", LINE, [[first * 10, `r${first}`, 0, `r${first}-0`]]),
    ];
    await load(late, "chains");
    await loadNext();
    expect(await takeBack(late)).toEqual([
      { table: "items__lines", deleted: null },
      { table: "items", deleted: 1 },
    ]);
    // the nested row cannot be told from the one that is there
    expect(await foundOf(first, late.n)).toEqual([[1, 3, 1, 1], NOTHING]);
  });
});

/** Lets pass what only reads and what matches; everything else is cut. */
async function onlyStatements(passes: RegExp, work: () => Promise<unknown>): Promise<void> {
  const run = Warehouse.prototype.run;
  const spy = jest.spyOn(Warehouse.prototype, "run").mockImplementation(async function (
    this: Warehouse,
    sql,
    doing,
  ) {
    if (!passes.test(sql) && !sql.startsWith("SELECT")) throw new Error("cut by the test");
    return run.call(this, sql, doing);
  });
  try {
    await work();
  } finally {
    spy.mockRestore();
  }
}

describe("a run that finds a package which had begun to load", () => {
  const ids = () => column("id", "items");
  const lines = () => column("value", "items__lines");
  let engine: Engine;
  let elsewhere: Engine;
  beforeEach(() => {
    dataset = freshDataset();
    engine = new Engine({}, warehouse());
    elsewhere = new Engine({}, warehouse());
  });
  afterEach(() => {
    engine.remove();
    elsewhere.remove();
  });
  const scope = () => ({
    root: engine.root,
    pipeline_name: "p",
    dataset,
    fingerprint: engine.destination.identity.fingerprint,
  });
  const source = (count: number) =>
    sourceOf(
      "s",
      pagesOf(
        "items",
        () => [Array.from({ length: count }, (_, i) => ({ id: i + 1, u: i + 1, lines: [{ value: i + 1 }] }))],
        {
          hints: { write_disposition: { disposition: "append" } },
          incremental: {
            cursor_path: "u",
            initial_value: 0,
            last_value_func: "max",
            range_start: "open",
            range_end: "open",
            on_cursor_value_missing: "raise",
          },
        },
      ),
    );
  const spec = () => engine.spec({ dataset_name: dataset });

  it("loads it to its end where nobody was faster, and abort-packages refuses it without --force", async () => {
    await engine.run(spec(), source(1));
    await expect(engine.run(spec(), source(2), { after: diesAfter("load") })).rejects.toThrow("killed");
    expect(await ids()).toEqual([1, 2]);
    const [, left] = await listPackages(engine.root, "p");
    expect(left?.loading).toEqual({ append: ["items"] });
    await expect(abortPackages(scope())).rejects.toMatchObject({
      code: "PACKAGE_PARTLY_LOADED",
      message: expect.stringMatching(/"items" \(append\).*twice in "items".*--force/),
    });
    expect((await engine.run(spec(), source(2))).pending).toBe(true);
    expect([await ids(), await lines()]).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(await abortPackages(scope())).toEqual([]);
  });

  it("takes it back where another host was faster: no row is there twice", async () => {
    await engine.run(spec(), source(1));
    await expect(engine.run(spec(), source(2), { after: diesAfter("load") })).rejects.toThrow("killed");
    // later than the first host's clock, as ids must be
    elsewhere.now();
    await elsewhere.run(spec(), source(3));
    expect(await ids()).toEqual([1, 2, 2, 3]);
    const run = await engine.run(spec(), source(4));
    expect(run.notes.join("\n")).toMatch(
      /begun to load.*"items" \(append\); 2 appended rows were taken back/,
    );
    expect([await ids(), await lines()]).toEqual([
      [1, 2, 3, 4],
      [1, 2, 3, 4],
    ]);
    const [, left] = await listPackages(engine.root, "p");
    expect(left?.state).toBe("aborted");
    expect(
      await findPackage({ root: engine.root, pipeline_name: "p", load_id: String(left?.load_id) }),
    ).not.toBeNull();
  });

  const diesAfter = (dead: string) => (step: string) => {
    if (step === dead) throw new Error("killed");
  };
});
