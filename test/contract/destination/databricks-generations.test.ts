/**
 * Generations on Databricks, which has no transaction over tables: the contract, and every publication cut after every
 * single statement, with a reader that looks after each.
 */
import { Warehouse } from "../../../src/destinations/databricks/client";
import { type CandidatePlan, liveOf, suffixOf } from "../../../src/destinations/generations";
import {
  describeOnStandin,
  inSession,
  useStandin,
  warehouse,
  warehouseSpec,
} from "../../support/databricks/use-standin";
import { PLAN } from "../../support/publisher";
import { describeGenerations, object, owner } from "./describe-generations";

jest.setTimeout(600_000);
useStandin();

const quiet = { signal: new AbortController().signal, onProgress: () => {} };

async function dropAll(): Promise<void> {
  await inSession(async session => {
    const rows = await session.query(
      "SELECT schema_name AS name FROM main.information_schema.schemata WHERE schema_name LIKE 'analytics%'",
    );
    for (const { name } of rows) await session.query(`DROP SCHEMA IF EXISTS main.\`${name}\` CASCADE`);
  });
}
beforeEach(dropAll);
afterAll(dropAll);

describeOnStandin("on the stand-in", () => {
  describeGenerations(
    "Databricks",
    async () => {
      const looking = await warehouse().open(quiet);
      return {
        spec: warehouseSpec(),
        open: () => warehouse().open(quiet),
        look: sql => looking.query(sql),
        close: async () => await looking[Symbol.asyncDispose](),
        schemata: "main.information_schema.schemata",
        qualifiesRenames: true,
        // a statement takes what a whole generation takes elsewhere
        killedAfterMs: [1_000, 25_000],
        looksUpApart: true,
      };
    },
    { publishes: 3 },
  );

  const MARTS = ["a", "b", "c"];

  /** Fills a candidate; `b` gets a column more in each, `c` another type. */
  async function fill(generation: number, columns: { b: string; c: string }): Promise<void> {
    await inSession(async session => {
      const at = `analytics${suffixOf(generation)}`;
      await session.query(`CREATE OR REPLACE TABLE ${at}.a AS SELECT ${generation} AS g`);
      await session.query(`CREATE OR REPLACE TABLE ${at}.b AS SELECT ${generation} AS g${columns.b}`);
      await session.query(`CREATE OR REPLACE TABLE ${at}.c AS SELECT ${columns.c} AS g`);
    });
  }

  const plan: CandidatePlan = { ...PLAN, objects: MARTS.map(name => object(name)) };

  /** What one query shows of several marts. */
  const look = (marts = MARTS) =>
    inSession(async session => {
      const columns = marts.map(name => `CAST(${name}.g AS INT) AS ${name}`).join(", ");
      const from = marts.map(name => `analytics.${name} AS ${name}`).join(" CROSS JOIN ");
      return Object.values((await session.query(`SELECT ${columns} FROM ${from}`))[0] ?? {});
    });

  /** Runs a publication that ends after its nth statement; `after` is called behind each. @returns statements sent */
  async function cut(
    generation: number,
    at: number,
    after: (sent: number) => Promise<void> = async () => {},
  ): Promise<number> {
    let sent = 0;
    const run = Warehouse.prototype.run;
    const spy = jest.spyOn(Warehouse.prototype, "run").mockImplementation(async function (
      this: Warehouse,
      sql,
      doing,
    ) {
      if (/^SELECT/.test(sql)) return await run.call(this, sql, doing);
      if (sent >= at) throw new Error("cut by the test");
      sent += 1;
      const rows = await run.call(this, sql, doing);
      await after(sent);
      if (sent >= at) throw new Error("cut by the test");
      return rows;
    });
    try {
      await inSession(session => session.generations!.publish("analytics", generation));
    } catch (error) {
      if (!/cut by the test/.test(String(error))) throw error;
    } finally {
      spy.mockRestore();
    }
    return sent;
  }

  test("cut after each statement, readers see one generation, and a repetition ends what was begun", async () => {
    await inSession(async session => {
      const { generation } = await session.generations!.begin(plan, owner("r1"));
      await fill(generation, { b: "", c: "1" });
      await session.generations!.publish("analytics", generation);
      await session.query("ALTER VIEW analytics.a SET TBLPROPERTIES ('comment' = 'by hand')");
    });
    expect(await look()).toEqual([1, 1, 1]);
    let live = 1;
    for (let at = 1; ; at++) {
      const run = `cut ${at}`;
      const generation = await inSession(async session => {
        const begun = await session.generations!.begin(plan, owner(run));
        return begun.generation;
      });
      await fill(generation, { b: at % 2 === 0 ? "" : ", 'x' AS t", c: String(generation) });
      const sent = await cut(generation, at);
      const seen = await look();
      // Whole, and once it is published it stays so.
      expect({ at, seen: new Set(seen).size }).toEqual({ at, seen: 1 });
      expect([live, generation]).toContain(seen[0]);
      await inSession(session => session.generations!.publish("analytics", generation));
      expect({ at, seen: await look() }).toEqual({ at, seen: MARTS.map(() => generation) });
      live = generation;
      await inSession(async session => {
        const all = await session.generations!.list("analytics");
        expect(liveOf(all)).toMatchObject({ generation, publication: at + 1 });
        const views = await session.query(
          "SELECT view_definition AS text FROM main.information_schema.views WHERE table_schema = 'analytics'",
        );
        expect(views.filter(({ text }) => String(text).includes("UNION"))).toEqual([]);
        expect(await session.generations!.sweep("analytics", 1)).toEqual([generation - 1]);
      });
      expect(await look()).toEqual(MARTS.map(() => generation));
      if (sent < at) break;
    }
    const [comment] = await inSession(session =>
      session.query(
        "SELECT comment FROM main.information_schema.tables WHERE table_schema = 'analytics' AND table_name = 'a'",
      ),
    );
    expect(comment).toEqual({ comment: "by hand" });
  });

  test("what dbt grants and writes down goes with dbt, what people did to a view stays", async () => {
    const publish = async (run: string, more: string[]) =>
      inSession(async session => {
        const { generation } = await session.generations!.begin(plan, owner(run));
        await fill(generation, { b: "", c: "1" });
        const at = `main.analytics${suffixOf(generation)}.a`;
        for (const statement of more) await session.query(statement.replaceAll("{at}", at));
        await session.generations!.publish("analytics", generation);
      });
    const seen = () =>
      inSession(async session => {
        const grants = await session.query(
          "SELECT grantee, privilege_type AS p FROM main.information_schema.table_privileges WHERE table_schema = 'analytics' AND table_name = 'a' ORDER BY 1",
        );
        const [table] = await session.query(
          "SELECT comment FROM main.information_schema.tables WHERE table_schema = 'analytics' AND table_name = 'a'",
        );
        const columns = await session.query(
          "SELECT comment FROM main.information_schema.columns WHERE table_schema = 'analytics' AND table_name = 'a'",
        );
        return [grants.map(({ grantee, p }) => `${grantee}: ${p}`), table?.comment, columns[0]?.comment];
      });
    await publish("r1", [
      "CREATE OR REPLACE TABLE {at} COMMENT 'as dbt\\'s yaml says' AS SELECT 1 AS g",
      "GRANT SELECT ON {at} TO `finance team`",
      "GRANT MODIFY ON TABLE {at} TO robots",
      "COMMENT ON COLUMN {at}.g IS 'a generation'",
    ]);
    expect(await seen()).toEqual([["finance team: SELECT"], "as dbt's yaml says", "a generation"]);
    await inSession(session => session.query("GRANT SELECT ON VIEW main.analytics.a TO people"));
    await publish("r2", ["GRANT SELECT ON {at} TO `finance team`", "GRANT SELECT ON {at} TO sales"]);
    expect((await seen())[0]).toEqual(["finance team: SELECT", "people: SELECT", "sales: SELECT"]);
    await publish("r3", ["GRANT SELECT ON {at} TO sales"]);
    expect((await seen()).slice(0, 2)).toEqual([["people: SELECT", "sales: SELECT"], "as dbt's yaml says"]);
  });

  test("a reader who looks after every statement sees the old generation, then the new one; of another type, in the end", async () => {
    const begin = (run: string) =>
      inSession(async session => (await session.generations!.begin(plan, owner(run))).generation);
    const first = await begin("r1");
    await fill(first, { b: "", c: "1" });
    await inSession(session => session.generations!.publish("analytics", first));
    const second = await begin("r2");
    await fill(second, { b: ", 'x' AS t", c: "'2'" });
    const seen: unknown[][] = [];
    const others: unknown[] = [];
    await cut(second, 1_000, async () => {
      seen.push(await look(["a", "b"]));
      others.push((await look(["c"]))[0]);
    });
    // Two bridges, the publication, three views.
    expect(seen).toHaveLength(6);
    expect(seen.slice(0, 2)).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect(seen.slice(2)).toEqual(seen.slice(2).map(() => [2, 2]));
    // What docs/databricks.md names: a column of another type is seen in the old generation until its own statement.
    expect(others.slice(0, 3)).toEqual([1, 1, 1]);
    expect(others.at(-1)).toBe(2);
  });
});
