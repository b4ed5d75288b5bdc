/** Schema evolution, refresh, state, retries and refusals. */
import { join } from "node:path";
import type { LoadPlan } from "../../../src/destinations/destination";
import { rootTable, storedSchema } from "../../support/stored-schema";
import { type CreateHarness, ITEM, KEY, useDestination } from "./destination-kit";

export function describeSchemaAndState(create: CreateHarness): void {
  const { current, open, plan, load, file, items, select, loadCount, flat } = useDestination(create);

  describe("schema", () => {
    it("creates tables once, adds columns, writes each version once and fills missing columns with NULL", async () => {
      const first = plan(flat(), [await items([[1, "a", "r1"]])]);
      const info = await open(session => session.migrate(first));
      expect(info).toEqual({
        created: ["_dlt_version", "_dlt_loads", "items"],
        added: [],
        version_written: true,
      });
      expect(await open(session => session.migrate(first))).toEqual({
        created: [],
        added: [],
        version_written: false,
      });
      await load(first);

      const wider = { ...flat({}, { w: "double" }), version_hash: "hash-2", version: 3 };
      const second = plan(wider, [await items([[2, "b", "r2"]])]);
      expect(await open(session => session.migrate(second))).toEqual({
        created: [],
        added: ["items.w"],
        version_written: true,
      });
      await load(second);
      expect(await select("id, w")).toEqual([
        [1, null],
        [2, null],
      ]);
      expect(await select("version_hash", "_dlt_version")).toEqual([["hash-1"], ["hash-2"]]);
    });

    it("refuses a NOT NULL column on an existing table and changes nothing", async () => {
      await load(plan(flat(), [await items([[1, "a", "r1"]])]));
      const schema = {
        ...flat({}, { n: { data_type: "bigint", nullable: false } }),
        version_hash: "hash-2",
      };
      const p = plan(schema, [await file("items", { ...ITEM, n: "BIGINT" }, [[2, "b", "l", "r2", 5]])]);
      await expect(load(p)).rejects.toMatchObject({ code: "DESTINATION_REFUSED" });
      expect(await select("version_hash", "_dlt_version")).toEqual([["hash-1"]]);
      expect(await select("id")).toEqual([[1]]);
    });

    it("takes names that need quotes", async () => {
      const odd = current().oddTable;
      const schema = storedSchema([
        rootTable(odd, { 'a"b': KEY, select: "text" }, { write_disposition: "merge" }),
      ]);
      const columns = { 'a"b': "BIGINT", select: "VARCHAR", _dlt_load_id: "VARCHAR", _dlt_id: "VARCHAR" };
      await load(plan(schema, [await file(odd, columns, [[1, "x", "l", "r1"]])]));
      await load(plan(schema, [await file(odd, columns, [[1, "y'; --", "l", "r2"]])]));
      expect(await select(current().quoted("select"), odd)).toEqual([["y'; --"]]);
    });

    it("drops and truncates for refresh, once", async () => {
      await load(plan(flat(), [await items([[1, "a", "r1"]])]));
      const drop = plan({ ...flat(), version_hash: "hash-2" }, [await items([[2, "b", "r2"]])], {
        refresh: { drop: ["items"], truncate: [] },
      });
      await load(drop);
      expect(await select("id")).toEqual([[2]]);
      expect(await select("version_hash", "_dlt_version")).toEqual([["hash-2"]]);
      await load(drop);
      expect(await select("id")).toEqual([[2]]);
      await load(
        plan({ ...flat(), version_hash: "hash-2" }, [await items([[3, "c", "r3"]])], {
          refresh: { drop: [], truncate: ["items"] },
        }),
      );
      expect(await select("id")).toEqual([[3]]);
      expect(await select("version_hash", "_dlt_version")).toEqual([["hash-2"]]);
    });

    it("drops what dlt keeps in the staging dataset too", async () => {
      const merged = (hash: string) => ({ ...flat({ write_disposition: "merge" }), version_hash: hash });
      const staging = current().qualified("items", `${current().dataset}_staging`);
      await load(plan(merged("hash-1"), [await items([[1, "a", "r1"]])]));
      await open(async session => {
        await session.query(`CREATE SCHEMA IF NOT EXISTS ${staging.replace(/\.[^.]*$/, "")}`);
        await session.query(`CREATE TABLE ${staging} (id INT)`);
      });
      await load(
        plan(merged("hash-2"), [await items([[2, "b", "r2"]])], {
          refresh: { drop: ["items"], truncate: [] },
        }),
      );
      expect(await select("id")).toEqual([[2]]);
      await expect(open(session => session.query(`SELECT * FROM ${staging}`))).rejects.toThrow("items");
    });
  });

  describe("state and retries", () => {
    const state = (pipeline: string, version = 1): NonNullable<LoadPlan["state"]> => ({
      version,
      engine_version: 4,
      pipeline_name: pipeline,
      blob: `state of ${pipeline} ${version}`,
      created_at: "2026-01-01T00:00:00.123456+00:00",
      version_hash: `state-hash-${version}`,
      dlt_id: `state-${pipeline}-${version}`,
    });

    it("answers empty for a dataset that is not there", async () => {
      const query = { dataset: "nowhere", pipeline_name: "p", schema_names: ["api"] };
      expect(await open(session => session.restore(query))).toEqual({
        dataset_exists: false,
        state: null,
        schemas: {},
        max_load_id: null,
        newest_load_id: null,
      });
      expect(await open(session => session.isLoaded("nowhere", "1"))).toBe(false);
    });

    it("keeps two pipelines apart in one dataset, and ignores a state whose load is not closed", async () => {
      await load(plan(flat(), [await items([[1, "a", "r1"]])], { state: state("one") }));
      const other = storedSchema([rootTable("others", { id: "bigint", v: "text" })], "hash-o", "other");
      await load(plan(other, [await items([[1, "a", "r1"]], "others")], { state: state("two") }));
      await load(plan(flat(), [], { state: state("one", 2) }));
      const restore = (pipeline_name: string) =>
        open(s =>
          s.restore({ dataset: current().dataset, pipeline_name, schema_names: ["api", "other", "none"] }),
        );
      const one = await restore("one");
      expect(one.state).toEqual({
        blob: "state of one 2",
        version: 2,
        version_hash: "state-hash-2",
        load_id: "1700000003.25",
      });
      expect(one.max_load_id).toBe("1700000003.25");
      expect(Object.keys(one.schemas).sort()).toEqual(["api", "other"]);
      expect(one.schemas.api).toEqual(flat());
      expect((await restore("two")).state?.blob).toBe("state of two 1");
      await open(s =>
        s.query(`UPDATE ${current().qualified("_dlt_loads")} SET status = 1 WHERE load_id = '1700000003.25'`),
      );
      expect((await restore("one")).state?.version).toBe(1);
    });

    it("changes nothing when the load id is committed already", async () => {
      const p = plan(flat(), [await items([[1, "a", "r1"]])], { state: state("one") });
      await load(p);
      const again = await load(p);
      expect(again.items).toMatchObject({ rows: 1, inserted: 0, already_loaded: true });
      expect(await select("id")).toEqual([[1]]);
      expect(await loadCount()).toBe(1);
      expect(await open(session => session.isLoaded(current().dataset, p.load_id))).toBe(true);
    });

    it.each(["in transaction", "before _dlt_loads"])(
      "loses and doubles nothing when stopped %s",
      async phase => {
        // a destination that commits chain by chain is cut after every statement, in tests of its own
        if (current().destination.capabilities.commits === "chain") return;
        const schema = storedSchema([
          rootTable("first", { id: KEY, v: "text" }, { write_disposition: "merge" }),
          rootTable("second", { id: KEY, v: "text" }),
        ]);
        const p = plan(
          schema,
          [await items([[1, "a", "r1"]], "first"), await items([[1, "a", "r1"]], "second")],
          { state: state("one") },
        );
        const abort = new AbortController();
        const reason = new Error("stopped by the test");
        const attempt = open(
          async session => {
            await session.migrate(p);
            await session.loadChains([p], p.roots);
          },
          event => {
            if (event.phase === phase) abort.abort(reason);
          },
          abort.signal,
        );
        await expect(attempt).rejects.toBe(reason);
        expect(await select("id", "first")).toEqual([]);
        expect(await loadCount()).toBe(0);

        await load(p);
        expect(await select("id", "first")).toEqual([[1]]);
        expect(await select("id", "second")).toEqual([[1]]);
        expect(await select("version", "_dlt_pipeline_state")).toEqual([[1]]);
        expect(await loadCount()).toBe(1);
      },
    );

    it("refuses a value that does not fit, names the column and not the value, and loads nothing", async () => {
      const p = plan(flat(), [
        await file("items", { ...ITEM, id: "HUGEINT" }, [
          [1, "a", "l", "r1"],
          [10000000000000000000n, "b", "l", "r2"],
        ]),
      ]);
      const error = await load(p).then(
        () => undefined,
        (e: Error & { code?: string }) => e,
      );
      expect(error?.code).toBe("DESTINATION_REFUSED");
      expect(error?.message).toMatch(/items.*\b(1|a) row.*"id".*bigint/i);
      expect(error?.message).not.toContain("10000000000000000000");
      expect(error?.cause).toBeUndefined();
      expect(await select("id")).toEqual([]);
      expect(await loadCount()).toBe(0);
    });

    it.each(["append", "merge"] as const)(
      "refuses it also where one of several files has it, %s",
      async write_disposition => {
        const p = plan(flat({ write_disposition }), [
          await items([[1, "a", "r1"]]),
          await file("items", { ...ITEM, id: "DECIMAL(38,0)" }, [[10000000000000000000n, "b", "l", "r2"]]),
        ]);
        await expect(load(p)).rejects.toMatchObject({
          code: "DESTINATION_REFUSED",
          message: expect.stringMatching(/items.*\b(1|a) row.*"id".*bigint/i),
        });
        expect(await loadCount()).toBe(0);
      },
    );

    it("refuses NULL in a NOT NULL column", async () => {
      const p = plan(flat(), [await items([[null, "secret-value", "r1"]])]);
      await expect(load(p)).rejects.toMatchObject({
        code: "DESTINATION_REFUSED",
        message: expect.stringMatching(/items\.id/),
      });
    });

    it("tells that package files are gone", async () => {
      const p = plan(flat(), [
        { ...(await items([[1, "a", "r1"]])), path: join(current().folder, "gone.parquet") },
      ]);
      await expect(load(p)).rejects.toMatchObject({ code: "PACKAGE_LOST" });
    });
  });
}
