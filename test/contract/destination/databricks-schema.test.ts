/** Keys, comments, tags, clustering and evolution as Unity Catalog shows them; tables that somebody changed by hand. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LoadPlan, PackageFile } from "../../../src/destinations/destination";
import type { StoredTable } from "../../../src/schema/types";
import { statementsOf } from "../../support/databricks/standin";
import {
  CATALOG,
  freshDataset,
  inSession,
  onRealWarehouse,
  useStandin,
} from "../../support/databricks/use-standin";
import { writeParquet } from "../../support/duckdb";
import { rootTable, storedSchema } from "../../support/stored-schema";
import { ITEM, KEY } from "./destination-kit";

const standin = useStandin();

let folder: string;
let dataset: string;
let files = 0;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemark-schema-"));
  dataset = freshDataset();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function planOf(tables: StoredTable[], load = 1, list: PackageFile[] = []): LoadPlan {
  return {
    load_id: `170000000${load}.25`,
    dataset,
    staging_dataset: `${dataset}_staging`,
    schema: storedSchema(tables, `hash-${load}`),
    files: list,
    roots: tables.map(table => table.name),
    created_at: "2026-01-01T00:00:00.000000Z",
  };
}

/** Every table gets rows, or it would not be made. */
function migrationOf(tables: StoredTable[], load = 1): LoadPlan {
  const columns = ["id"];
  return planOf(
    tables,
    load,
    tables.map(({ name }) => ({ table: name, path: "none", rows: 1, bytes: 1, columns })),
  );
}

const items = (id: number): Promise<PackageFile> => {
  files += 1;
  return writeParquet(join(folder, `${files}.parquet`), "items", ITEM, [[id, "v", "L", `r${id}`]]);
};

async function load(plan: LoadPlan, options: Parameters<typeof inSession>[1] = {}): Promise<void> {
  await inSession(async s => {
    await s.migrate(plan);
    await s.stage!(plan);
    await s.loadChains([plan], plan.roots);
    await s.completeLoad(plan);
  }, options);
}

const flat = (hints: Partial<StoredTable> = {}, more = {}): StoredTable =>
  rootTable("items", { id: KEY, v: "text", ...more }, hints);

