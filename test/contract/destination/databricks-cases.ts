/** Loads of every strategy in two steps, which several files of the Databricks lane put through their tests. */
import { join } from "node:path";
import type { LoadPlan, PackageFile } from "../../../src/destinations/destination";
import type { StoredTable } from "../../../src/schema/types";
import { CATALOG, inSession } from "../../support/databricks/use-standin";
import { type TestValue, writeParquet } from "../../support/duckdb";
import { childTable, rootTable, storedSchema } from "../../support/stored-schema";
import { KEY } from "./destination-kit";

/** Columns are called as one calls tables in SQL, and as the catalog: none may be taken for the other. */
const ROW = { id: "BIGINT", s: "VARCHAR", main: "VARCHAR", _dlt_load_id: "VARCHAR", _dlt_id: "VARCHAR" };
const LINE = {
  d: "BIGINT",
  _dlt_root_id: "VARCHAR",
  _dlt_parent_id: "VARCHAR",
  _dlt_list_idx: "BIGINT",
  _dlt_id: "VARCHAR",
};

export interface Case {
  name: string;
  table: string;
  hints: Partial<StoredTable>;
  columns?: object;
  /** Rows may lack the key. */
  nullable?: boolean;
  /** Rows of two loads: [id, s, row id, flag?] and [d, root id, index]. */
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

const KEYLESS = [
  {
    items: [
      [1, "a", "k1"],
      [null, "n", "k0"],
    ],
    lines: [
      [10, "k1", 0],
      [90, "k0", 0],
    ],
  },
  {
    items: [
      [1, "A", "k1"],
      [null, "N", "k9"],
      [null, "M", "k8"],
    ],
    lines: [
      [12, "k1", 0],
      [91, "k9", 0],
    ],
  },
] as Case["loads"];

export const CASES: Case[] = (
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
    { name: "delete-insert after drop_data", hints: merge("delete-insert"), loads: TWO, truncate: true },
    ...["delete-insert", "upsert"].map(strategy => ({
      name: `${strategy} with rows without a key`,
      hints: merge(strategy),
      nullable: true,
      loads: KEYLESS,
    })),
    { name: "cdc", hints: merge("cdc"), loads: STABLE },
    { name: "scd2", hints: merge("scd2"), loads: TWO, scd2: true },
  ] as Omit<Case, "table">[]
).map((one, i) => ({ ...one, table: `t${i}` }));

const ONE_OF_EACH = [
  "append",
  "replace",
  "delete-insert with duplicates and hard delete",
  "upsert with new duplicates and flagged rows",
  "insert-only",
  "cdc",
  "scd2",
];
/** One case of every strategy, the one with the most in it. */
export const STRATEGIES = CASES.filter(({ name }) => ONE_OF_EACH.includes(name));

export async function packageFiles(folder: string, one: Case, load: number): Promise<PackageFile[]> {
  const { items, lines } = one.loads[load] as Case["loads"][number];
  const flagged = one.columns !== undefined;
  const root = await writeParquet(
    join(folder, `${load}-${one.table}.parquet`),
    one.table,
    flagged ? { ...ROW, gone: "BOOLEAN" } : ROW,
    items.map(
      ([id, s, rowId, gone]) => [id, s, "m", `L${load}`, rowId, ...(flagged ? [gone] : [])] as TestValue[],
    ),
  );
  const { _dlt_root_id, ...withoutRoot } = LINE;
  const nested = await writeParquet(
    join(folder, `${load}-${one.table}__lines.parquet`),
    `${one.table}__lines`,
    one.scd2 ? withoutRoot : LINE,
    lines.map(([d, parent, i]) => [d, ...(one.scd2 ? [] : [parent]), parent, i, `${parent}-${i}`]),
  );
  return [root, nested];
}

export function planOf(
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
  const id = one.scd2 ? { data_type: "bigint" } : { ...KEY, nullable: one.nullable === true };
  const columns = { ...validity, id, s: "text", main: "text", ...one.columns } as Parameters<
    typeof rootTable
  >[1];
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
  return [root, childTable(`${one.table}__lines`, one.table, { d: "bigint" }, !one.scd2)];
}

/** Rows of several tables as one sorted list, in one statement. */
export async function readTables(dataset: string, tables: { [table: string]: string }): Promise<string[]> {
  const selects = Object.entries(tables).map(
    ([table, columns]) =>
      `SELECT '${table}' AS t, to_json(struct(${columns}), map('ignoreNullFields', 'false')) AS r FROM \`${CATALOG}\`.\`${dataset}\`.\`${table}\``,
  );
  const rows = await inSession(session => session.query(selects.join(" UNION ALL ")));
  return rows.map(({ t, r }) => `${t} ${r}`).sort();
}

export const rowsOfCase = (dataset: string, one: Case): Promise<string[]> =>
  readTables(dataset, {
    [one.table]: one.scd2 ? "id, s, _dlt_id, valid_from, valid_to" : "id, s, _dlt_id",
    [`${one.table}__lines`]: "d, _dlt_parent_id, _dlt_id",
  });
