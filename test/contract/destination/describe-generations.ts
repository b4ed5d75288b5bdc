/** Generations, the same on every destination that publishes: what readers see, whatever happens to the publisher. */
import { type ChildProcess, spawn } from "node:child_process";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { DestinationSession } from "../../../src/destinations/destination";
import { type CandidatePlan, liveOf, suffixOf } from "../../../src/destinations/generations";
import type { DestinationSpec } from "../../../src/pipeline/spec";
import { MARTS, PLAN } from "../../support/publisher";

type Rows = { [column: string]: unknown }[];

export interface GenerationsHarness {
  /** As a process of its own opens it, secrets included. */
  spec: DestinationSpec;
  open(): Promise<DestinationSession>;
  /** Rows as a reader sees them; undefined: not to be read at this moment. */
  look(sql: string): Promise<Rows | undefined>;
  /** Default: as information_schema has them. */
  schemata?: string;
  /** A renamed table is named with its schema. */
  qualifiesRenames?: true;
  /** When a publisher is killed, at the earliest and at the latest; default: 100 ms and 1.6 s. */
  killedAfterMs?: [number, number];
  /** A query may look up one view before the publication and the next after it (docs/databricks.md#publishing). */
  looksUpApart?: true;
  close(): Promise<void>;
}

export const owner = (run: string) => ({ pipeline: "shop", workflow: "shop", run });
export const object = (name: string, more = {}) => ({
  schema: "analytics",
  name,
  project: "shop",
  continues: false,
  ...more,
});

/** Begins and fills a candidate, as dbt would. */
export async function build(
  session: DestinationSession,
  run: string,
  plan: CandidatePlan,
  value: number,
): Promise<number> {
  const { generation } = await session.generations!.begin(plan, owner(run));
  for (const { schema, name, continues } of plan.objects) {
    const at = `${schema}${suffixOf(generation)}.${name}`;
    await session.query(`CREATE TABLE IF NOT EXISTS ${at} AS SELECT ${value} AS v LIMIT 0`);
    if (!continues) await session.query(`DELETE FROM ${at} WHERE true`);
    await session.query(`INSERT INTO ${at} SELECT ${value}`);
  }
  return generation;
}

export const values = async (session: DestinationSession, name: string) =>
  (await session.query(`SELECT v FROM analytics.${name} ORDER BY 1`)).map(row => row.v);