describe("schema on Databricks", () => {
  it("makes keys, comments, tags, clustering and properties, and keys once", async () => {
    const customers = rootTable("customers", { id: KEY });
    const orders = rootTable(
      "orders",
      {
        id: { ...KEY, description: "it's \\ the id" },
        customer: { data_type: "bigint", "x-databricks-column-tags": ["pii"] },
        at: { data_type: "timestamp", cluster: true },
      },
      {
        description: "Orders",
        references: [{ referenced_table: "customers", columns: ["customer"], referenced_columns: ["id"] }],
        "x-databricks-table-tags": [{ team: "sales" }],
        "x-databricks-table-properties": { "delta.enableChangeDataFeed": true },
      },
    );
    const wider = structuredClone(orders);
    wider.columns.note = { name: "note", data_type: "text", nullable: true };
    const view = (name: string, columns: string, order = columns): Promise<unknown[][]> =>
      inSession(async s =>
        (
          await s.query(
            `SELECT ${columns} FROM \`${CATALOG}\`.\`information_schema\`.\`${name}\` WHERE \`table_schema\` = '${dataset}' ORDER BY ${order}`,
          )
        ).map(row => Object.values(row)),
      );
    await inSession(s => s.migrate(migrationOf([customers, orders])), { create_indexes: true });
    await inSession(s => s.migrate(migrationOf([customers, wider], 2)), { create_indexes: true });
    expect(await view("table_constraints", "table_name, constraint_type")).toEqual([
      ["customers", "PRIMARY KEY"],
      ["orders", "FOREIGN KEY"],
      ["orders", "PRIMARY KEY"],
    ]);
    const comments = await inSession(s =>
      s.query(
        `SELECT column_name, comment FROM ${CATALOG}.information_schema.columns WHERE table_schema = '${dataset}' AND table_name = 'orders' AND comment IS NOT NULL`,
      ),
    );
    expect(comments).toEqual([{ column_name: "id", comment: "it's \\ the id" }]);
    const [detail] = await inSession(s => s.query(`DESCRIBE DETAIL ${CATALOG}.\`${dataset}\`.orders`));
    expect(detail).toMatchObject({ clusteringColumns: ["at"] });
    const tags = await inSession(s =>
      s.query(
        `SELECT tag_name, tag_value FROM ${CATALOG}.information_schema.table_tags WHERE schema_name = '${dataset}'`,
      ),
    );
    expect(tags).toEqual([{ tag_name: "team", tag_value: "sales" }]);
  });

  (onRealWarehouse ? it.skip : it)(
    "asks for managed Iceberg, and says it where the server has none",
    async () => {
      await standin().mark();
      await expect(
        inSession(s => s.migrate(migrationOf([flat({ table_format: "iceberg" })]))),
      ).rejects.toMatchObject({
        code: "DESTINATION_UNSUPPORTED",
        message: expect.stringMatching(/Iceberg.*table_format/),
      });
      expect(statementsOf(await standin().log()).join("\n")).toMatch(
        /CREATE TABLE IF NOT EXISTS .*`items`[^;]*\) USING ICEBERG/s,
      );
    },
  );

  it("keeps json as VARIANT, also where unchanged rows are passed over", async () => {
    const table = flat(
      { write_disposition: "merge", "x-merge-strategy": "upsert", "x-merge-skip-unchanged-rows": true },
      { doc: "json" },
    );
    const docs = async (n: number, rows: [number, string][]): Promise<LoadPlan> => {
      const path = join(folder, `doc-${n}.parquet`);
      const columns = { ...ITEM, doc: "VARCHAR" };
      const values = rows.map(([id, doc]) => [id, "v", `L${n}`, `k${id}`, doc]);
      return planOf([table], n, [await writeParquet(path, "items", columns, values)]);
    };
    const variant = { json_type: "variant" } as const;
    await load(
      await docs(1, [
        [1, '{"a":1}'],
        [2, "[1]"],
      ]),
      variant,
    );
    await load(
      await docs(2, [
        [1, '{"a": 1}'],
        [2, "[2]"],
        [3, "null"],
      ]),
      variant,
    );
    const rows = await inSession(s =>
      s.query(
        `SELECT id, to_json(doc) AS doc, _dlt_load_id FROM ${CATALOG}.\`${dataset}\`.items ORDER BY id`,
      ),
    );
    expect(rows.map(row => Object.values(row))).toEqual([
      [1, '{"a":1}', "L1"],
      [2, "[2]", "L2"],
      [3, "null", "L2"],
    ]);
  });

  it("gives a staging dataset that an administrator made what dlt's refresh looks for there", async () => {
    await inSession(async s => {
      for (const name of [dataset, `${dataset}_staging`])
        await s.query(`CREATE SCHEMA ${CATALOG}.\`${name}\``);
    });
    await inSession(s => s.migrate(migrationOf([flat()])));
    const tables = await inSession(s =>
      s.query(
        `SELECT table_name FROM ${CATALOG}.information_schema.tables WHERE table_schema = '${dataset}_staging'`,
      ),
    );
    expect(tables).toEqual([{ table_name: "_dlt_version" }]);
  });

  it("lets two pipelines add to one dataset at the same time", async () => {
    await load(planOf([flat()], 1, [await items(1)]));
    const plans = [2, 3].map(n => {
      const plan = migrationOf([flat({}, { [`c${n}`]: "text", shared: "text" })], n);
      return { ...plan, schema: { ...plan.schema, version_hash: `hash-${n}` } };
    });
    await Promise.all(plans.map(plan => inSession(s => s.migrate(plan))));
    const columns = await inSession(s =>
      s.query(
        `SELECT column_name FROM ${CATALOG}.information_schema.columns WHERE table_schema = '${dataset}' AND table_name = 'items' ORDER BY 1`,
      ),
    );
    expect(columns.map(row => row.column_name)).toEqual([
      "_dlt_id",
      "_dlt_load_id",
      "c2",
      "c3",
      "id",
      "shared",
      "v",
    ]);
  });

  it("looks again where the dataset came while it was thought missing", async () => {
    await load(planOf([flat()], 1, [await items(1)]));
    const wider = { ...migrationOf([flat({}, { note: "text" })], 2), dataset_missing: true };
    const info = await inSession(s => s.migrate(wider));
    expect(info).toEqual({ created: [], added: ["items.note"], version_written: true });
    const versions = await inSession(s =>
      s.query(`SELECT version_hash FROM ${CATALOG}.\`${dataset}\`._dlt_version ORDER BY 1`),
    );
    expect(versions.map(row => row.version_hash)).toEqual(["hash-1", "hash-2"]);
  });

  (onRealWarehouse ? it.skip : it)("sends nothing where the version was known from the start", async () => {
    await standin().mark();
    const known = { ...migrationOf([flat()]), version_known: true };
    expect(await inSession(s => s.migrate(known))).toMatchObject({ version_written: false });
    expect(statementsOf(await standin().log())).toEqual([]);
  });

  it.each([
    ["a column that was dropped", "DROP COLUMN v", /DESTINATION_REFUSED/],
    [
      "a constraint that was added",
      "ADD CONSTRAINT positive CHECK (id < 2)",
      /DESTINATION_REFUSED.*CHECK constraint/,
    ],
  ])("says what is wrong with %s", async (_what, change, tells) => {
    const first = planOf([flat({}, {})], 1, [await items(1)]);
    await load(first);
    await inSession(async s => {
      const table = `\`${CATALOG}\`.\`${dataset}\`.\`items\``;
      if (change.startsWith("DROP")) {
        await s.query(`ALTER TABLE ${table} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')`);
      }
      await s.query(`ALTER TABLE ${table} ${change}`);
    });
    const second = { ...planOf([flat()], 2, [await items(7)]), schema: first.schema };
    const error = await load(second).then(
      () => undefined,
      (e: Error & { code: string }) => e,
    );
    expect(`${error?.code} ${error?.message}`).toMatch(tells);
    const loads = await inSession(s => s.query(`SELECT load_id FROM ${CATALOG}.\`${dataset}\`._dlt_loads`));
    expect(loads).toHaveLength(1);
  });
});
