/** Values of a backfill's range: what the workflow may refuse, what the engine decides, what the first row decides. */
import { checkEnd, IncrementalFilter, incrementalRange } from "../../../src/extract/incremental";
import { PlainDate, type Row, Timestamp, type Value } from "../../../src/json/values";
import { planBackfill } from "../../../src/load/backfill-range";
import { backfillFormProblem, backfillProblem } from "../../../src/pipeline/backfill-rules";
import type { CursorType } from "../../../src/pipeline/cursor";
import type { ResourcePlan } from "../../../src/pipeline/infos";
import type { IncrementalConfig, Json } from "../../../src/pipeline/spec";
import { fromStored, toStored } from "../../../src/state/cursor-values";
import { backfillRows } from "../../../src/workflows/backfill-rows";

type Given = string | number;
const BIG = "9007199254740993";
const plan = (cursor_type?: CursorType, more: Partial<ResourcePlan> = {}): ResourcePlan => ({
  name: "r",
  selected: true,
  cursor_path: "u",
  cursor_type,
  disposition: "merge",
  ...more,
});
const request = (from: Given, to?: Given) => ({ resource: "r", from, ...(to === undefined ? {} : { to }) });

describe("before anything runs, a range is refused only where it is wrong under every reading", () => {
  it.each<[CursorType | undefined, Given, Given]>([
    [undefined, "900", "1000"],
    [undefined, "-5", "-4.5"],
    [undefined, "-5", "3"],
    [undefined, BIG, "9007199254740994"],
    [undefined, "9", "10.5"],
    [undefined, 900, "1000"],
    [undefined, "900", 1000],
    // As texts, though not as numbers.
    [undefined, "1000", "900"],
    [undefined, "a", "b"],
    [undefined, "2026-01-01", "2026-02-01"],
    // As instants, though not as texts.
    [undefined, "2026-01-01T02:00:00+02:00", "2026-01-01T01:00:00Z"],
    ["timestamp", "2026-01-01T02:00:00+02:00", "2026-01-01T01:00:00Z"],
    ["timestamp", "2026-01-01T10:00:00", "2026-01-01T08:00:00+00:00"],
    ["date", "20260131", "2026-02-01"],
    ["bigint", "900", "1000"],
    ["bigint", 900, "1000"],
    ["bigint", BIG, "9007199254740994"],
    ["decimal", "-1000000000000000000000.5", "-1000000000000000000000.4"],
    ["double", "1e2", "101"],
    ["text", "1000", "900"],
  ])("%p: %p to %p may be right", (type, from, to) => {
    expect(backfillProblem(request(from, to), [plan(type)])).toBeUndefined();
  });

  it.each<[CursorType | undefined, Given, Given, RegExp]>([
    [undefined, "5", "5", /must be before/],
    [undefined, "b", "a", /must be before/],
    [undefined, "2026-02-01", "2026-01-01", /must be before/],
    [undefined, 7, 7, /must be before/],
    [undefined, 7, "6.99", /must be before/],
    [undefined, 7, "later", /of one type/],
    ["text", 7, "8", /of one type/],
    ["bigint", "1000", "900", /must be before/],
    ["bigint", "9007199254740994", BIG, /must be before/],
    ["bigint", BIG, BIG, /must be before/],
    ["decimal", "1.10", "1.1", /must be before/],
    ["bigint", "900", "soon", /"to" must be a number/],
    ["bigint", "Infinity", "900", /"from" must be a number/],
    ["double", "0x10", "900", /"from" must be a number/],
    ["timestamp", "2026-01-01T01:00:00Z", "2026-01-01T01:00:00Z", /must be before/],
    ["timestamp", "2026-01-02", "900", /"to" must be a date/],
    ["date", 5, "2026-01-01", /"from" must be a date/],
  ])("%p: %p to %p is refused", (type, from, to, reason) => {
    expect(backfillProblem(request(from, to), [plan(type)])).toMatch(reason);
  });

  it("a cursor that counts down is asked for from above", () => {
    const down = [plan("bigint", { last_value_func: "min" })];
    expect(backfillProblem(request("1000", "900"), down)).toBeUndefined();
    expect(backfillProblem(request("900", "1000"), down)).toMatch(/"from" must be above "to"/);
  });

  it("a run that was open before judges as it did then", () => {
    expect(backfillProblem(request("900", "1000"), [plan()], "by characters")).toMatch(/must be before/);
    expect(backfillProblem(request(900, 1000), [plan()], "by characters")).toBeUndefined();
    expect(backfillProblem(request(900, "1000"), [plan("bigint")], "by characters")).toMatch(/of one type/);
  });

  it.each<[unknown, RegExp]>([
    [{ resource: "x".repeat(501), from: 1 }, /"resource" is longer than 500/],
    [{ resource: "r", from: "1".repeat(201) }, /"from" is longer than 200/],
    [{ resource: "r", from: 2 ** 53 }, /beyond 2\^53.*as text/],
    [{ resource: "r", from: 1, to: null }, /"to" must be a value/],
    [{ resource: "r", from: [1] }, /"from" must be a value/],
    [JSON.parse('{"resource": "r", "from": 1, "__proto__": 1}'), /unknown key "__proto__"/],
  ])("%j has not the form of a request", (payload, reason) => {
    expect(backfillFormProblem(payload)).toMatch(reason);
  });

  it("an exponent is worked out within bounds only", () => {
    expect(backfillProblem(request("1e999999999", "2"), [plan("bigint")])).toMatch(/must be a number/);
  });
});

