/** The number of a metric's SELECT: read-only, one row with one number, missing things told. */
import { fillSchemas } from "../../../src/pipeline/select-text";
import { type CreateHarness, useDestination } from "./destination-kit";

export function describeMetricNumbers(create: CreateHarness): void {
  const { current, open, plan, load, items, select, flat } = useDestination(create);

  it("gives one number of one SELECT, tells what is missing, and writes nothing", async () => {
    await load(
      plan(flat(), [
        await items([
          [1, "1", "r1"],
          [2, null, "r2"],
        ]),
      ]),
    );
    await open(async session => {
      const { words } = session;
      const number = (sql: string) =>
        session.selectNumber(
          fillSchemas(sql, { raw: words.schema(current().dataset), analytics: words.schema("not_there") }),
        );
      const id = words.name("id");
      expect(await number("SELECT count(*) FROM {{ raw }}.items;  -- all")).toEqual({ value: 2 });
      expect(
        await number("WITH a AS (SELECT * FROM {{raw}}.items) SELECT avg(id) /* mean */ FROM a"),
      ).toEqual({
        value: 1.5,
      });
      expect(await number("SELECT CAST(1.25 AS DECIMAL(9, 2))")).toEqual({ value: 1.25 });
      expect(await number(`SELECT max(${id}) FROM {{ raw }}.items WHERE 1 = 0`)).toMatchObject({
        missing: expect.stringContaining("NULL"),
      });
      expect(await number("SELECT id FROM {{ raw }}.items WHERE id = 9")).toMatchObject({
        missing: expect.stringContaining("no row"),
      });
      expect(await number("SELECT count(*) FROM {{ analytics }}.t")).toMatchObject({
        missing: expect.stringContaining("not there"),
      });
      expect(await number("SELECT sum(nope) FROM {{ raw }}.items")).toMatchObject({
        missing: expect.stringMatching(/column/),
      });
      const age = await number(
        `SELECT ${words.secondsSince("max(inserted_at)")} FROM {{ raw }}._dlt_loads WHERE status = 0`,
      );
      expect(age).toEqual({ value: expect.any(Number) });
      expect(Math.abs((age as { value: number }).value)).toBeLessThan(600);

      for (const [sql, why] of [
        ["SELECT id FROM {{ raw }}.items", /several rows/],
        ["SELECT id, v FROM {{ raw }}.items WHERE id = 1", /columns/],
        ["SELECT v FROM {{ raw }}.items WHERE id = 1", /type/],
        ["SELECT 1; SELECT 2", /statement/],
        ["DELETE FROM {{ raw }}.items", /SELECT|refuses/],
        ["SELECT 1) AS m(value); DELETE FROM {{ raw }}.items; SELECT * FROM (SELECT 1", /./],
        ["SELECT 1 FRM {{ raw }}.items", /./],
      ] as const) {
        await expect(number(sql)).rejects.toMatchObject({
          code: "GATE_METRIC",
          message: expect.stringMatching(why),
        });
      }
      expect(await number("SELECT count(*) FROM {{ raw }}.items")).toEqual({ value: 2 });
    });
    expect(await select("id")).toEqual([[1], [2]]);
  });
}
