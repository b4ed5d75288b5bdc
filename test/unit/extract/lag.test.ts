import { readFileSync } from "node:fs";
import { join } from "node:path";
import { applyLag } from "../../../src/extract/lag";
import { parseJson } from "../../../src/json/parse";
import { orjsonText } from "../../../src/json/print";
import type { Value } from "../../../src/json/values";
import type { Json, LastValueFunc } from "../../../src/pipeline/spec";
import { fromStored, toStored } from "../../../src/state/cursor-values";

/** Written by dlt 1.31.0 (apply_lag). */
interface Vector {
  value: Json;
  lag: number;
  func: LastValueFunc;
  initial: Json;
  result?: Json;
  error?: string;
}
const vectors = parseJson(readFileSync(join(__dirname, "vectors/lag.json"))) as unknown as Vector[];
const show = (value: unknown) => orjsonText(value as Value);

/** dlt takes `202403` for seconds since 1970, and turns texts of other forms into datetimes that compare with nothing. */
const refused = (value: Json) =>
  typeof value === "string" &&
  ["202403", "2024-01-01 10:00:00", "2024-01-01T10:00:00.5", "abc"].includes(value);

describe("lag, against dlt", () => {
  it.each(vectors.map(vector => [show(vector), vector] as const))("%s", (_name, vector) => {
    const apply = () =>
      applyLag(Number(vector.lag), fromStored(vector.initial), fromStored(vector.value), vector.func);
    if (refused(vector.value)) {
      expect(apply).toThrow(expect.objectContaining({ code: "CURSOR_TYPE" }));
      return;
    }
    expect(vector.error).toBeUndefined();
    expect(show(toStored(apply()))).toBe(show(vector.result));
  });
});
