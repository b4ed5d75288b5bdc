/**
 * Every load is cut after every single statement of every strategy, then repeated as a later run would do it. Whatever
 * was cut, the rows must be those of an uncut load. One statement a request, so that each is a place to cut at.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Warehouse } from "../../../src/destinations/databricks/client";
import type { LoadPlan, PackageFile } from "../../../src/destinations/destination";
import type { StoredSchema, StoredTable } from "../../../src/schema/types";
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
  hints: Partial<StoredTable>;
  columns?: object;
  /** Rows of two loads: [id, v, row id, flag?] and [value, root id, index]. */
  loads: { items: TestValue[][]; lines: [number, string, number][]; more?: Partial<LoadPlan> }[];
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

const CASES: Case[] = [
  { name: "append", hints: {}, loads: TWO },
  {
    name: "append after drop_data",
    hints: {},
    loads: [TWO[0]!, { ...TWO[1]!, more: { refresh: { drop: [], truncate: ["items", "items__lines"] } } }],
  },
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
];

describe("a load cut after each of its statements", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tidemark-cuts-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(CASES.map(c => [c.name, c] as const))("%s", async (_name, one) => {
    const files = await Promise.all(one.loads.map((_, i) => packageFiles(folder, one, i)));
    const wanted = freshDataset();
    const statements: number[] = [];
    for (const [i, list] of files.entries()) statements.push(await load(planOf(one, wanted, i, list)));
    const expected = await rowsOf(wanted, one);

    const last = files.length - 1;
    const count = statements[last] as number;
    expect(count).toBeGreaterThan(2);
    for (let cut = 1; cut <= count; cut++) {
      const dataset = freshDataset();
      for (let i = 0; i < last; i++) await load(planOf(one, dataset, i, files[i] as PackageFile[]));
      const plan = planOf(one, dataset, last, files[last] as PackageFile[]);
      await expect(load(plan, cut)).rejects.toThrow("cut by the test");
      await load(plan);
      expect({ cut, ...(await rowsOf(dataset, one)) }).toEqual({ cut, ...expected });
    }
  });

  /** @returns how many statements were sent */
  async function load(plan: LoadPlan, cutAfter = Number.POSITIVE_INFINITY): Promise<number> {
    let sent = 0;
    const run = Warehouse.prototype.run;
    const spy = jest.spyOn(Warehouse.prototype, "run").mockImplementation(async function (
      this: Warehouse,
      sql,
      doing,
    ) {
      if (sent >= cutAfter) throw new Error("cut by the test");
      sent += 1;
      const rows = await run.call(this, sql, doing);
      if (sent >= cutAfter) throw new Error("cut by the test");
      return rows;
    });
    try {
      await withSession(async session => {
        await session.migrate(plan);
        await session.stage?.(plan);
        await session.loadChains(plan, plan.roots);
        await session.completeLoad(plan);
      });
      return sent;
    } finally {
      spy.mockRestore();
    }
  }

  async function withSession<T>(
    work: (session: Awaited<ReturnType<ReturnType<typeof destinationOn>["open"]>>) => Promise<T>,
  ): Promise<T> {
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

  async function rowsOf(dataset: string, one: Case): Promise<{ [table: string]: unknown[] }> {
    return withSession(async session => {
      const read = async (columns: string, table: string): Promise<unknown[]> =>
        (
          await session.query(
            `SELECT ${columns} FROM \`main\`.\`${dataset}\`.\`${table}\` ORDER BY ${columns}`,
          )
        ).map(row => Object.values(row));
      return {
        items: await read(one.scd2 ? "id, v, _dlt_id, valid_from, valid_to" : "id, v, _dlt_id", "items"),
        lines: await read("value, _dlt_parent_id, _dlt_id", "items__lines"),
        loads: await read("load_id, status", "_dlt_loads"),
        state: await read("version, _dlt_load_id", "_dlt_pipeline_state"),
        versions: await read("version_hash", "_dlt_version"),
      };
    });
  }
});

async function packageFiles(folder: string, one: Case, load: number): Promise<PackageFile[]> {
  const { items, lines } = one.loads[load] as Case["loads"][number];
  const flagged = one.columns !== undefined;
  const path = (table: string): string =>
    join(folder, `${one.name.replaceAll(" ", "-")}-${load}-${table}.parquet`);
  const root = await writeParquet(
    path("items"),
    "items",
    flagged ? { ...ITEM, gone: "BOOLEAN" } : ITEM,
    items.map(
      ([id, v, rowId, gone]) => [id, v, `L${load}`, rowId, ...(flagged ? [gone] : [])] as TestValue[],
    ),
  );
  const { _dlt_root_id, ...withoutRoot } = LINE;
  const nested = await writeParquet(
    path("lines"),
    "items__lines",
    one.scd2 ? withoutRoot : LINE,
    lines.map(([value, parent, i]) => [value, ...(one.scd2 ? [] : [parent]), parent, i, `${parent}-${i}`]),
  );
  return [root, nested];
}

function planOf(one: Case, dataset: string, load: number, files: PackageFile[]): LoadPlan {
  const load_id = `170000000${load + 1}.25`;
  return {
    load_id,
    dataset,
    staging_dataset: `${dataset}_staging`,
    schema: schemaOf(one),
    files,
    roots: ["items"],
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
    ...one.loads[load]?.more,
  };
}

function schemaOf(one: Case): StoredSchema {
  const validity = one.scd2
    ? {
        valid_from: { data_type: "timestamp", "x-valid-from": true },
        valid_to: { data_type: "timestamp", "x-valid-to": true, "x-active-record-timestamp": null },
      }
    : {};
  const id = one.scd2 ? { data_type: "bigint" } : KEY;
  const root = rootTable(
    "items",
    { ...validity, id, v: "text", ...one.columns } as Parameters<typeof rootTable>[1],
    one.hints,
  );
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
  return storedSchema([root, childTable("items__lines", "items", { value: "bigint" }, !one.scd2)]);
}
