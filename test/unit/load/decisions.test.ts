import { datasetNames } from "../../../src/destinations/dataset-names";
import { planBackfill } from "../../../src/load/backfill-range";
import { decideCursor, type TruthQuestion } from "../../../src/load/cursor-truth";
import { drawLoadId, isoMicros, pipelineMark } from "../../../src/load/load-id";
import type { DestinationSpec, IncrementalConfig, Json } from "../../../src/pipeline/spec";

describe("where the cursor comes from", () => {
  const row = (version: number, hash = `h${version}`) => ({ version, version_hash: hash });
  const knows = (version: number, blob: string | undefined = "blob") => ({
    load_id: "1.5",
    state: { version, version_hash: `h${version}`, blob },
  });
  type Case = [name: string, question: Partial<TruthQuestion>, from: string, note: RegExp | undefined];
  const cases: Case[] = [
    ["first run", { dataset_exists: false }, "nothing", undefined],
    ["dataset dropped", { dataset_exists: false, history: knows(3) }, "nothing", /gone.*starting over/],
    ["dataset of others", {}, "nothing", undefined],
    ["no history", { stored: row(3) }, "destination", undefined],
    [
      "in step",
      { stored: row(3), history: knows(3), history_load_committed: true },
      "destination",
      undefined,
    ],
    [
      "another engine went on",
      { stored: row(5), history: knows(3), history_load_committed: true },
      "destination",
      /in between/,
    ],
    [
      "same version, other content",
      { stored: row(3, "x"), history: knows(3), history_load_committed: true },
      "destination",
      /in between/,
    ],
    [
      "state rows deleted",
      { history: knows(3), history_load_committed: true },
      "history",
      /no state row.*going on from version 3/,
    ],
    [
      "newest state row deleted",
      { stored: row(2), history: knows(3), history_load_committed: true },
      "history",
      /only state version 2/,
    ],
    [
      "dataset restored from a backup",
      { stored: row(2), history: knows(3) },
      "destination",
      /not the load.*it is used/,
    ],
    ["dataset made anew", { history: knows(3) }, "nothing", /starting over/],
    [
      "state too large for history",
      { stored: row(2), history: { ...knows(3), state: row(3) as never }, history_load_committed: true },
      "destination",
      /too large/,
    ],
    [
      "state too large and row deleted",
      { history: { ...knows(3), state: row(3) as never }, history_load_committed: true },
      "nothing",
      /too large.*starting over/,
    ],
    [
      "history without state",
      { stored: row(2), history: { load_id: "1.5" }, history_load_committed: true },
      "destination",
      undefined,
    ],
  ];
  it.each(cases)("%s", (_name, question, from, note) => {
    const truth = decideCursor({
      pipeline_name: "p",
      dataset: "raw",
      dataset_exists: true,
      stored: null,
      history_load_committed: false,
      ...question,
    });
    expect(truth.from).toBe(from);
    if (note === undefined) expect(truth.note).toBeUndefined();
    else expect(truth.note).toMatch(note);
  });
});

describe("load ids", () => {
  it("look like Python's time, and end with the pipeline's mark", () => {
    const mark = pipelineMark("shop");
    expect(mark).toMatch(/^\d{4}$/);
    expect(mark).not.toBe(pipelineMark("other"));
    expect(drawLoadId(1795456129174.7148, null, "shop")).toBe(`1795456129.1747148${mark}`);
    expect(drawLoadId(1795456129000, null, "shop")).toBe(`1795456129.0000000${mark}`);
  });
  it("keep the mark after an id of another pipeline or engine", () => {
    const mark = pipelineMark("shop");
    for (const after of ["1895456129.17", "1895456129.1747148", "1895456129.17471489999", "1895456129"]) {
      const id = drawLoadId(1795456129000, after, "shop");
      expect(id > after).toBe(true);
      expect(id).toMatch(new RegExp(`^\\d+\\.\\d{7}${mark}$`));
    }
  });
  it.each([
    ["1795456129.1747148"],
    ["1795456129.9"],
    ["1795456999.1234567891234"],
    ["1795456129.0"],
    ["2026-01-01T00:00:00Z"],
    ["9"],
  ])("sort as text after %s, again and again", after => {
    let last = after;
    for (let i = 0; i < 50; i++) {
      const next = drawLoadId(1795456129000, last, "shop");
      expect(next > last).toBe(true);
      expect(next.length).toBeLessThanOrEqual(64);
      if (/^\d+\./.test(after)) expect(next).toMatch(/^\d+\.\d+$/);
      last = next;
    }
  });
  it("have creation times with microseconds", () => {
    expect(isoMicros(1795456129174.7148)).toBe("2026-11-23T17:48:49.174714+00:00");
  });
});