/** @param options `publishes`: how many are to come through beside the kills, where TIDEMARK_PUBLISHES says nothing */
export function describeGenerations(
  name: string,
  create: () => Promise<GenerationsHarness>,
  { publishes = 4 } = {},
): void {
  describe(`generations on ${name}`, () => {
    let lane: GenerationsHarness;
    beforeEach(async () => {
      lane = await create();
    });
    afterEach(() => lane.close());

    test("publishing, going back, what continues, what leaves, what is swept", async () => {
      await using session = await lane.open();
      await session.query("CREATE SCHEMA analytics");
      await session.query("CREATE TABLE analytics.log AS SELECT 0 AS v");
      await session.query("CREATE TABLE analytics.theirs AS SELECT 7 AS v");
      const generations = session.generations!;
      const plan = { ...PLAN, objects: [object("a"), object("log", { continues: true })] };

      // The table that dbt had built before it published is gone on with, and a view takes its place.
      const first = await build(session, "r1", plan, 1);
      expect(await values(session, "log")).toEqual([0]);
      expect(await generations.publish("analytics", first)).toEqual({ objects: 2 });
      expect([await values(session, "a"), await values(session, "log")]).toEqual([[1], [0, 1]]);

      // A second attempt of the same run begins with an empty candidate; readers see nothing of it.
      const second = await build(session, "r2", plan, 2);
      expect(await build(session, "r2", plan, 2)).toBe(second);
      expect(await values(session, "log")).toEqual([0, 1]);
      expect(await generations.publish("analytics", second)).toEqual({ objects: 2, previous: first });
      expect(await generations.publish("analytics", second)).toEqual({ objects: 2 });
      expect([await values(session, "a"), await values(session, "log")]).toEqual([[2], [0, 1, 2]]);

      // A selection keeps the rest; all of the project without a model takes that one away; other projects' views stay.
      const part = await build(session, "r3", { ...plan, complete: false, objects: [object("a")] }, 3);
      await generations.publish("analytics", part);
      expect([await values(session, "a"), await values(session, "log")]).toEqual([[3], [0, 1, 2]]);
      const other = await build(
        session,
        "r4",
        { ...plan, project: "other", objects: [object("b", { project: "other" })] },
        4,
      );
      await generations.publish("analytics", other);
      const without = await build(session, "r5", { ...plan, objects: [object("a")] }, 5);
      await generations.publish("analytics", without);
      expect(await values(session, "b")).toEqual([4]);
      await expect(values(session, "log")).rejects.toMatchObject({ code: "DESTINATION_REFUSED" });

      // Back to what readers saw with the fourth, although `log` is of the second; and forward again.
      await generations.publish("analytics", other, true);
      expect([await values(session, "a"), await values(session, "log")]).toEqual([[3], [0, 1, 2]]);
      // An attempt of the run that comes late does not undo it.
      await generations.publish("analytics", without);
      expect(liveOf(await generations.list("analytics"))!.generation).toBe(other);
      await generations.publish("analytics", without, true);

      const seen = await build(session, "r6", { ...plan, objects: [object("a")] }, 6);
      await generations.settle("analytics", seen, "blocked");
      expect(await values(session, "a")).toEqual([5]);
      // The newest two publications are the fifth and the fourth, which needs the second and the third.
      expect(await generations.sweep("analytics", 2)).toEqual([first]);
      expect(await values(session, "theirs")).toEqual([7]);
      await expect(generations.publish("analytics", first, true)).rejects.toMatchObject({
        code: "PUBLISH_REFUSED",
        message: expect.stringMatching(/generation 1 is gone/),
      });
      expect(await generations.schemasOf("shop")).toEqual(["analytics"]);
      expect(await generations.schemasOf("nobody")).toEqual([]);
    });

    test("what is not ours or not whole is not published, and an older one does not overtake", async () => {
      await using session = await lane.open();
      const generations = session.generations!;
      const plan = { ...PLAN, objects: [object("a")] };
      await session.query("CREATE SCHEMA analytics__candidate_1");
      await expect(generations.begin(plan, owner("r1"))).rejects.toMatchObject({
        code: "PUBLISH_REFUSED",
        message: expect.stringMatching(/analytics__candidate_1 is there already/),
      });
      await session.query("DROP SCHEMA analytics__candidate_1");

      const first = await build(session, "r1", plan, 1);
      await session.query(`CREATE TABLE analytics${suffixOf(first)}.strange AS SELECT 1 AS v`);
      await expect(generations.publish("analytics", first)).rejects.toMatchObject({
        message: expect.stringMatching(/holds strange, which dbt did not build/),
      });
      await session.query(`DROP TABLE analytics${suffixOf(first)}.strange`);
      const sister = `analytics${suffixOf(first)}`;
      const of = lane.qualifiesRenames ? `${sister}.` : "";
      await session.query(`ALTER TABLE ${sister}.a RENAME TO ${of}a__dbt_backup`);
      await expect(generations.publish("analytics", first)).rejects.toMatchObject({
        message: expect.stringMatching(/lacks a: a generation is published whole/),
      });
      await session.query(`ALTER TABLE ${sister}.a__dbt_backup RENAME TO ${of}a`);
      await generations.settle("analytics", first, "review");

      const second = await build(session, "r2", plan, 2);
      await generations.publish("analytics", second);
      await expect(generations.publish("analytics", first)).rejects.toMatchObject({
        message: expect.stringMatching(/generation 2 was published since/),
      });
      expect(await values(session, "a")).toEqual([2]);
      await generations.publish("analytics", first, true);
      expect(await values(session, "a")).toEqual([1]);
      await expect(generations.publish("analytics", 99)).rejects.toMatchObject({
        message: expect.stringMatching(/no generation 99/),
      });
    });

    /** `TIDEMARK_PUBLISHES=50 npx jest test/contract/destination/postgres-generations` for the whole of it; on Databricks half an hour. */
    test("a reader never sees a mixed, missing or blocked generation while the publisher is killed again and again", async () => {
      const wanted = Number(process.env.TIDEMARK_PUBLISHES ?? publishes);
      const script = resolve(__dirname, "../../support/publisher.ts");
      const [earliest, latest] = lane.killedAfterMs ?? [100, 1_600];
      let kills = 0;
      let over = false;
      let child: ChildProcess | undefined;
      const publisher = async () => {
        while (!over) {
          const started = spawn(
            process.execPath,
            ["--import", "tsx", script, JSON.stringify(lane.spec), String(wanted)],
            {
              stdio: ["ignore", "pipe", "inherit"],
            },
          );
          child = started;
          const ended = new Promise<number | null>(done => started.once("exit", done));
          await Promise.race([new Promise(begun => started.stdout.once("data", begun)), ended]);
          const spared = kills >= wanted;
          const killer = setTimeout(
            () => started.kill("SIGKILL"),
            spared ? 2_000_000 : earliest + Math.random() * (latest - earliest),
          );
          const code = await ended;
          clearTimeout(killer);
          if (code === 0) over = true;
          else kills += 1;
        }
      };
      const publishing = publisher();
      const marts = MARTS.map(name => `analytics.${name} AS ${name}`).join(", ");
      const columns = MARTS.flatMap(name => [
        `${name}.g AS ${name}_g`,
        `${name}.passed AS ${name}_passed`,
      ]).join(", ");
      const seen: number[] = [];
      let last = 0;
      let apart = 0;
      const watch = async () => {
        do {
          await sleep(20);
          try {
            const rows = await lane.look(`SELECT ${columns} FROM ${marts}`);
            if (rows === undefined) continue;
            const [row] = rows;
            const ofEach = new Set(MARTS.map(name => Number(row?.[`${name}_g`])));
            if (lane.looksUpApart && ofEach.size === 2 && apart === 0) {
              apart += 1;
              continue;
            }
            apart = 0;
            expect([rows.length, ofEach.size]).toEqual([1, 1]);
            expect(MARTS.every(name => row?.[`${name}_passed`] === true)).toBe(true);
            const [generation] = [...ofEach];
            expect(generation).toBeGreaterThanOrEqual(last);
            if (generation !== last) seen.push(generation!);
            last = generation!;
          } catch (error) {
            // Before the first publication there is nothing to see; after it, never.
            if (
              last > 0 ||
              !/does not exist|is not there|TABLE_OR_VIEW_NOT_FOUND|SCHEMA_NOT_FOUND/.test(String(error))
            )
              throw error;
          }
        } while (!over);
      };
      try {
        await watch();
      } finally {
        // also where the reader has seen what it must not: the next test has the schema for itself
        over = true;
        child?.kill("SIGKILL");
        await publishing;
      }
      await using session = await lane.open();
      const all = await session.generations!.list("analytics");
      expect(liveOf(all)!.publication).toBe(wanted);
      expect(seen.length).toBeGreaterThan(wanted / 3);
      expect(kills).toBeGreaterThan(0);
      // What dead publishers left is swept but for the newest.
      await session.generations!.sweep("analytics", 3);
      const left = await session.query(
        `SELECT count(*) AS n FROM ${lane.schemata ?? "information_schema.schemata"} WHERE schema_name LIKE 'analytics__candidate_%'`,
      );
      expect(Number(left[0]!.n)).toBeLessThanOrEqual(3 + 2 + 1);
    }, 3_600_000);
  });
}
