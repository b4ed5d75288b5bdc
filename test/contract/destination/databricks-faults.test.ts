/**
 * What can go wrong between a load and its warehouse: a clear, coded error or a successful retry; nothing counted in
 * part, the cursor where it was.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openWarehouse } from "../../../src/destinations/databricks/client";
import { httpsRequest } from "../../../src/destinations/databricks/https-request";
import type { LoadPlan, PackageFile } from "../../../src/destinations/destination";
import type { TidemarkError } from "../../../src/pipeline/errors";
import type { StoredTable } from "../../../src/schema/types";
import { statementsOf } from "../../support/databricks/standin";
import {
  describeOnStandin,
  freshDataset,
  inSession,
  useStandin,
  warehouse,
  warehouseSpec,
} from "../../support/databricks/use-standin";
import { writeParquet } from "../../support/duckdb";
import { Engine, pagesOf, sourceOf } from "../../support/engine";
import { rootTable, storedSchema } from "../../support/stored-schema";
import { type Case, planOf as casePlan, packageFiles, STRATEGIES } from "./databricks-cases";
import { ITEM, KEY } from "./destination-kit";

const standin = useStandin();

let folder: string;
let written = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemark-faults-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const MERGED: Partial<StoredTable> = { write_disposition: "merge" };

/** Load `n` brings the rows n and n + 1, and state n. */
async function planOf(dataset: string, n: number, hints: Partial<StoredTable> = MERGED): Promise<LoadPlan> {
  written += 1;
  const rows = [n, n + 1].map(id => [id, `v${n}`, `L${n}`, `r${n}-${id}`]);
  const file: PackageFile = await writeParquet(join(folder, `${written}.parquet`), "items", ITEM, rows);
  return {
    load_id: `170000000${n}.25`,
    pipeline_name: "p",
    dataset,
    staging_dataset: `${dataset}_staging`,
    schema: storedSchema([rootTable("items", { id: KEY, v: "text" }, hints)]),
    files: [file],
    roots: ["items"],
    created_at: "2026-01-01T00:00:00.000000Z",
    state: {
      version: n,
      engine_version: 4,
      pipeline_name: "p",
      blob: `state ${n}`,
      created_at: "2026-01-01T00:00:00.123456+00:00",
      version_hash: `state-${n}`,
      dlt_id: `state-${n}`,
    },
  };
}

const load = (plan: LoadPlan): Promise<void> =>
  inSession(async session => {
    await session.migrate(plan);
    await session.stage!(plan);
    await session.loadChains([plan], plan.roots);
    await session.completeLoad(plan);
  });

/** The error of a load, as `code message`. */
async function failure(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (e: TidemarkError) => e,
  );
  return `${error?.code} ${error?.message}`;
}

const rows = (dataset: string): Promise<string[]> =>
  inSession(async session =>
    (await session.query(`SELECT id, v FROM main.\`${dataset}\`.items ORDER BY id, v`)).map(
      row => `${row.id} ${row.v}`,
    ),
  );

/** What the next run would take for the truth. */
const cursor = (dataset: string): Promise<(string | null | undefined)[]> =>
  inSession(async session => {
    const found = await session.restore({ dataset, pipeline_name: "p", schema_names: [] });
    return [found.max_load_id, found.state?.blob];
  });

