/**
 * Every load is cut after every single statement of every strategy, then repeated as a later run would do it. Whatever
 * was cut, the rows must be those of an uncut load.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Warehouse } from "../../../src/destinations/databricks/client";
import type { Destination, LoadPlan, PackageFile } from "../../../src/destinations/destination";
import type { StoredTable } from "../../../src/schema/types";
import { destinationOn, freshDataset, useStandin } from "../../support/databricks/use-standin";
import { type TestValue, writeParquet } from "../../support/duckdb";
import { childTable, rootTable, storedSchema } from "../../support/stored-schema";
import { ITEM, KEY } from "./destination-kit";

jest.setTimeout(600_000);
const standin = useStandin({ DBX_MEM: "2g", DBX_WARM: "1" });

const LINE = {
  value: "BIGINT",
  _dlt_root_id: "VARCHAR",
  _dlt_parent_id: "VARCHAR",
  _dlt_list_idx: "BIGINT",
  _dlt_id: "VARCHAR",
};

interface Case {
  name: string;
  table: string;
  hints: Partial<StoredTable>;
  columns?: object;
  /** Rows of two loads: [id, v, row id, flag?] and [value, root id, index]. */
  loads: { items: TestValue[][]; lines: [number, string, number][] }[];
  /** `refresh: drop_data` with the second load. */
  truncate?: boolean;
  scd2?: boolean;
}

const merge = (strategy: string, more: Partial<StoredTable> = {}): Partial<StoredTable> => ({
  write_disposition: "merge",
  "x-merge-strategy": strategy,
  ...more,
});
const FLAG = { gone: { data_type: "bool", hard_delete: true } };
const TWO = [
  {
    items: [
      [1, "a", "r1"],
      [2, "b", "r2"],
    ],
    lines: [
      [10, "r1", 0],
      [20, "r2", 0],
    ],
  },
  {
    items: [
      [1, "A", "r3"],
      [3, "c", "r4"],
    ],
    lines: [
      [100, "r3", 0],
      [30, "r4", 0],
      [31, "r4", 1],
    ],
  },
] as Case["loads"];
/** The same keys with row ids derived from them, as upsert has them. */
const STABLE = [
  {
    items: [
      [1, "a", "k1"],
      [2, "b", "k2"],
    ],
    lines: [
      [10, "k1", 0],
      [11, "k1", 1],
      [20, "k2", 0],
    ],
  },
  {
    items: [
      [1, "A", "k1"],
      [3, "c", "k3"],
    ],
    lines: [
      [12, "k1", 0],
      [30, "k3", 0],
    ],
  },
] as Case["loads"];

const CASES: Case[] = (
  [
    { name: "append", hints: {}, loads: TWO },
    { name: "append after drop_data", hints: {}, loads: TWO, truncate: true },
    { name: "replace", hints: { write_disposition: "replace" }, loads: TWO },
    { name: "delete-insert", hints: merge("delete-insert"), loads: TWO },
    {
      name: "delete-insert with duplicates and hard delete",
      hints: merge("delete-insert"),
      columns: FLAG,
      loads: [
        {
          items: [
            [1, "a", "r1", null],
            [2, "b", "r2", null],
          ],
          lines: [
            [10, "r1", 0],
            [20, "r2", 0],
          ],
        },
        {
          items: [
            [1, "x", "r3", true],
            [3, "first", "r4", null],
            [3, "second", "r5", null],
          ],
          lines: [
            [100, "r3", 0],
            [30, "r4", 0],
            [31, "r5", 0],
          ],
        },
      ],
    },
    {
      name: "delete-insert in a scope that the new rows leave",
      hints: merge("delete-insert", { "x-merge-destination-scope": "id = 2" }),
      loads: TWO,
    },
    { name: "upsert", hints: merge("upsert"), loads: STABLE },
    {
      name: "upsert with new duplicates and flagged rows",
      hints: merge("upsert"),
      columns: FLAG,
      loads: [
        {
          items: [
            [1, "a", "k1", null],
            [2, "b", "k2", null],
          ],
          lines: [
            [10, "k1", 0],
            [20, "k2", 0],
          ],
        },
        {
          items: [
            [1, "x", "k1", true],
            [2, "B", "k2", null],
            [5, "n", "k5", null],
            [5, "n", "k5", null],
            [6, "f", "k6", true],
          ],
          lines: [
            [50, "k5", 0],
            [50, "k5", 0],
            [21, "k2", 0],
          ],
        },
      ],
    },
    { name: "insert-only", hints: merge("insert-only"), loads: STABLE },
    { name: "cdc", hints: merge("cdc"), loads: STABLE },
    { name: "scd2", hints: merge("scd2"), loads: TWO, scd2: true },
  ] as Omit<Case, "table">[]
).map((one, i) => ({ ...one, table: `t${i}` }));