const config = (more: Partial<IncrementalConfig> = {}): IncrementalConfig => ({
  cursor_path: "u",
  last_value_func: "max",
  range_start: "closed",
  range_end: "open",
  on_cursor_value_missing: "raise",
  ...more,
});
const stored = (last: Value) => ({
  initial_value: null,
  last_value: toStored(last),
  unique_hashes: [],
  start_value: null,
});
const planned = (from: Given, to: Given, last: Value, more?: Partial<IncrementalConfig>) => {
  const { initial_value, end_value } = planBackfill(request(from, to), config(more), stored(last)).config;
  return [fromStored(initial_value as Json), fromStored(end_value as Json)];
};

describe("the engine knows the stored cursor and decides", () => {
  it.each<[Given, Given, Value, unknown]>([
    ["900", "1000", 5, [900, 1000]],
    ["-1000", "-900.5", 5, [-1000, -900.5]],
    [BIG, "9007199254740994", 5, [9007199254740993n, 9007199254740994n]],
    ["900", 1000, 5, [900, 1000]],
    ["0.1", "0.30000000000000000001", 0.5, [0.1, { text: "0.30000000000000000001" }]],
    [
      "2026-01-01T02:00:00+02:00",
      "2026-01-01T01:00:00Z",
      new Timestamp("2026-05-05T10:00:00+00:00"),
      [{ text: "2026-01-01T02:00:00+02:00" }, { text: "2026-01-01T01:00:00+00:00" }],
    ],
    // A cursor of texts compares by characters: a bound in another zone is written as the cursor's texts are.
    [
      "2026-01-01T02:00:00+02:00",
      "2026-01-01T01:00:00Z",
      "2026-05-05T10:00:00Z",
      ["2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"],
    ],
    [
      "2026-01-01 01:00:00.5Z",
      "2026-01-02",
      "2026-05-05T10:00:00.000+01:00",
      ["2026-01-01T02:00:00.500+01:00", "2026-01-02"],
    ],
    ["2026-01-01", "2026-02-01", "2026-05-05T10:00:00Z", ["2026-01-01", "2026-02-01"]],
  ])("%p to %p", (from, to, last, expected) => {
    expect(planned(from, to, last)).toMatchObject(expected as Json[]);
  });

  it.each<[Given, Given, Value, RegExp]>([
    ["1000", "900", 5, /must be before/],
    [BIG, BIG, 5, /must be before/],
    ["9", "10", "abc", /compare by their characters/],
    ["2026-01-01T05:00:00Z", "2026-01-01T09:00:00Z", new PlainDate("2026-05-05"), /whole days/],
    ["2026-01-01T01:00:00Z", "2026-01-01T02:00:00+02:00", new Timestamp("2026-05-05T10:00:00Z"), /before/],
    ["900", "soon", 5, /"to".*must be a number/],
    [900, 1000, "abc", /"from".*must be text/],
  ])("%p to %p is refused", (from, to, last, message) => {
    expect(() => planned(from, to, last)).toThrow(
      expect.objectContaining({ code: "BACKFILL_REFUSED", message: expect.stringMatching(message) }),
    );
  });

  it("a cursor that counts down", () => {
    expect(planned("1000", "900", 5, { last_value_func: "min" })).toEqual([1000, 900]);
    expect(() => planned("900", "1000", 5, { last_value_func: "min" })).toThrow(/"from" must be above "to"/);
  });
});