describeOnStandin("a missing grant", () => {
  it.each([
    ["CREATE SCHEMA", /CREATE SCHEMA on Catalog 'main'/],
    ["CREATE VOLUME", /CREATE VOLUME on Schema 'main\.raw_\w+'/],
    ["CREATE TABLE", /CREATE TABLE on Schema/],
  ])("of %s is named, and the run after it was granted goes on", async (kind, tells) => {
    const dataset = freshDataset();
    const plan = await planOf(dataset, 1);
    await standin().control({ deny: [{ kind, schema: `${dataset}*` }] });
    const told = await failure(inSession(session => session.migrate(plan)));
    expect(told).toMatch(/^DESTINATION_DENIED/);
    expect(told).toMatch(tells);
    await standin().control({ deny: [] });
    await inSession(session => session.migrate(plan));
  });

  it.each(["warehouse", "spark"] as const)(
    "of CREATE SCHEMA is none where an administrator made both schemas (load_mode %s)",
    async load_mode => {
      const dataset = freshDataset();
      const [one] = STRATEGIES.filter(({ name }) => name.startsWith("upsert")) as [Case];
      await inSession(async session => {
        for (const name of [dataset, `${dataset}_staging`]) await session.query(`CREATE SCHEMA main.${name}`);
      });
      await standin().control({ deny: [{ kind: "CREATE SCHEMA" }] });
      for (const n of [0, 1]) {
        const plan = casePlan(dataset, n, String(n + 1), await packageFiles(folder, one, n), [one]);
        await inSession(
          async session => {
            await session.migrate(plan);
            await session.stage!(plan);
            await session.loadChains([plan], plan.roots);
            await session.completeLoad(plan);
          },
          { load_mode },
        );
      }
      expect((await cursor(dataset))[1]).toBe("state 1");
    },
  );

  it("on catalog, schema, table or Volume stops a load as it was, and a later attempt finishes it", async () => {
    const dataset = freshDataset();
    await load(await planOf(dataset, 1));
    const before = await cursor(dataset);
    const second = await planOf(dataset, 2);
    const kinds: [string, RegExp][] = [
      ["USE CATALOG", /USE CATALOG on Catalog 'main'/],
      ["USE SCHEMA", /USE SCHEMA on Schema 'main\./],
      ["SELECT", /SELECT on Schema/],
      ["FILES API", /(?:READ|WRITE) VOLUME on Volume 'main\..*_dlt_staging_load_volume'/],
      ["VOLUME", /READ VOLUME on Volume/],
      ["MERGE", /MODIFY on Schema/],
      ["INSERT", /MODIFY on Schema/],
    ];
    for (const [kind, tells] of kinds) {
      await standin().control({ deny: [{ kind, schema: dataset }] });
      const told = await failure(load(second));
      await standin().control({ deny: [] });
      expect({ kind, told }).toEqual({ kind, told: expect.stringMatching(/^DESTINATION_DENIED/) });
      expect({ kind, told }).toEqual({ kind, told: expect.stringMatching(tells) });
      expect({ kind, cursor: await cursor(dataset) }).toEqual({ kind, cursor: before });
    }
    await load(second);
    expect(await rows(dataset)).toEqual(["1 v1", "2 v2", "3 v2"]);
    expect(await cursor(dataset)).toEqual([second.load_id, "state 2"]);
  });
});

describeOnStandin("a warehouse that stops in the middle", () => {
  it.each([
    ["append", { write_disposition: "append" }, "COPY INTO", ["1 v1", "2 v1", "2 v2", "3 v2"]],
    ["merge", MERGED, "MERGE INTO", ["1 v1", "2 v2", "3 v2"]],
    ["replace", { write_disposition: "replace" }, "INSERT OVERWRITE", ["2 v2", "3 v2"]],
  ] as [string, Partial<StoredTable>, string, string[]][])(
    "loses or doubles nothing when the connection is cut before or after a statement of %s",
    async (_name, hints, statement, expected) => {
      const dataset = freshDataset();
      await load(await planOf(dataset, 1, hints));
      await standin().mark();
      await standin().control({
        drop: [
          { match: statement, when: "before" },
          { match: statement, when: "after" },
          { match: "_dlt_loads` (", when: "after" },
        ],
      });
      await load(await planOf(dataset, 2, hints));
      const sent = statementsOf(await standin().log()).filter(sql => sql.startsWith(statement));
      // cut before it ran, run without an answer, repeated
      expect(sent).toHaveLength(2);
      expect(await rows(dataset)).toEqual(expected);
      expect((await cursor(dataset))[1]).toBe("state 2");
    },
  );

  it("goes on when the warehouse is back", async () => {
    const dataset = freshDataset();
    await load(await planOf(dataset, 1));
    const second = await planOf(dataset, 2);
    await inSession(async session => {
      await session.migrate(second);
      await session.stage!(second);
      await standin().control({ paused: true });
      const loading = session.loadChains([second], ["items"]);
      await sleep(500);
      await standin().control({ listening: false });
      await standin().control({ paused: false });
      await sleep(1_500);
      await standin().control({ listening: true, unavailable: true });
      await sleep(1_000);
      await standin().control({ unavailable: false });
      expect(await loading).toMatchObject([{ table: "items", rows: 2 }]);
      await session.completeLoad(second);
    });
    expect(await rows(dataset)).toEqual(["1 v1", "2 v2", "3 v2"]);
  });

  it("gives up in the end, and the next attempt takes it up", async () => {
    const dataset = freshDataset();
    await load(await planOf(dataset, 1));
    const before = await cursor(dataset);
    const second = await planOf(dataset, 2);
    await standin().control({ drop: [{ match: "MERGE INTO", when: "after", times: 99 }] });
    expect(await failure(load(second))).toMatch(/^DESTINATION_UNAVAILABLE .*no connection/);
    await standin().control({ drop: [] });
    expect(await cursor(dataset)).toEqual(before);
    await load(second);
    expect(await rows(dataset)).toEqual(["1 v1", "2 v2", "3 v2"]);
  });
});

describeOnStandin("a staged file that is truncated", () => {
  it("on its way is sent again, a few times", async () => {
    const dataset = freshDataset();
    await standin().control({ short_uploads: [{ match: dataset, bytes: 40 }] });
    await load(await planOf(dataset, 1));
    expect(await rows(dataset)).toEqual(["1 v1", "2 v1"]);
    const before = await cursor(dataset);
    const second = await planOf(dataset, 2);
    await standin().control({ short_uploads: [{ match: dataset, bytes: 40, times: 99 }] });
    expect(await failure(load(second))).toMatch(/^DESTINATION_UNAVAILABLE .*did not arrive whole/);
    expect(await cursor(dataset)).toEqual(before);
    await standin().control({ short_uploads: [] });
    await load(second);
    expect(await rows(dataset)).toEqual(["1 v1", "2 v2", "3 v2"]);
  });

  it.each([
    ["append", { write_disposition: "append" }],
    ["merge", MERGED],
  ] as [string, Partial<StoredTable>][])("after it was checked is staged again: %s", async (_name, hints) => {
    const dataset = freshDataset();
    const plan = await planOf(dataset, 1, hints);
    await inSession(async session => {
      await session.migrate(plan);
      const [staged] = await session.stage!(plan);
      await overwrite(String(staged?.path), "PAR1 no more");
      expect(await session.loadChains([plan], ["items"])).toMatchObject([{ inserted: 2 }]);
    });
    expect(await rows(dataset)).toEqual(["1 v1", "2 v1"]);
  });

  async function overwrite(path: string, body: string): Promise<void> {
    await using db = await openWarehouse(warehouseSpec(), {
      signal: new AbortController().signal,
      onProgress: () => undefined,
    });
    const headers = { authorization: await db.credentials.authorization() };
    const path_ = `/api/2.0/fs/files${path}?overwrite=true`;
    await httpsRequest(db.endpoint, { method: "PUT", path: path_, headers, body });
  }
});

describeOnStandin("a table that was changed by hand", () => {
  it.each([
    ["dropped", [(t: string) => `DROP TABLE ${t}`], /^DESTINATION_REFUSED .*is not there.*drop_resources/],
    [
      "given another type",
      [
        (t: string) =>
          `CREATE OR REPLACE TABLE ${t} (id BIGINT NOT NULL, v INT, _dlt_load_id STRING, _dlt_id STRING)`,
      ],
      /^DESTINATION_REFUSED .*(?:another type|does not fit|do not fit)/,
    ],
  ] as [string, ((table: string) => string)[], RegExp][])(
    "%s: is told, and nothing is counted",
    async (_what, changes, tells) => {
      for (const hints of [MERGED, { write_disposition: "append" }] as Partial<StoredTable>[]) {
        const dataset = freshDataset();
        await load(await planOf(dataset, 1, hints));
        const before = await cursor(dataset);
        for (const change of changes) {
          await inSession(session => session.query(change(`main.\`${dataset}\`.items`)));
        }
        expect(await failure(load(await planOf(dataset, 2, hints)))).toMatch(tells);
        expect(await cursor(dataset)).toEqual(before);
      }
    },
  );
});

describeOnStandin("names", () => {
  const unsupported = (tables: StoredTable[]): Promise<string> =>
    failure(
      inSession(session =>
        session.migrate({
          load_id: "1700000001.25",
          dataset: "raw_never",
          staging_dataset: "raw_never_staging",
          schema: storedSchema(tables),
          files: tables.map(({ name }) => ({ table: name, path: "none", rows: 1, bytes: 1, columns: [] })),
          roots: tables.map(({ name }) => name),
          created_at: "2026-01-01T00:00:00.000000Z",
        }),
      ),
    );

  it.each([
    ["two tables that differ by case", [rootTable("Items", { id: KEY }), rootTable("items", { id: KEY })]],
    ["two columns that differ by case", [rootTable("items", { id: KEY, V: "text", v: "text" })]],
    ["a table of 256 characters", [rootTable("t".repeat(256), { id: KEY })]],
    ["a column of 256 characters", [rootTable("items", { ["c".repeat(256)]: KEY })]],
  ] as [string, StoredTable[]][])("refuses %s before anything is made", async (_what, tables) => {
    await standin().mark();
    expect(await unsupported(tables)).toMatch(
      /^DESTINATION_UNSUPPORTED .*(differ only by case|has 256 characters)/,
    );
    expect(statementsOf(await standin().log())).toEqual([]);
  });

  it("shortens long names of a source, and keeps those that differ by case apart", async () => {
    const engine = new Engine({}, warehouse());
    const dataset = freshDataset();
    const long = "k".repeat(256);
    const row = { id: 1, [long]: "long", Name: "a", name2: "b" };
    try {
      const source = sourceOf(
        "s",
        pagesOf("t".repeat(256), () => [[row]], {}),
      );
      const run = await engine.run(engine.spec({ dataset_name: dataset }), source);
      const name = run.tables.map(({ table }) => table).find(table => table.startsWith("tttt"));
      expect(name?.length).toBeLessThanOrEqual(255);
      const [found] = await engine.query<{ [column: string]: unknown }>(
        `SELECT * FROM main.\`${dataset}\`.\`${name}\``,
      );
      const shortened = Object.keys(found ?? {}).find(column => column.startsWith("kkkk"));
      expect(shortened?.length).toBeLessThanOrEqual(255);
      expect(found?.[String(shortened)]).toBe("long");
    } finally {
      engine.remove();
    }
  });
});
