/**
 * Every load is cut after every single statement of every strategy, then repeated as a later run would do it. Whatever
 * was cut, the rows must be those of an uncut load.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Warehouse } from "../../../src/destinations/databricks/client";
import type { DestinationSession, LoadPlan, PackageFile } from "../../../src/destinations/destination";
import type { StoredTable } from "../../../src/schema/types";
import { statementsOf } from "../../support/databricks/standin";
import { describeOnStandin, freshDataset, inSession, useStandin } from "../../support/databricks/use-standin";
import { casesOf } from "../../support/whole";
import { CASES, type Case, packageFiles, planOf, readTables, rowsOfCase } from "./databricks-cases";

jest.setTimeout(600_000);
/** One that is committed by one statement and one by several, for pull requests; all of them in the whole lane. */
const COVERING = ["append", "delete-insert with duplicates and hard delete"];
const CUT = casesOf(CASES, ({ name }) => COVERING.includes(name));
const FIRST = { pipeline_name: "p", schema_name: "api", mark: "0000" };
const FIRST_ID = "1700000001.25";
const standin = useStandin();

describeOnStandin("a load cut after each of its statements", () => {
  const dataset = freshDataset();
  let folder: string;
  const files = new Map<string, PackageFile[][]>();
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "tidemark-cuts-"));
    for (const one of CASES) {
      files.set(one.table, [await packageFiles(folder, one, 0), await packageFiles(folder, one, 1)]);
    }
    await load(
      planOf(
        dataset,
        0,
        "1",
        [...files.values()].flatMap(f => f[0] as PackageFile[]),
        CASES,
      ),
    );
    await standin().control({ keep: dataset });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it.each(CUT.map(one => [one.name, one] as const))("%s", async (_name, one) => {
    // another load id each time: what an earlier one left in the Volume or the staging dataset has no say
    const second = (id: string): LoadPlan => ({
      ...planOf(dataset, 1, id, files.get(one.table)?.[1] as PackageFile[], [one]),
      base: { ...FIRST, load_id: FIRST_ID, state_load_id: FIRST_ID },
    });
    const uncut = second("20");
    await standin().control({ put_back: dataset });
    await inStep(session => session.stage!(uncut));
    const sent: string[] = [];
    await counted(
      sql => sent.push(sql) < 0,
      s => s.loadChains([uncut], [one.table]),
    );
    const expected = await rowsOfCase(dataset, one);
    // after one that only reads, everything is as before the load; the state row is cut at in the last test
    const changesRows = (sql: string): boolean => !/^SELECT|_dlt_pipeline_state/.test(sql);
    const cuts = sent.flatMap((sql, i) => (changesRows(sql) ? [i + 1] : []));
    expect(cuts.length).toBeGreaterThan(1);
    for (const cut of cuts) {
      await putBack(sent.some(sql => sql.includes(`${dataset}_staging`)));
      const plan = second(`2${cut}`);
      await inStep(session => session.stage!(plan));
      await expect(
        counted(
          (_sql, n) => n === cut,
          s => s.loadChains([plan], [one.table]),
        ),
      ).rejects.toThrow("cut by the test");
      await inStep(session => session.loadChains([plan], [one.table]));
      expect({ cut, rows: await rowsOfCase(dataset, one) }).toEqual({ cut, rows: expected });
    }
    process.stdout.write(`${one.name}: cut after each of ${cuts.length} writing statements\n`);
  });

  it("sends the same statements for the three replace strategies", async () => {
    const one = CASES.find(({ name }) => name === "replace") as Case;
    const sent: string[][] = [];
    for (const replace_strategy of [
      "truncate-and-insert",
      "insert-from-staging",
      "staging-optimized",
    ] as const) {
      await standin().control({ put_back: dataset });
      const plan = planOf(dataset, 1, "20", files.get(one.table)?.[1] as PackageFile[], [one]);
      await inSession(session => session.stage!(plan), { keep_staged_files: true });
      await standin().mark();
      await inSession(session => session.loadChains([plan], [one.table]), { replace_strategy });
      sent.push(statementsOf(await standin().log()).sort());
    }
    expect(sent[1]).toEqual(sent[0]);
    expect(sent[2]).toEqual(sent[0]);
  });

  it("migrates and closes once, cut after every statement that it ever sends", async () => {
    const [one] = CASES as [Case];
    const list = files.get(one.table)?.[0] as PackageFile[];
    const wanted = freshDataset();
    const timeless = (sql: string): string => sql.replace(/'\d{4}-\d\d-\d\dT[^']*'/g, "now");
    const uncut = new Set<string>();
    await counted(
      sql => uncut.add(timeless(sql)).size < 0,
      s => twice(s, wanted),
    );
    const again = freshDataset();
    const cutAt = new Set<string>();
    // each attempt goes on where the last one was cut, and is cut after its first statement that is new
    const isNew = (sql: string): boolean => {
      const known = cutAt.size;
      return cutAt.add(timeless(sql)).size > known;
    };
    for (;;) {
      const cut = await counted(isNew, s => twice(s, again)).catch((e: Error) => e);
      if (!(cut instanceof Error)) break;
      expect(cut.message).toBe("cut by the test");
    }
    expect(cutAt.size).toBeGreaterThanOrEqual(uncut.size);
    expect(await bookkeeping(again, one)).toEqual(await bookkeeping(wanted, one));
    expect(await descriptions(wanted, one.table)).toEqual(["Wider", "note pii", "s pii", `${one.table} pii`]);
    expect(await descriptions(again, one.table)).toEqual(await descriptions(wanted, one.table));
    process.stdout.write(`migrate and close: cut after each of ${cutAt.size} statements\n`);

    /** A load, and the migration to a schema with one column more. */
    async function twice(session: DestinationSession, where: string): Promise<void> {
      const plan = planOf(where, 0, "1", list, [one]);
      describeTable(plan, "Described");
      await whole(session, plan);
      const wider = planOf(where, 1, "2", list, [one]);
      wider.schema.version_hash = "hash-2";
      (wider.schema.tables[one.table] as StoredTable).columns.note = {
        name: "note",
        data_type: "text",
        nullable: true,
      };
      describeTable(wider, "Wider");
      await session.migrate(wider);
    }
    function describeTable({ schema }: LoadPlan, description: string): void {
      const table = schema.tables[one.table] as StoredTable;
      Object.assign(table, { description, "x-databricks-table-tags": ["pii"] });
      for (const name of ["s", "note"]) {
        if (table.columns[name]) table.columns[name]["x-databricks-column-tags"] = ["pii"];
      }
    }
  });

  async function whole(session: DestinationSession, plan: LoadPlan): Promise<void> {
    await session.migrate(plan);
    await session.stage?.(plan);
    await session.loadChains([plan], plan.roots);
    await session.completeLoad(plan);
  }
  const load = (plan: LoadPlan): Promise<void> => inSession(session => whole(session, plan));

  /** As it was before the second load: the staging dataset is made with the first decision, if there is one. */
  async function putBack(decides: boolean): Promise<void> {
    await standin().control({ put_back: dataset });
    if (!decides) return;
    await inSession(session => session.query(`DROP SCHEMA IF EXISTS main.\`${dataset}_staging\` CASCADE`));
  }

  /** One statement a request, so that each is a place to cut at. */
  function inStep<T>(work: (session: DestinationSession) => Promise<T>): Promise<T> {
    return inSession(work, { sql_scripting: false, keep_staged_files: true });
  }

  /** @returns how many statements were sent; after the one that is cut none is */
  async function counted(
    cutsAfter: (sql: string, sent: number) => boolean,
    work: (session: DestinationSession) => Promise<unknown>,
  ): Promise<number> {
    let sent = 0;
    let cut = false;
    const run = Warehouse.prototype.run;
    const spy = jest.spyOn(Warehouse.prototype, "run").mockImplementation(async function (
      this: Warehouse,
      sql,
      doing,
    ) {
      if (cut) throw new Error("cut by the test");
      sent += 1;
      const last = cutsAfter(sql, sent);
      cut = last;
      const rows = await run.call(this, sql, doing);
      if (last) throw new Error("cut by the test");
      return rows;
    });
    try {
      await inStep(work);
      return sent;
    } finally {
      spy.mockRestore();
    }
  }

  /** The table's comment, its tags and those of its columns. */
  async function descriptions(where: string, table: string): Promise<string[]> {
    const at = "main.information_schema";
    return await inSession(async session => {
      const [detail] = await session.query(`DESCRIBE DETAIL main.\`${where}\`.\`${table}\``);
      const tags = await session.query(
        `SELECT concat(table_name, ' ', tag_name) AS t FROM ${at}.table_tags WHERE schema_name = '${where}' ` +
          `UNION ALL SELECT concat(column_name, ' ', tag_name) FROM ${at}.column_tags WHERE schema_name = '${where}'`,
      );
      return [String(detail?.description), ...tags.map(row => String(row.t)).sort()];
    });
  }

  const bookkeeping = (where: string, one: Case): Promise<string[]> =>
    readTables(where, {
      [one.table]: "id, s, _dlt_id",
      _dlt_loads: "load_id, status",
      _dlt_pipeline_state: "version, _dlt_load_id",
      _dlt_version: "version_hash",
    });
});
