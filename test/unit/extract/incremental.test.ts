import { readFileSync } from "node:fs";
import { join } from "node:path";
import { IncrementalFilter, incrementalRange } from "../../../src/extract/incremental";
import { parseJson } from "../../../src/json/parse";
import { orjsonText } from "../../../src/json/print";
import { decodeTyped, encodeLine } from "../../../src/json/typed-json";
import type { Row, Value } from "../../../src/json/values";
import type { IncrementalConfig, Json } from "../../../src/pipeline/spec";
import { fromStored, toStored } from "../../../src/state/cursor-values";
import type { StoredIncremental } from "../../../src/state/pipeline-state";

/** Written by dlt 1.31.0: options, pages of three runs, rows that passed, pages asked for, stored state. */
interface Vector {
  name: string;
  config: { [key: string]: Json };
  resource_key: string | string[] | null;
  runs: {
    pages: Value[][];
    rows?: Value[];
    asked?: number;
    state?: StoredIncremental | null;
    error?: string[];
  }[];
}
const vectors = parseJson(readFileSync(join(__dirname, "vectors/incremental.json"))) as unknown as Vector[];

const asList = (key: Json | undefined) =>
  key === undefined || key === null ? undefined : ((Array.isArray(key) ? key : [key]) as string[]);

function configOf(vector: Vector): IncrementalConfig {
  const key = vector.config.primary_key ?? vector.resource_key ?? undefined;
  return {
    last_value_func: "max",
    range_start: "closed",
    range_end: "open",
    on_cursor_value_missing: "raise",
    ...vector.config,
    cursor_path: vector.config.cursor_path as string,
    primary_key: asList(key),
    primary_key_is_list: Array.isArray(key),
  };
}

const text = (value: unknown) => orjsonText(value as Value, { sortKeys: true });
const sorted = (state: StoredIncremental) =>
  text({ ...state, unique_hashes: [...(state.unique_hashes ?? [])].sort() });

describe("the incremental filter, against dlt", () => {
  it.each(vectors.map(vector => [vector.name, vector] as const))("%s", (_name, vector) => {
    const config = configOf(vector);
    let stored: StoredIncremental | undefined;
    for (const [number, run] of vector.runs.entries()) {
      const range = incrementalRange(config, stored);
      let running = new IncrementalFilter("r", range, stored, undefined).running();
      const rows: Value[] = [];
      let asked = 0;
      let failed: string | undefined;
      for (const page of run.pages) {
        // Each page in a new filter, as after a crash: the checkpoint must hold all there is.
        const filter = new IncrementalFilter(
          "r",
          range,
          stored,
          undefined,
          parseJson(text(running)) as never,
        );
        if (filter.closed) break;
        asked++;
        try {
          const kept = filter.page(page.map(row => decodeTyped(parseJson(text(row))) as Row));
          rows.push(...kept.map(row => parseJson(encodeLine(row))));
        } catch (error) {
          failed = (error as { dltException?: string }).dltException;
          break;
        }
        running = filter.running();
      }
      expect({ run: number, failed }).toEqual({ run: number, failed: run.error?.at(-1) });
      if (run.error !== undefined) return;
      expect({ run: number, rows: text(rows) }).toEqual({ run: number, rows: text(run.rows) });
      // dlt fetches ahead where it filters; what counts is that we do not ask for more pages.
      expect(asked).toBeLessThanOrEqual(run.asked!);
      const state = new IncrementalFilter("r", range, stored, undefined, running).finish();
      if (run.state !== null && run.state !== undefined) expect(sorted(state!)).toBe(sorted(run.state));
      else expect(state).toBeUndefined();
      stored = run.state ?? undefined;
    }
  });

  it("stands for at least 200 option sets", () => expect(vectors.length).toBeGreaterThan(200));
});

