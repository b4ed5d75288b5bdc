/**
 * `load_mode: "spark"`: the same tables and rows without Volume and COPY INTO. What a cluster may not have is refused
 * while it loads.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { Warehouse } from "../../../src/destinations/databricks/client";
import type { DatabricksDestination } from "../../../src/destinations/databricks/spec";
import type { DestinationSession, LoadPlan, PackageFile } from "../../../src/destinations/destination";
import { statementsOf } from "../../support/databricks/standin";
import {
  CATALOG,
  describeOnStandin,
  freshDataset,
  inSession,
  onRealWarehouse,
  useStandin,
} from "../../support/databricks/use-standin";
import { type TestValue, writeParquet } from "../../support/duckdb";
import { rootTable, storedSchema } from "../../support/stored-schema";
import { packageFiles, planOf, rowsOfCase, STRATEGIES } from "./databricks-cases";
import { ITEM, KEY } from "./destination-kit";

jest.setTimeout(600_000);
const standin = useStandin();
type Mode = NonNullable<DatabricksDestination["load_mode"]>;
const LACKING = ["PUT", "COPY INTO", "CREATE VOLUME", "VOLUME", "FILES API"].map(kind => ({ kind }));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "tidemark-spark-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function inMode<T>(mode: Mode, work: (session: DestinationSession) => Promise<T>): Promise<T> {
  if (!onRealWarehouse) await standin().control({ deny: mode === "spark" ? LACKING : [] });
  try {
    return await inSession(work, { load_mode: mode });
  } finally {
    if (!onRealWarehouse) await standin().control({ deny: [] });
  }
}

const load = (mode: Mode, plan: LoadPlan): Promise<void> =>
  inMode(mode, async session => {
    await session.migrate(plan);
    await session.stage!(plan);
    await session.loadChains([plan], plan.roots);
    await session.completeLoad(plan);
  });

describeOnStandin("both modes", () => {
  it("leave the same rows of every strategy, whichever loads first and whichever goes on", async () => {
    const files = await Promise.all(
      [0, 1].map(async at =>
        (await Promise.all(STRATEGIES.map(one => packageFiles(folder, one, at)))).flat(),
      ),
    );
    const step = (mode: Mode, dataset: string, at: 0 | 1): Promise<void> =>
      load(mode, planOf(dataset, at, String(at + 1), files[at] as PackageFile[], STRATEGIES));
    const rows = async (dataset: string): Promise<string[]> =>
      (await Promise.all(STRATEGIES.map(one => rowsOfCase(dataset, one)))).flat();
    const [here, there] = [freshDataset(), freshDataset()];
    await step("warehouse", here, 0);
    const first = await rows(here);
    await standin().control({ keep: here });
    await step("warehouse", here, 1);
    const second = await rows(here);
    expect(second.length).toBeGreaterThan(30);
    await standin().control({ put_back: here });
    await step("spark", here, 1);
    expect(await rows(here)).toEqual(second);
    await step("spark", there, 0);
    expect(await rows(there)).toEqual(first);
    await step("warehouse", there, 1);
    expect(await rows(there)).toEqual(second);
    const left = await inSession(session =>
      session.query(
        `SELECT table_name FROM main.information_schema.tables WHERE table_schema IN ('${here}_staging', '${there}_staging') AND table_name <> '_dlt_version'`,
      ),
    );
    expect(left).toEqual([]);
  });
});

describe("loading by INSERTs", () => {
  it("loses no digit, no character and no microsecond", async () => {
    const columns = {
      big: "BIGINT",
      dec: "DECIMAL(38,9)",
      wide: "DECIMAL(38,0)",
      ratio: "DOUBLE",
      flag: "BOOLEAN",
      at: "TIMESTAMPTZ",
      local_at: "TIMESTAMP",
      day: "DATE",
      clock: "BIGINT",
      bytes: "BLOB",
      doc: "VARCHAR",
      v: "VARCHAR",
      _dlt_load_id: "VARCHAR",
      _dlt_id: "VARCHAR",
    };
    const wide = "9".repeat(38);
    const text = `\${x} $1 \\ \\n ' " \` 💧 \u0001 ü\r\n\t;--`;
    const nulls = (n: number): null[] => new Array(n).fill(null);
    const end = ["9999-12-31 23:59:59.999999+00", "9999-12-31 23:59:59.999999", "9999-12-31"];
    const early = ["1900-01-01 00:00:00.000001+00", "1600-10-20 00:00:00.000001", "1600-10-20"];
    const dec = "99999999999999999999999999999.999999999";
    const rows: TestValue[][] = [
      [
        2n ** 63n - 1n,
        dec,
        wide,
        "1.7976931348623157e308",
        true,
        ...end,
        86_399_999_999,
        "\\x00\\xFF'\\x22",
        '{"a": "$"}',
        text,
      ],
      [-(2n ** 63n), "-0.000000001", `-${wide}`, "-0.1", false, ...early, 0, "", "[1.10]", ""],
      [1, null, null, "5e-324", ...nulls(8)],
      [2, "0", "-1", "inf", ...nulls(8)],
      [3, null, null, "nan", ...nulls(8)],
    ];
    const file = await writeParquet(
      join(folder, "exact.parquet"),
      "exact",
      columns,
      rows.map((row, i) => [...row, "L", `r${i}`]),
    );
    const table = rootTable("exact", {
      big: KEY,
      dec: "decimal",
      wide: "wei",
      ratio: "double",
      flag: "bool",
      at: "timestamp",
      local_at: { data_type: "timestamp", timezone: false },
      day: "date",
      clock: "time",
      bytes: "binary",
      doc: "json",
      v: "text",
    });
    const dataset = freshDataset();
    const tables: string[] = [];
    for (const mode of ["warehouse", "spark"] as const) {
      const name = `exact_${mode}`;
      const mine = { ...table, name };
      await load(mode, {
        ...planOf(dataset, 0, mode === "spark" ? "1" : "2", [{ ...file, table: name }], []),
        schema: { ...storedSchema([mine]), version_hash: mode },
        roots: [name],
      });
      tables.push(`SELECT * FROM \`${CATALOG}\`.\`${dataset}\`.\`${name}\``);
    }
    const [here, there] = tables as [string, string];
    const counts = await inSession(session =>
      session.query(
        `SELECT (SELECT count(*) FROM (${here})) AS a, (SELECT count(*) FROM (${there})) AS b, ` +
          `(SELECT count(*) FROM (${here} EXCEPT ALL ${there})) AS lost, (SELECT count(*) FROM (${there} EXCEPT ALL ${here})) AS new`,
      ),
    );
    expect(counts).toEqual([{ a: 5, b: 5, lost: 0, new: 0 }]);
    const [row] = await inSession(session =>
      session.query(
        `SELECT dec, wide, hex(bytes) AS bytes, clock, v FROM (${there}) WHERE big = 9223372036854775807`,
      ),
    );
    expect(row).toEqual({
      dec,
      wide,
      bytes: "00FF2722",
      clock: "23:59:59.999999",
      v: text,
    });
  });
});

describeOnStandin("many rows by INSERTs", () => {
  const ROWS = 100_000;

  async function manyRows(): Promise<PackageFile> {
    const path = join(folder, "many.parquet");
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    await connection.run(
      `COPY (SELECT i AS id, 'value ' || i AS v, 'L' AS _dlt_load_id, 'r' || i AS _dlt_id FROM range(${ROWS}) t(i)) TO '${path}' (FORMAT parquet)`,
    );
    connection.closeSync();
    instance.closeSync();
    return { table: "items", path, rows: ROWS, bytes: 1, columns: Object.keys(ITEM) };
  }

  it("go in bounded batches, and a repetition sends only those that are missing", async () => {
    const file = await manyRows();
    const dataset = freshDataset();
    const plan: LoadPlan = {
      ...planOf(dataset, 0, "1", [file], []),
      schema: storedSchema([rootTable("items", { id: KEY, v: "text" })]),
      roots: ["items"],
    };
    await inMode("spark", session => session.migrate(plan));
    const run = Warehouse.prototype.run;
    let batches = 0;
    const spy = jest.spyOn(Warehouse.prototype, "run").mockImplementation(async function (
      this: Warehouse,
      ...args
    ) {
      if (args[0].startsWith("INSERT INTO") && args[0].includes("REPLACE WHERE")) {
        batches += 1;
        expect(args[0].length).toBeLessThan(3 * 1024 * 1024);
        if (batches === 4) throw new Error("cut by the test");
      }
      return run.apply(this, args);
    });
    await expect(inMode("spark", session => session.stage!(plan))).rejects.toThrow("cut by the test");
    spy.mockRestore();
    await standin().mark();
    const started = performance.now();
    await inMode("spark", async session => {
      await session.stage!(plan);
      expect(await session.loadChains([plan], ["items"])).toMatchObject([{ rows: ROWS, inserted: ROWS }]);
      expect(await session.loadChains([plan], ["items"])).toMatchObject([
        { inserted: 0, already_loaded: true },
      ]);
      await session.completeLoad(plan);
    });
    const sent = statementsOf(await standin().log()).filter(sql => sql.includes("REPLACE WHERE"));
    expect(sent).toHaveLength(ROWS / 10_000 - 3);
    process.stdout.write(`${ROWS} rows: ${Math.round(performance.now() - started)} ms after the cut\n`);
    const [row] = await inSession(session =>
      session.query(
        `SELECT count(*) AS n, count(DISTINCT _dlt_id) AS ids, sum(id) AS s FROM main.\`${dataset}\`.items`,
      ),
    );
    expect(row).toEqual({ n: ROWS, ids: ROWS, s: (ROWS * (ROWS - 1)) / 2 });
  });

  it("are refused when rows are missing, before anything is changed", async () => {
    const dataset = freshDataset();
    const file = await writeParquet(join(folder, "few.parquet"), "items", ITEM, [[1, "v", "L", "r1"]]);
    const plan: LoadPlan = {
      ...planOf(dataset, 0, "1", [{ ...file, rows: 2 }], []),
      schema: storedSchema([rootTable("items", { id: KEY, v: "text" }, { write_disposition: "merge" })]),
      roots: ["items"],
    };
    await inMode("spark", async session => {
      await session.migrate(plan);
      await session.stage!(plan);
      await standin().mark();
      await expect(session.loadChains([plan], ["items"])).rejects.toMatchObject({
        code: "DESTINATION_REFUSED",
        message: expect.stringMatching(/1 staged rows, the package has 2.*tidemark_rows_/),
      });
    });
    expect(statementsOf(await standin().log()).filter(sql => !sql.startsWith("SELECT"))).toEqual([]);
  });

  it("are staged again when somebody dropped the staging table", async () => {
    const dataset = freshDataset();
    const file = await writeParquet(join(folder, "one.parquet"), "items", ITEM, [[1, "v", "L", "r1"]]);
    const plan: LoadPlan = {
      ...planOf(dataset, 0, "1", [file], []),
      schema: storedSchema([rootTable("items", { id: KEY, v: "text" })]),
      roots: ["items"],
    };
    await inMode("spark", async session => {
      await session.migrate(plan);
      await session.stage!(plan);
      await session.query(`DROP SCHEMA main.\`${plan.staging_dataset}\` CASCADE`);
      expect(await session.loadChains([plan], ["items"])).toMatchObject([{ rows: 1, inserted: 1 }]);
    });
  });
});