describe("of a cursor that holds nothing yet, the first row tells the type", () => {
  const rowsOf = (from: Given, to: Given | undefined, values: Value[]) => {
    const { config: ranged, stored: begun } = planBackfill(request(from, to), config(), undefined);
    const range = incrementalRange(ranged, begun);
    checkEnd(range);
    let running = new IncrementalFilter("r", range, begun, []).running();
    const kept: Row[] = [];
    for (const value of values) {
      // A filter of its own for each row: as after a crash.
      const filter = new IncrementalFilter("r", range, begun, [], running);
      kept.push(...filter.page([{ u: value }]));
      running = JSON.parse(JSON.stringify(filter.running()));
    }
    return kept.map(row => row.u);
  };
  it("numbers", () => {
    expect(rowsOf("900", "1000", [899, 900, 950, 999.5, 1000])).toEqual([900, 950, 999.5]);
    expect(rowsOf("900", undefined, [899, 900, 1000])).toEqual([900, 1000]);
    expect(rowsOf(900, "1000", [899, 900, 1000])).toEqual([900]);
  });
  it("texts", () => {
    expect(rowsOf("100", "900", ["0", "100", "5", "900"])).toEqual(["100", "5"]);
  });
  it("timestamps, also after a crash", () => {
    const at = (day: string) => new Timestamp(`${day}T00:00:00+00:00`);
    const days = ["2025-12-31", "2026-01-01", "2026-01-15", "2026-02-01"].map(at);
    expect(rowsOf("2026-01-01", "2026-02-01", days)).toEqual([days[1], days[2]]);
  });
  it("after a crash the cursor goes on from where it was, not from the start", () => {
    const at = (day: string) => new Timestamp(`${day}T00:00:00+00:00`);
    const range = incrementalRange(config({ initial_value: "2026-01-01T00:00:00" }), undefined);
    let filter = new IncrementalFilter("r", range, undefined, []);
    for (const day of ["2026-01-05", "2026-01-03"]) {
      filter = new IncrementalFilter("r", range, undefined, [], filter.running());
      filter.page([{ u: at(day) }]);
    }
    expect(fromStored(filter.finish()!.last_value)).toEqual(at("2026-01-05"));
  });
  it("a range that is empty in that type is refused there", () => {
    expect(() => rowsOf("100", "1e1", [5])).toThrow(
      expect.objectContaining({ code: "BACKFILL_REFUSED", message: expect.stringMatching(/bigint/) }),
    );
    expect(() => rowsOf("900", "1000", ["x"])).toThrow(/text values/);
  });
});

describe("rows of a backfill", () => {
  const tables = (...rows: [string, number][]) =>
    rows.map(([table, count]) => ({ table, rows: count, inserted: count, updated: 0, deleted: 0 }));
  const told = (...own: string[]) => ({ resource: "r", from: "1", tables: own });
  it("are those of its own tables, whatever their names and whatever else was loaded", () => {
    const loaded = tables(["other", 9], ["my__orders", 3], ["my__orders__lines", 12]);
    expect(backfillRows({ tables: loaded, backfill: told("my__orders") })).toBe(3);
    expect(backfillRows({ tables: loaded, backfill: told() })).toBe(0);
    expect(backfillRows({ tables: loaded, backfill: told("other", "my__orders") })).toBe(12);
  });
  it("of a result from before the tables were told are those of the first table that is no child", () => {
    const loaded = tables(["a__b", 9], ["a", 3]);
    expect(backfillRows({ tables: loaded, backfill: { resource: "r", from: "1" } })).toBe(3);
    expect(backfillRows({ tables: [] })).toBe(0);
  });
});