describe("bounds written as text in a spec", () => {
  const config: IncrementalConfig = {
    cursor_path: "u",
    initial_value: "2024-01-02",
    last_value_func: "max",
    range_start: "closed",
    range_end: "open",
    on_cursor_value_missing: "raise",
  };
  it("become timestamps where the rows hold timestamps", () => {
    const filter = new IncrementalFilter("r", incrementalRange(config, undefined), undefined, ["id"]);
    const at = (time: string) => fromStored(`\uf027${time}`);
    const kept = filter.page([
      { id: 1, u: at("2024-01-01T23:59:59.999999+00:00") },
      { id: 2, u: at("2024-01-02T00:00:00+00:00") },
      { id: 3, u: at("2024-01-03T00:00:00+02:00") },
    ]);
    expect(kept.map(row => row.id)).toEqual([2, 3]);
    expect(filter.finish()!.last_value).toBe("\uf0272024-01-03T00:00:00+02:00");
  });
  it("fail clearly where the rows hold numbers, without telling values", () => {
    const filter = new IncrementalFilter("r", incrementalRange(config, undefined), undefined, ["id"]);
    expect(() => filter.page([{ id: 1, u: 77123 }])).toThrow(
      expect.objectContaining({ code: "CURSOR_TYPE", message: expect.not.stringMatching(/77123|2024/) }),
    );
  });
});

describe("hashes of dlt before 1.29", () => {
  it("still tell boundary rows apart, and end when the cursor moves", () => {
    const config: IncrementalConfig = {
      cursor_path: "u",
      last_value_func: "max",
      range_start: "closed",
      range_end: "open",
      on_cursor_value_missing: "raise",
    };
    // base64(shake_128('7').digest(15)), as an older dlt wrote it.
    const stored = {
      initial_value: null,
      last_value: 5,
      unique_hashes: ["+ZB5qOrG8FH6YPrUy5Sv"],
      start_value: 1,
    };
    const legacy = require("node:crypto")
      .createHash("shake128", { outputLength: 15 })
      .update("7")
      .digest("base64");
    stored.unique_hashes = [legacy];
    const filter = new IncrementalFilter("r", incrementalRange(config, stored), stored, ["id"]);
    expect(
      filter
        .page([
          { id: 7, u: 5 },
          { id: 8, u: 5 },
        ])
        .map(row => row.id),
    ).toEqual([8]);
    expect(filter.finish()!.unique_hashes!.map(hash => hash.length)).toEqual([20, 20]);
    filter.page([{ id: 9, u: toStored(6) as number }]);
    expect(filter.finish()!.unique_hashes!.map(hash => hash.length)).toEqual([12]);
  });
});

describe("many rows at one cursor value (dlt's warning, above 200)", () => {
  const config: IncrementalConfig = {
    cursor_path: "day",
    last_value_func: "max",
    range_start: "closed",
    range_end: "open",
    on_cursor_value_missing: "raise",
  };
  const rows = (day: number, from: number, until: number): Row[] =>
    Array.from({ length: until - from }, (_, i) => ({ id: from + i, day }));
  const filter = (more: Partial<IncrementalConfig>, stored?: StoredIncremental, running?: never) =>
    new IncrementalFilter("r", incrementalRange({ ...config, ...more }, stored), stored, ["id"], running);

  test.each([
    ["200 of them", {}, [rows(1, 0, 200)], undefined],
    ["201 in one page", {}, [rows(1, 0, 201)], 201],
    ["201 over two pages", {}, [rows(1, 0, 150), rows(1, 150, 201)], 201],
    ["more come after the first page that was too many", {}, [rows(1, 0, 250), rows(1, 250, 400)], 400],
    ["a value that newer rows come after", {}, [rows(1, 0, 300), rows(2, 300, 310)], 300],
    ["a page that ends at a newer value", {}, [[...rows(1, 0, 300), ...rows(2, 300, 310)]], undefined],
    ["the same rows again", {}, [rows(1, 0, 150), rows(1, 0, 150)], undefined],
    ["nothing is kept: range_start open", { range_start: "open" }, [rows(1, 0, 500)], undefined],
    ["nothing is kept: a lag", { lag: 1 }, [rows(1, 0, 500)], undefined],
  ] as [string, Partial<IncrementalConfig>, Row[][], number | undefined][])(
    "%s",
    (_name, more, pages, many) => {
      const one = filter(more);
      for (const page of pages) one.page(page);
      expect(one.manyAtOneValue).toBe(many);
    },
  );

  test("what the state had already is not told again, and a crash forgets nothing", () => {
    const first = filter({});
    first.page(rows(1, 0, 300));
    const next = filter({}, first.finish());
    next.page(rows(1, 0, 350));
    expect(next.manyAtOneValue).toBeUndefined();
    const again = filter({}, undefined, first.running() as never);
    expect(again.manyAtOneValue).toBe(300);
  });
});