describe("ranges of backfills", () => {
  const config = (initial?: Json): IncrementalConfig => ({
    cursor_path: "u",
    ...(initial === undefined ? {} : { initial_value: initial }),
    last_value_func: "max",
    range_start: "open",
    range_end: "closed",
    lag: 3600,
    on_cursor_value_missing: "raise",
  });
  const stored = (last: Json) => ({
    initial_value: null,
    last_value: last,
    unique_hashes: ["h"],
    start_value: null,
  });
  const request = (from: string | number, to?: string | number) => ({
    resource: "r",
    from,
    ...(to === undefined ? {} : { to }),
  });

  it("with an end are stateless, closed at the start and open at the end, without lag", () => {
    const plan = planBackfill(
      request("2026-01-01", "2026-02-01"),
      config("2020-01-01T00:00:00Z"),
      stored("2026-05-05T10:00:00Z"),
    );
    expect(plan.stored).toBeUndefined();
    expect(plan.config).toMatchObject({
      initial_value: "2026-01-01",
      end_value: "2026-02-01",
      range_start: "closed",
      range_end: "open",
    });
    expect(plan.config.lag).toBeUndefined();
  });
  it("with a start alone rewind the cursor", () => {
    const plan = planBackfill(request(5), config(1), stored(90));
    expect(plan.stored).toEqual({ initial_value: null, last_value: 5, unique_hashes: [], start_value: null });
    expect(plan.config.end_value).toBeUndefined();
  });
  it.each<[string | number, Json, Json]>([
    ["2026-01-01", "\uf0272026-05-05T10:00:00+00:00", "\uf0272026-01-01T00:00:00+00:00"],
    ["2026-01-01T02:00:00+02:00", "\uf0272026-05-05T10:00:00+00:00", "\uf0272026-01-01T02:00:00+02:00"],
    ["2026-01-01", "\uf0272026-05-05T10:00:00", "\uf0272026-01-01T00:00:00"],
    ["2026-01-01T05:00:00Z", "\uf0282026-05-05", "\uf0282026-01-01"],
    ["17", 5, 17],
    ["9007199254740993", 5, 9007199254740993n as never],
    [17, "\uf0265.5", "\uf02617"],
  ])("take %p for a cursor like %p as %p", (from, last, expected) => {
    expect(planBackfill(request(from), config(), stored(last)).stored!.last_value).toEqual(expected);
  });
  it.each<[string | number, Json]>([
    [5, "\uf0272026-05-05T10:00:00"],
    ["soon", "\uf0282026-05-05"],
    ["abc", 5],
    [5, "text"],
  ])("refuse %p for a cursor like %p", (from, last) => {
    expect(() => planBackfill(request(from), config(), stored(last))).toThrow(
      expect.objectContaining({ code: "BACKFILL_REFUSED" }),
    );
  });
});

describe("names of datasets", () => {
  const names = (dataset: string, options: object = {}) =>
    datasetNames({ dataset_name: dataset, destination: { type: "duckdb", ...options } as DestinationSpec });
  it("are normalised, and the staging dataset follows the layout", () => {
    expect(names("My-Raw__x")).toEqual({ dataset: "my_raw_x", staging_dataset: "my_raw_x_staging" });
    expect(names("raw", { staging_dataset_name_layout: "tmp_%s" }).staging_dataset).toBe("tmp_raw");
    expect(names("GitHubData")).toEqual({
      dataset: "git_hub_data",
      staging_dataset: "git_hub_data_staging",
    });
    expect(names("a$&b", { enable_dataset_name_normalization: false }).staging_dataset).toBe("a$&b_staging");
    expect(names("Raw", { enable_dataset_name_normalization: false }).dataset).toBe("Raw");
  });
});
