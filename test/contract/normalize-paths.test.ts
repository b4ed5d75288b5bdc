/** The compiled path and the reference path are one function: same schema, same rows, for random documents. */
import { encodeLine } from "../../src/json/typed-json";
import type { Row, Value } from "../../src/json/values";
import { WholeFloat } from "../../src/json/values";
import type { ResourceHints } from "../../src/pipeline/spec";
import { applyResourceHints, beginSchema } from "../../src/schema/hints";
import { DUCKDB_CAPABILITIES, normalizeRows, readTable, removeFolders } from "../support/normalize";

/** Each of HINTS three times; more on demand. */
const CASES = Number(process.env.FUZZ_CASES ?? 27);
const KEYS = [
  "id",
  "name",
  "camelCase",
  "a b",
  "a__b",
  "x",
  "items",
  "list",
  "value",
  "ts",
  "constructor",
  "_x",
  "n",
];
const SCALARS: Value[] = [
  null,
  true,
  false,
  1,
  -7,
  2 ** 40,
  9007199254740993n,
  new WholeFloat(3),
  2.5,
  "",
  "text",
  "8",
  "2024-03-10T12:34:56Z",
  "2024-03-10",
  "é日本",
  'quote " and \\ and \n',
  "\u{1f600}",
  -0.25,
  0.1,
  1e-9,
  123456789.125,
  Math.PI,
  new WholeFloat(-0),
  new WholeFloat(1e22),
  new WholeFloat(250),
];
const HINTS: ResourceHints[] = [
  {},
  {},
  { write_disposition: { disposition: "merge" } },
  { write_disposition: { disposition: "merge", strategy: "scd2" } },
  { write_disposition: { disposition: "merge", strategy: "upsert" }, primary_key: ["key"] },
  { schema_contract: { columns: "discard_value" } },
  { schema_contract: { data_type: "discard_row" } },
  { schema_contract: { tables: "discard_row" } },
  { max_table_nesting: 1 },
  { columns: [{ name: "items", data_type: "json" }] },
  { nested_hints: { items: { primary_key: ["id"] } } },
];

/** A small seeded generator (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function documents(random: () => number): Row[] {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const value = (depth: number): Value => {
    const dice = random();
    if (depth === 0 || dice < 0.6) return pick(SCALARS);
    if (dice < 0.8) return object(depth - 1);
    return Array.from({ length: Math.floor(random() * 4) }, () => value(depth - 1));
  };
  const object = (depth: number): Row =>
    Object.fromEntries(Array.from({ length: Math.floor(random() * 5) }, () => [pick(KEYS), value(depth)]));
  // Most rows repeat a few shapes, so that the compiled path has something to do.
  const shapes = Array.from({ length: 4 }, () => object(3));
  return Array.from({ length: 40 }, (_, i) => ({ key: i, ...(random() < 0.7 ? pick(shapes) : object(3)) }));
}

/** The same row as a server may write it: with white space, with keys given twice, with characters escaped needlessly. */
function loosely(row: Row, random: () => number): string {
  let text = "";
  let inText = false;
  const compact = encodeLine(row);
  for (let i = 0; i < compact.length; i++) {
    const character = compact[i]!;
    if (inText && character === "\\") {
      text += character + compact[++i];
      continue;
    }
    if (character === '"') inText = !inText;
    if (inText && character === "x" && random() < 0.5) text += "\\u0078";
    else text += character;
    if (!inText && /[,:[{]/.test(character) && random() < 0.2) text += random() < 0.5 ? " " : "\t ";
    if (!inText && character === "{" && random() < 0.02) text += `"key":null, "x" : [1],`;
    if (!inText && /[\]}"]/.test(character) && random() < 0.1) text += " ";
  }
  return text.replaceAll('"x" : [1],}', '"x" : [1]}');
}

afterAll(removeFolders);

test.each(Array.from({ length: CASES }, (_, seed) => seed))("seed %i", async seed => {
  const random = generator(seed);
  const rows = documents(random);
  const hints = HINTS[seed % HINTS.length]!;
  const options = { capabilities: DUCKDB_CAPABILITIES };
  const source = { root_key: seed % 7 === 0 ? true : undefined };
  const { schema, discarded } = applyResourceHints(
    beginSchema(undefined, "s", source, options),
    "items",
    hints,
    options,
  );
  if (discarded) return;
  const texts = new Map(rows.map(row => [row, seed % 2 === 0 ? encodeLine(row) : loosely(row, random)]));
  const textOf = (row: Row) => texts.get(row)!;
  const attempt = (referenceOnly: boolean) =>
    normalizeRows(schema, rows, { referenceOnly, rowsPerFile: 7, textOf }).catch(
      (error: unknown) => error as Error,
    );
  const [compiled, reference] = [await attempt(false), await attempt(true)];
  if (reference instanceof Error || compiled instanceof Error) {
    expect(compiled).toEqual(reference);
    return;
  }
  expect(compiled.schema).toEqual(reference.schema);
  expect(compiled.tables).toEqual(reference.tables);
  expect(compiled.schema_changes).toEqual(reference.schema_changes);
  for (const { table } of reference.tables) {
    const [ours, theirs] = [await readTable(compiled, table), await readTable(reference, table)];
    expect([table, ours.rows]).toEqual([table, theirs.rows]);
    expect(new Set(ours.columns)).toEqual(new Set(theirs.columns));
  }
});
