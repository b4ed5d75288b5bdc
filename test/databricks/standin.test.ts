/**
 * What the stand-in promises about Databricks, where the destination leans on it: COPY's ledger, scripts, the catalog, and
 * the faults that other tests switch on.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openWarehouse, type Warehouse } from "../../src/destinations/databricks/client";
import {
  describeOnStandin,
  freshDataset,
  useStandin,
  warehouseSpec,
} from "../support/databricks/use-standin";
import { writeParquet } from "../support/duckdb";

const standin = useStandin();

describeOnStandin("the stand-in", () => {
  let db: Warehouse;
  let dataset: string;
  beforeEach(async () => {
    const quiet = { signal: new AbortController().signal, onProgress: () => undefined };
    db = await openWarehouse(warehouseSpec(), quiet);
    dataset = freshDataset();
    await run(`CREATE SCHEMA main.${dataset}`);
  });
  afterEach(() => db[Symbol.asyncDispose]());

  const run = (sql: string) => db.run(sql, "trying");
  const count = async (table: string) => Number((await run(`SELECT count(*) AS n FROM main.${table}`))[0]?.n);

  it("remembers the files of COPY INTO over a TRUNCATE, unless it is forced, and takes those that are named", async () => {
    const folder = await mkdtemp(join(tmpdir(), "tidemark-standin-"));
    const volume = `/Volumes/main/${dataset}/v`;
    await run(`CREATE VOLUME main.${dataset}.v`);
    for (const name of ["a", "b"]) {
      const file = await writeParquet(join(folder, `${name}.parquet`), "t", { id: "BIGINT" }, [[1], [2]]);
      await db.put(file.path, `${volume}/${name}.parquet`, "staging");
    }
    await rm(folder, { recursive: true });
    const table = `${dataset}.t`;
    const copy = (more: string) =>
      run(`COPY INTO main.${table} FROM '${volume}/' FILEFORMAT = PARQUET ${more}`);
    await run(`CREATE TABLE main.${table} (id BIGINT)`);
    await copy("FILES = ('a.parquet')");
    expect(await count(table)).toBe(2);
    await run(`TRUNCATE TABLE main.${table}`);
    await copy("FILES = ('a.parquet')");
    expect(await count(table)).toBe(0);
    await copy("FILES = ('a.parquet') COPY_OPTIONS ('force' = 'true')");
    await copy("");
    expect(await count(table)).toBe(4);
    await expect(copy("FILES = ('c.parquet')")).rejects.toMatchObject({ condition: "PATH_NOT_FOUND" });
  });

  it("commits each statement of a script for itself", async () => {
    const table = `${dataset}.t`;
    const script = [
      `CREATE TABLE main.${table} (id INT)`,
      `INSERT INTO main.${table} VALUES (1)`,
      "SELECT CAST('x' AS INT)",
    ];
    await expect(
      db.script([...script, `INSERT INTO main.${table} VALUES (2)`], "trying"),
    ).rejects.toMatchObject({
      condition: "CAST_INVALID_INPUT",
    });
    expect(await count(table)).toBe(1);
  });

  it("names what is missing as Databricks does", async () => {
    for (const [sql, condition] of [
      ["USE CATALOG nowhere", "NO_SUCH_CATALOG_EXCEPTION"],
      [`SELECT * FROM main.${dataset}.nothing`, "TABLE_OR_VIEW_NOT_FOUND"],
      [`CREATE TABLE main.${dataset}_not.t (id INT)`, "SCHEMA_NOT_FOUND"],
      [`CREATE TABLE main.${dataset}.ice (id INT) USING ICEBERG`, "DATA_SOURCE_NOT_FOUND"],
    ] as const) {
      await expect(run(sql)).rejects.toMatchObject({ condition });
    }
  });

  it("refuses by kind and schema, and nothing else", async () => {
    await run(`CREATE TABLE main.${dataset}.t (id INT)`);
    await standin().control({ deny: [{ kind: "INSERT", schema: dataset }] });
    const insert = `INSERT INTO main.${dataset}.t VALUES (1)`;
    await expect(run(insert)).rejects.toThrow(`MODIFY on Schema 'main.${dataset}'`);
    expect(await count(`${dataset}.t`)).toBe(0);
    await standin().control({ deny: [{ kind: "INSERT", schema: "another" }] });
    await run(insert);
    expect(await count(`${dataset}.t`)).toBe(1);
  });

  it("cuts the connection before a statement, which then did nothing, or after it, when it is done", async () => {
    await run(`CREATE TABLE main.${dataset}.t (id INT)`);
    for (const [when, rows] of [
      ["before", 1],
      ["after", 3],
    ] as const) {
      await standin().control({ drop: [{ match: `INSERT INTO main.${dataset}`, when, times: 1 }] });
      // the client repeats it once: what was done before the cut is there twice
      await run(`INSERT INTO main.${dataset}.t VALUES (1)`);
      expect({ when, rows: await count(`${dataset}.t`) }).toEqual({ when, rows });
    }
  });

  it("keeps the rows of a schema's tables, and puts them back", async () => {
    await run(`CREATE TABLE main.${dataset}.t AS SELECT 1 AS id`);
    await standin().control({ keep: dataset });
    await run(`INSERT INTO main.${dataset}.t VALUES (2)`);
    await standin().control({ put_back: dataset });
    expect(await count(`${dataset}.t`)).toBe(1);
  });
});
