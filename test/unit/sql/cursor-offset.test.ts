import { Timestamp } from "../../../src/json/values";
import { planBackfill } from "../../../src/load/backfill-range";
import { asUtc, hasOffset, isOnTwoDays } from "../../../src/pipeline/cursor-offset";
import type { IncrementalConfig } from "../../../src/pipeline/spec";
import type { IncrementalRange } from "../../../src/sources/source";
import { rangeInZone } from "../../../src/sources/sql/cursor-zone";

test.each([
  ["2026-11-01T03:00:00+02:00", "2026-11-01T01:00:00"],
  ["2026-11-01 03:00:00.123456 +02", "2026-11-01T01:00:00.123456"],
  ["2026-11-01T00:30-0530", "2026-11-01T06:00"],
  ["20261101T000000Z", "2026-11-01T00:0000"],
  ["2026-12-31T23:59:59.9-00:01", "2027-01-01T00:00:59.9"],
  ["0001-01-02T00:00:00+01:00", "0001-01-01T23:00:00"],
  ["2026-11-01T03:00:00", "2026-11-01T03:00:00"],
  ["2026-11-01", "2026-11-01"],
  ["17", "17"],
  ["2026-13-01T03:00:00Z", "2026-13-01T03:00:00Z"],
])("%s without a zone is %s", (text, utc) => {
  expect(asUtc(text)).toBe(utc);
});

test.each([
  ["2026-11-01T03:00:00+02:00", false],
  ["2026-11-01T01:00:00+02:00", true],
  ["2026-11-01T23:00:00-02:00", true],
  ["2026-11-01T00:00:00Z", false],
  ["2026-11-01", false],
])("%s is on two days: %p", (text, two) => {
  expect(isOnTwoDays(text)).toBe(two);
});

const config = {
  cursor_path: "c",
  last_value_func: "max",
  range_start: "closed",
  range_end: "open",
} as IncrementalConfig;
const range = (values: Partial<IncrementalRange>) => ({ config, ...values }) as IncrementalRange;

test("a range is put into the zone of its column", () => {
  const given = range({
    start_value: "2026-11-01T03:00:00+02:00",
    end_value: new Timestamp("2026-11-01T06:00:00+02:00"),
    initial_value: "2026-10-01",
  });
  expect(rangeInZone(given, "timestamp")).toEqual(
    range({
      start_value: "2026-11-01T01:00:00",
      end_value: new Timestamp("2026-11-01T04:00:00"),
      initial_value: "2026-10-01",
    }),
  );
  expect(rangeInZone(given, "other")).toBe(given);
  expect(rangeInZone(given, "date")).toEqual(given);
  expect(() => rangeInZone(range({ end_value: "2026-11-01T01:00:00+02:00" }), "date")).toThrow(
    expect.objectContaining({ code: "SPEC_INVALID", message: expect.stringContaining("end_value") }),
  );
});

test("two spellings of one backfill are one range", () => {
  const plan = (from: string, to: string, last_value: string) =>
    planBackfill({ resource: "r", from, to }, config, {
      initial_value: null,
      last_value,
      unique_hashes: [],
      start_value: null,
    } as never).config;
  for (const last of ["\uf0272026-05-05T10:00:00", "\uf0272026-05-05T10:00:00+00:00"]) {
    const east = plan("2026-11-01T03:00:00+02:00", "2026-11-01T05:00:00+02:00", last);
    const utc = plan("2026-11-01T01:00:00Z", "2026-11-01T03:00:00Z", last);
    const instants = (one: IncrementalConfig) =>
      [one.initial_value, one.end_value].map(value => asUtc(String(value).slice(1)));
    expect(instants(east)).toEqual(instants(utc));
  }
  expect(() => plan("2026-11-01T01:00:00+02:00", "2026-11-02", "\uf0282026-05-05")).toThrow(
    expect.objectContaining({ code: "BACKFILL_REFUSED", message: expect.stringContaining("one day") }),
  );
});

test("what is no time has no offset", () => {
  for (const text of ["a+02:00", "2026", "", "12:00:00+02:00"]) expect(hasOffset(text)).toBe(false);
});
