/** Random documents, hints and contracts with the answers of dlt 1.31.0: schema hashes, versions, errors, rows. */
import { parseJson } from "../../src/json/parse";
import { pythonFloat } from "../../src/json/python-text";
import type { Row } from "../../src/json/values";
import { TidemarkError } from "../../src/pipeline/errors";
import type { ResourceHints } from "../../src/pipeline/spec";
import { decimalParts } from "../../src/schema/coerce";
import { applyResourceHints, beginSchema } from "../../src/schema/hints";
import type { StoredSchema } from "../../src/schema/types";
import {
  DUCKDB_CAPABILITIES,
  type Normalized,
  normalizeRows,
  readTable,
  removeFolders,
} from "../support/normalize";
import vectors from "./vectors/normalize-dlt.json";

type Shown = string | number | boolean;
interface Answer {
  ok: boolean;
  step?: string;
  exception?: string;
  version?: number;
  hash?: string;
  rows?: { [table: string]: { [column: string]: Shown }[] };
  load_error?: string | null;
}
type LooseHints = Omit<ResourceHints, "write_disposition"> & { write_disposition?: unknown };
interface Vector {
  name: string;
  phases: string[];
  /** One for all phases, or one for each. */
  hints: LooseHints | LooseHints[];
  max_nesting: number | null;
  root_key: boolean | null;
  results: Answer[];
}

afterAll(removeFolders);

async function run(vector: Vector, phase: number, stored: StoredSchema | undefined): Promise<Normalized> {
  const options = { capabilities: DUCKDB_CAPABILITIES };
  const source = {
    max_table_nesting: vector.max_nesting ?? undefined,
    root_key: vector.root_key ?? undefined,
  };
  const loose = Array.isArray(vector.hints) ? vector.hints[phase]! : vector.hints;
  const disposition = loose.write_disposition;
  const hints = {
    ...loose,
    write_disposition: typeof disposition === "string" ? { disposition } : disposition,
  } as ResourceHints;
  const applied = applyResourceHints(beginSchema(stored, "api", source, options), "items", hints, options);
  const rows = applied.discarded ? [] : (parseJson(vector.phases[phase]!) as Row[]);
  return normalizeRows(applied.schema, rows, {
    table: applied.table,
    input: { with_state: phase === 0 },
    rowsPerFile: 5,
  });
}

test.each((vectors as unknown as Vector[]).map(vector => [vector.name, vector] as const))(
  "%s",
  async (_name, vector) => {
    let schema: StoredSchema | undefined;
    for (const [phase, answer] of vector.results.entries()) {
      if (!answer.ok) {
        const failure = await run(vector, phase, schema).catch((error: unknown) => error);
        expect(failure).toBeInstanceOf(TidemarkError);
        expect(failure).toMatchObject({ step: answer.step, dltException: answer.exception });
        return;
      }
      const output = await run(vector, phase, schema);
      schema = output.schema;
      expect([output.schema.version, output.schema.version_hash]).toEqual([answer.version, answer.hash]);
      if (answer.load_error) return;
      if (phase === 0 && answer.rows)
        await compareRows(output, answer.rows, JSON.stringify(vector.hints).includes("merge"));
    }
  },
);

/** Ids and load ids are random; merges may deduplicate in the destination, which is not our matter here. */
async function compareRows(
  output: Normalized,
  tables: NonNullable<Answer["rows"]>,
  merged: boolean,
): Promise<void> {
  for (const [table, expected] of Object.entries(tables)) {
    if (!output.files.some(file => file.table === table)) {
      expect(expected).toEqual([]);
      continue;
    }
    const { rows, columns, types } = await readTable(output, table);
    if (merged && rows.length !== expected.length) continue;
    const typeOf = new Map(columns.map((column, i) => [column, types[i]!]));
    const ours = rows.map(row =>
      canonical(
        Object.entries(row)
          .filter(([, value]) => value !== null)
          .map(([column, value]) => [column, comparable(value!, typeOf.get(column)!)]),
      ),
    );
    const theirs = expected.map(row =>
      canonical(Object.entries(row).map(([column, value]) => [column, recorded(value)])),
    );
    expect([table, ours.sort()]).toEqual([table, theirs.sort()]);
  }
}

function canonical(entries: [string, string][]): string {
  const kept = entries.filter(([column]) => !column.startsWith("_dlt_") || column === "_dlt_list_idx");
  return JSON.stringify(kept.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function recorded(value: Shown): string {
  if (typeof value !== "string") return String(value);
  const number = /^D(-?[\d.]+(?:E[+-]\d+)?)$/.exec(value);
  if (number !== null) return decimal(number[1]!);
  return /^\d{4}-\d\d-\d\dT/.test(value) ? String(Date.parse(value)) : value;
}

function comparable(value: string, type: string): string {
  if (type === "DOUBLE") return `F${pythonFloat(Number(value))}`;
  if (type.startsWith("DECIMAL")) return decimal(value);
  if (type === "BIGINT") return String(Number(value));
  if (type.startsWith("TIMESTAMP")) return String(Date.parse(value.replace(" ", "T").replace(/\+00$/, "Z")));
  return value;
}

function decimal(text: string): string {
  const { negative, digits, exponent } = decimalParts(text)!;
  let [size, power] = [digits, exponent];
  while (size !== 0n && size % 10n === 0n) {
    size /= 10n;
    power++;
  }
  return size === 0n ? "0" : `${negative ? "-" : ""}${size}e${power}`;
}