describe("a load cut after each of its statements", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tidemark-cuts-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(CASES.map(one => [one.name, one] as const))("%s", async (_name, one) => {
    const dataset = freshDataset();
    const files = [await packageFiles(folder, one, 0), await packageFiles(folder, one, 1)];
    await load(planOf(dataset, 0, "1", files[0] as PackageFile[], [one]));
    const versions = await versionsOf(dataset, one);
    const uncut = planOf(dataset, 1, "20", files[1] as PackageFile[], [one]);
    await step(session => session.stage!(uncut));
    const count = await counted(Number.POSITIVE_INFINITY, s => s.loadChains(uncut, [one.table]));
    const expected = await rowsOf(dataset, one);
    expect(count).toBeGreaterThan(1);
    for (let cut = 1; cut <= count; cut++) {
      await restore(dataset, one, versions);
      // another load id: COPY INTO remembers files also of a table that was set back
      const plan = planOf(dataset, 1, `2${cut}`, files[1] as PackageFile[], [one]);
      await step(session => session.stage!(plan));
      await expect(counted(cut, s => s.loadChains(plan, [one.table]))).rejects.toThrow("cut by the test");
      await step(session => session.loadChains(plan, [one.table]));
      expect({ cut, rows: await rowsOf(dataset, one) }).toEqual({ cut, rows: expected });
    }
  });

  it("migrates and closes once", async () => {
    const files = await packageFiles(folder, CASES[0]!, 0);
    const wanted = freshDataset();
    const count = await counted(Number.POSITIVE_INFINITY, session =>
      whole(session, planOf(wanted, 0, "1", files, CASES.slice(0, 1))),
    );
    const expected = await bookkeeping(wanted);
    for (let cut = 1; cut <= count; cut++) {
      const dataset = freshDataset();
      const plan = planOf(dataset, 0, "1", files, CASES.slice(0, 1));
      await expect(counted(cut, session => whole(session, plan))).rejects.toThrow("cut by the test");
      await load(plan);
      expect({ cut, ...(await bookkeeping(dataset)) }).toEqual({ cut, ...expected });
    }
  });

  type Session = Awaited<ReturnType<Destination["open"]>>;

  async function whole(session: Session, plan: LoadPlan): Promise<void> {
    await session.migrate(plan);
    await session.stage?.(plan);
    await session.loadChains(plan, plan.roots);
    await session.completeLoad(plan);
  }
  const load = (plan: LoadPlan): Promise<void> => step(session => whole(session, plan));

  /** @returns how many statements were sent; the one after `cut` is never sent */
  async function counted(cut: number, work: (session: Session) => Promise<unknown>): Promise<number> {
    let sent = 0;
    const run = Warehouse.prototype.run;
    const spy = jest.spyOn(Warehouse.prototype, "run").mockImplementation(async function (
      this: Warehouse,
      sql,
      doing,
    ) {
      if (sent >= cut) throw new Error("cut by the test");
      sent += 1;
      const mine = sent;
      const rows = await run.call(this, sql, doing);
      if (mine === cut) throw new Error("cut by the test");
      return rows;
    });
    try {
      await step(work);
      return sent;
    } finally {
      spy.mockRestore();
    }
  }

  async function step<T>(work: (session: Session) => Promise<T>): Promise<T> {
    // one statement a request, so that each is a place to cut at
    const destination = destinationOn(standin(), { sql_scripting: false, keep_staged_files: true });
    const session = await destination.open({
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
    try {
      return await work(session);
    } finally {
      await session[Symbol.asyncDispose]();
    }
  }

  const read = (dataset: string, table: string, columns: string): Promise<unknown[][]> =>
    step(async session =>
      (
        await session.query(`SELECT ${columns} FROM \`main\`.\`${dataset}\`.\`${table}\` ORDER BY ${columns}`)
      ).map(row => Object.values(row)),
    );

  async function rowsOf(dataset: string, one: Case): Promise<unknown> {
    const columns = one.scd2 ? "id, v, _dlt_id, valid_from, valid_to" : "id, v, _dlt_id";
    return {
      root: await read(dataset, one.table, columns),
      nested: await read(dataset, `${one.table}__lines`, "value, _dlt_parent_id, _dlt_id"),
    };
  }

  async function bookkeeping(dataset: string): Promise<{ [table: string]: unknown }> {
    return {
      root: await read(dataset, CASES[0]!.table, "id, v, _dlt_id"),
      loads: await read(dataset, "_dlt_loads", "load_id, status"),
      state: await read(dataset, "_dlt_pipeline_state", "version, _dlt_load_id"),
      versions: await read(dataset, "_dlt_version", "version_hash"),
    };
  }

  /** Newest version of each table. */
  async function versionsOf(dataset: string, one: Case): Promise<Map<string, number>> {
    return step(async session => {
      const versions = new Map<string, number>();
      for (const table of [one.table, `${one.table}__lines`]) {
        const rows = await session.query(`DESCRIBE HISTORY \`main\`.\`${dataset}\`.\`${table}\` LIMIT 1`);
        versions.set(table, Number(rows[0]?.version));
      }
      return versions;
    });
  }

  async function restore(dataset: string, one: Case, versions: Map<string, number>): Promise<void> {
    await step(async session => {
      for (const table of [one.table, `${one.table}__lines`]) {
        const version = versions.get(table);
        await session.query(`RESTORE TABLE \`main\`.\`${dataset}\`.\`${table}\` TO VERSION AS OF ${version}`);
      }
    });
  }
});

async function packageFiles(folder: string, one: Case, load: number): Promise<PackageFile[]> {
  const { items, lines } = one.loads[load] as Case["loads"][number];
  const flagged = one.columns !== undefined;
  const root = await writeParquet(
    join(folder, `${load}-${one.table}.parquet`),
    one.table,
    flagged ? { ...ITEM, gone: "BOOLEAN" } : ITEM,
    items.map(
      ([id, v, rowId, gone]) => [id, v, `L${load}`, rowId, ...(flagged ? [gone] : [])] as TestValue[],
    ),
  );
  const { _dlt_root_id, ...withoutRoot } = LINE;
  const nested = await writeParquet(
    join(folder, `${load}-${one.table}__lines.parquet`),
    `${one.table}__lines`,
    one.scd2 ? withoutRoot : LINE,
    lines.map(([value, parent, i]) => [value, ...(one.scd2 ? [] : [parent]), parent, i, `${parent}-${i}`]),
  );
  return [root, nested];
}

function planOf(
  dataset: string,
  load: number,
  id: string,
  files: PackageFile[],
  cases: readonly Case[],
): LoadPlan {
  return {
    load_id: `17000000${id.padStart(2, "0")}.25`,
    dataset,
    staging_dataset: `${dataset}_staging`,
    schema: storedSchema(cases.flatMap(tablesOf)),
    files,
    roots: cases.map(one => one.table),
    created_at: `2026-01-0${load + 1}T00:00:00.000000Z`,
    state: {
      version: load + 1,
      engine_version: 4,
      pipeline_name: "p",
      blob: `state ${load}`,
      created_at: "2026-01-01T00:00:00.123456+00:00",
      version_hash: `state-${load}`,
      dlt_id: `state-${load}`,
    },
    refresh: {
      drop: [],
      truncate:
        load === 0
          ? []
          : cases.filter(one => one.truncate).flatMap(one => [one.table, `${one.table}__lines`]),
    },
  };
}

function tablesOf(one: Case): StoredTable[] {
  const validity = one.scd2
    ? {
        valid_from: { data_type: "timestamp", "x-valid-from": true },
        valid_to: { data_type: "timestamp", "x-valid-to": true, "x-active-record-timestamp": null },
      }
    : {};
  const id = one.scd2 ? { data_type: "bigint" } : KEY;
  const columns = { ...validity, id, v: "text", ...one.columns } as Parameters<typeof rootTable>[1];
  const root = rootTable(one.table, columns, one.hints);
  if (one.scd2) {
    root.columns._dlt_id = {
      name: "_dlt_id",
      data_type: "text",
      nullable: false,
      "x-row-version": true,
      unique: false,
      row_key: false,
    };
  }
  return [root, childTable(`${one.table}__lines`, one.table, { value: "bigint" }, !one.scd2)];
}
