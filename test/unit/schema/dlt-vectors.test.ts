/** Answers of dlt 1.31.0 itself, recorded: names, times, coercions. */
import { parseJson } from "../../../src/json/parse";
import { pythonFloat } from "../../../src/json/python-text";
import type { Value } from "../../../src/json/values";
import type { DataType } from "../../../src/pipeline/spec";
import { coerce, decimalParts, inferType, REFUSED } from "../../../src/schema/coerce";
import { epochMicros, fastMicros, parseIso } from "../../../src/schema/iso-time";
import { snakeCase } from "../../../src/schema/naming";
import coercions from "./vectors/coercions.json";
import isoTimes from "./vectors/iso-times.json";
import names from "./vectors/names.json";

const orNull = <T>(run: () => T): T | null => {
  try {
    return run();
  } catch {
    return null;
  }
};

test("names: identifiers, paths, shortening", () => {
  const namings = new Map<number | null, ReturnType<typeof snakeCase>>();
  for (const [limit, text, ident, path] of names as [number | null, string, string | null, string | null][]) {
    const naming = namings.get(limit) ?? snakeCase({ maxLength: limit ?? undefined });
    namings.set(limit, naming);
    expect([limit, text, orNull(() => naming.ident(text)), orNull(() => naming.path(text))]).toEqual([
      limit,
      text,
      ident,
      path,
    ]);
  }
});

test("joined names are shortened from their joined text", () => {
  expect(
    snakeCase({ maxLength: 63 }).join([
      "orders",
      "a_very_long_nested_list_name_number_one",
      "another_very_long_list_name",
    ]),
  ).toBe("orders__a_very_long_nested_libxx29a_another_very_long_list_name");
  expect(snakeCase().column(" ")).toBe("_empty");
  expect(snakeCase({ breakPath: false }).column("a__b")).toBe("a_b");
});

test("times in text", () => {
  for (const [text, expected] of isoTimes as [string, (string | number)[] | null][]) {
    const parsed = parseIso(text);
    const seen =
      parsed === undefined
        ? null
        : parsed.kind === "date"
          ? ["date", parsed.days]
          : [parsed.kind, parsed.seconds, parsed.micros, parsed.offset];
    expect([text, seen]).toEqual([text, expected]);
    const fast = fastMicros(text);
    if (!Number.isNaN(fast)) {
      expect(parsed?.kind === "timestamp" && epochMicros(parsed)).toBe(fast);
    }
    expect(inferType(text || "-", ["iso_timestamp"])).toBe(
      expected?.[0] === "timestamp" ? "timestamp" : "text",
    );
  }
});

test("coercions", () => {
  for (const [type, json, expected] of coercions as [DataType, string, string | null][]) {
    const value = parseJson(json) as Exclude<Value, null>;
    expect([type, json, shown(type, coerce(type, value), expected)]).toEqual([type, json, expected]);
  }
});

/** As the recorder printed Python's values. */
function shown(type: DataType, value: ReturnType<typeof coerce>, expected: string | null): string | null {
  if (value === REFUSED) return null;
  switch (type) {
    case "decimal":
    case "wei":
      return sameDecimal(value as string, expected) ? expected : `D:${String(value)}`;
    case "binary":
      return Buffer.from(value as Uint8Array).toString("hex");
    case "double":
      return pythonFloat(value as number);
    case "bool":
      return value ? "True" : "False";
    case "json":
      // orjson reads integers beyond 64 bits as floats; ours stay exact.
      return expected === "1e+20" && value === "99999999999999999999" ? expected : String(value);
    default:
      return String(value);
  }
}

function sameDecimal(ours: string, recorded: string | null): boolean {
  const [a, b] = [decimalParts(ours), decimalParts(recorded?.slice(2) ?? "")];
  if (a === undefined || b === undefined) {
    return (
      a === b &&
      ours.toLowerCase().slice(0, 4) === recorded?.slice(2).toLowerCase().slice(0, ours.slice(0, 4).length)
    );
  }
  const scale = Math.min(a.exponent, b.exponent);
  const at = (parts: typeof a): bigint => parts.digits * 10n ** BigInt(parts.exponent - scale);
  return at(a) === at(b) && (a.negative === b.negative || a.digits === 0n);
}
