/** Backfills over real DuckDB: values as the command line sends them, and the rows that are reported. */
import type { Row } from "../../../src/json/values";
import type { BackfillRequest, IncrementalConfig } from "../../../src/pipeline/spec";
import { backfillRows } from "../../../src/workflows/backfill-rows";
import { Engine, pagesOf, sourceOf } from "../../support/engine";

let engine: Engine;
beforeEach(() => {
  engine = new Engine();
});
afterEach(() => engine.remove());

const INCREMENTAL: IncrementalConfig = {
  cursor_path: "u",
  last_value_func: "max",
  range_start: "closed",
  range_end: "open",
  on_cursor_value_missing: "raise",
};
/** Its root table has "__" in its name, as a child of another would. */
const orders = (rows: Row[]) =>
  pagesOf("shop__orders", () => [rows], {
    hints: { primary_key: ["id"], write_disposition: { disposition: "merge" } },
    incremental: INCREMENTAL,
  });
const rows: Row[] = [850, 900, 950, 1000, 1100].map(u => ({ id: u, u, lines: [{ n: 1 }, { n: 2 }] }));
const backfill = (request: Partial<BackfillRequest>) =>
  engine.run(engine.spec(), sourceOf("s", orders(rows)), {
    backfill: { resource: "shop__orders", from: "900", to: "1000", ...request },
  });

test("900 to 1000, given as text for a numeric cursor, and its own rows counted", async () => {
  await engine.run(engine.spec(), sourceOf("s", orders(rows)));
  const run = await backfill({});
  expect(run.backfill).toEqual({
    resource: "shop__orders",
    from: "900",
    to: "1000",
    tables: ["shop__orders"],
  });
  expect(backfillRows(run)).toBe(2);
  expect(run.cursors[0]!.value.text).toBe("1100");
});

test("before the first load, when nobody knows the cursor's type yet", async () => {
  const run = await backfill({});
  expect(backfillRows(run)).toBe(2);
  const found = await engine.query<{ id: unknown }>("SELECT id FROM raw.shop__orders ORDER BY id");
  expect(found.map(row => Number(row.id))).toEqual([900, 950]);
});

test("a range that is empty as numbers is refused before anything is written", async () => {
  await engine.run(engine.spec(), sourceOf("s", orders(rows)));
  await expect(backfill({ from: "1000", to: "900" })).rejects.toMatchObject({
    code: "BACKFILL_REFUSED",
    message: expect.stringMatching(/"from" must be before "to"/),
  });
});
