/**
 * Two datasets in one place, compared row by row inside the destination. What differs from load to load by nature is
 * left out or put in its place: `_dlt_id` and load ids are drawn anew, so child rows are compared together with the
 * rows above them, and the validity times of scd2 by their order.
 */
import type { SqlWords } from "../destinations/destination";
import { decodeSchema } from "../destinations/stored-schema";
import type { StoredSchema, StoredTable } from "../schema/types";
import { decodeStateBlob } from "../state/state-blob";

export type Row = { [column: string]: unknown };
export type Query = (sql: string) => Promise<Row[]>;

export interface DatasetPlace {
  /** Database or catalog, as information_schema has it. */
  catalog: string;
  schema: string;
}

/** How the destination's SQL is written. */
export type CompareWords = Pick<SqlWords, "name" | "columnsView">;

export interface Difference {
  table: string;
  /** One sentence with numbers and names, never a value. */
  what: string;
}

const IDS = ["_dlt_id", "_dlt_load_id", "_dlt_parent_id", "_dlt_root_id"];

export async function compareDatasets(
  query: Query,
  expected: DatasetPlace,
  found: DatasetPlace,
  words: CompareWords,
): Promise<Difference[]> {
  const comparison = new Comparison(
    query,
    words.name,
    await describe(query, expected, words),
    await describe(query, found, words),
  );
  return await comparison.run();
}

interface Described extends DatasetPlace {
  /** Columns of each table with their types, by name. */
  tables: Map<string, Map<string, string>>;
  shapes: Map<string, StoredTable>;
}

async function describe(
  query: Query,
  place: DatasetPlace,
  { name: quote, columnsView }: CompareWords,
): Promise<Described> {
  const rows = await query(
    `SELECT table_name, column_name, data_type FROM ${columnsView} ` +
      `WHERE table_catalog = '${literal(place.catalog)}' AND table_schema = '${literal(place.schema)}'`,
  );
  const tables: Described["tables"] = new Map();
  for (const row of rows) {
    const name = String(row.table_name);
    const columns = tables.get(name) ?? new Map<string, string>();
    columns.set(String(row.column_name), String(row.data_type));
    tables.set(name, columns);
  }
  const shapes: Described["shapes"] = new Map();
  if (tables.has("_dlt_version")) {
    for (const schema of await storedSchemas(
      query,
      `${quote(place.catalog)}.${quote(place.schema)}`,
      quote,
    )) {
      for (const table of Object.values(schema.tables)) shapes.set(table.name, table);
    }
  }
  return { ...place, tables, shapes };
}

async function storedSchemas(
  query: Query,
  dataset: string,
  quote: (name: string) => string,
): Promise<StoredSchema[]> {
  const rows = await query(
    `SELECT schema_name, ${quote("schema")} AS text FROM ${dataset}._dlt_version ORDER BY inserted_at, version`,
  );
  const newest = new Map(rows.map(row => [String(row.schema_name), String(row.text)]));
  return [...newest].map(([name, text]) => decodeSchema(name, text));
}

class Comparison {
  readonly #differences: Difference[] = [];

  constructor(
    private readonly query: Query,
    private readonly quote: (name: string) => string,
    private readonly expected: Described,
    private readonly found: Described,
  ) {}

  async run(): Promise<Difference[]> {
    const { expected, found } = this;
    const names = new Set([...expected.tables.keys(), ...found.tables.keys()]);
    for (const table of [...names].sort()) {
      if (!found.tables.has(table)) this.#differs(table, "the table is missing");
      else if (!expected.tables.has(table)) this.#differs(table, "a table that should not be there");
      else if (!table.startsWith("_dlt_")) await this.#compareTable(table);
    }
    await this.#compareLoads();
    await this.#compareStates();
    return this.#differences;
  }

  #differs(table: string, what: string): void {
    this.#differences.push({ table, what });
  }

  async #compareTable(table: string): Promise<void> {
    const columns = this.expected.tables.get(table)!;
    const others = this.found.tables.get(table)!;
    const shape = (list: Map<string, string>) =>
      [...list]
        .map(([name, type]) => `${name} ${type}`)
        .sort()
        .join(", ");
    if (shape(columns) !== shape(others)) {
      this.#differs(table, `other columns: ${shape(others)} in place of ${shape(columns)}`);
      return;
    }
    const a = this.#content(this.expected, table);
    const b = this.#content(this.found, table);
    const numbers = async (sql: string) => (await this.query(sql))[0] ?? {};
    const keys = this.#keys(table).map(key => this.quote(`c0_${key}`));
    const on = keys.map(key => `l.${key} = e.${key}`).join(" AND ");
    const {
      rows = 0,
      lost = 0,
      extra = 0,
      doubled = 0,
      changed = 0,
    } = await numbers(
      `WITH a AS (${a}), b AS (${b}), ` +
        "l AS (SELECT * FROM a EXCEPT ALL SELECT * FROM b), e AS (SELECT * FROM b EXCEPT ALL SELECT * FROM a), " +
        "again AS (SELECT * FROM e INTERSECT ALL SELECT * FROM a) " +
        "SELECT (SELECT count(*) FROM a) AS rows, (SELECT count(*) FROM l) AS lost, (SELECT count(*) FROM e) AS extra, " +
        "(SELECT count(*) FROM again) AS doubled, " +
        `${keys.length === 0 ? "0" : `(SELECT count(*) FROM l WHERE EXISTS (SELECT 1 FROM e WHERE ${on}))`} AS changed`,
    );
    const [all, missing, more, twice, other] = [rows, lost, extra, doubled, changed].map(Number) as [
      number,
      number,
      number,
      number,
      number,
    ];
    if (missing > 0 || more > 0) {
      const parts = [
        missing - other > 0 ? `${missing - other} lost` : undefined,
        other > 0 ? `${other} with other values` : undefined,
        twice > 0 ? `${twice} doubled` : undefined,
        more - twice - other > 0 ? `${more - twice - other} that should not be there` : undefined,
      ].filter(part => part !== undefined);
      this.#differs(table, `of ${all} rows: ${parts.join(", ")}`);
    }
    if (!columns.has("_dlt_id")) return;
    // scd2 keeps a row's id over its versions, so some tables have repeated ids by nature.
    const ids = (place: Described) =>
      numbers(
        `SELECT count(*) - count(DISTINCT ${this.quote("_dlt_id")}) AS n FROM ${this.#table(place, table)}`,
      );
    const [before, after] = [Number((await ids(this.expected)).n), Number((await ids(this.found)).n)];
    if (before !== after) this.#differs(table, `${after} repeated values of _dlt_id in place of ${before}`);
  }

  /** The table's rows with those above them, as one SELECT whose columns have the same names for both datasets. */
  #content(place: Described, table: string): string {
    const selected: string[] = [];
    const bounds: string[] = [];
    let from = `FROM ${this.#table(place, table)} t0`;
    let current = table;
    for (let level = 0; ; level++) {
      const times = this.#validity(place, current);
      for (const column of [...place.tables.get(current)!.keys()].sort()) {
        if (IDS.includes(column)) continue;
        const value = `t${level}.${this.quote(column)}`;
        const name = this.quote(`c${level}_${column}`);
        selected.push(
          times.includes(column)
            ? `(SELECT n FROM v${level} WHERE v${level}.moment = ${value}) AS ${name}`
            : `${value} AS ${name}`,
        );
      }
      if (times.length > 0) {
        const all = times
          .map(time => `SELECT ${this.quote(time)} AS moment FROM ${this.#table(place, current)}`)
          .join(" UNION ");
        bounds.push(
          `v${level} AS (SELECT moment, dense_rank() OVER (ORDER BY moment) AS n FROM (${all}) AS every_time)`,
        );
      }
      const parent = this.#parent(place, current);
      if (parent === undefined) break;
      from +=
        ` LEFT JOIN ${this.#table(place, parent)} t${level + 1} ` +
        `ON t${level + 1}.${this.quote("_dlt_id")} = t${level}.${this.quote("_dlt_parent_id")}`;
      current = parent;
    }
    // A table of ids alone still has rows to count.
    const what = selected.length > 0 ? selected.join(", ") : "1 AS c";
    return `${bounds.length > 0 ? `WITH ${bounds.join(", ")} ` : ""}SELECT ${what} ${from}`;
  }

  #parent(place: Described, table: string): string | undefined {
    if (!place.tables.get(table)!.has("_dlt_parent_id")) return undefined;
    const named = place.shapes.get(table)?.parent;
    return named !== undefined && place.tables.has(named) ? named : undefined;
  }

  #validity(place: Described, table: string): string[] {
    return Object.values(place.shapes.get(table)?.columns ?? {})
      .filter(column => column["x-valid-from"] === true || column["x-valid-to"] === true)
      .map(({ name }) => name)
      .filter(name => place.tables.get(table)!.has(name));
  }

  #keys(table: string): string[] {
    if (this.#validity(this.expected, table).length > 0) return [];
    return Object.values(this.expected.shapes.get(table)?.columns ?? {})
      .filter(column => column.primary_key === true)
      .map(({ name }) => name)
      .filter(name => this.expected.tables.get(table)!.has(name));
  }

  /** Every row belongs to a load that counts, every load counts once, and none of the expected ones is missing. */
  async #compareLoads(): Promise<void> {
    const { found } = this;
    if (!found.tables.has("_dlt_loads")) return;
    const loads = this.#table(found, "_dlt_loads");
    const one = async (sql: string) => Number((await this.query(sql))[0]?.n ?? 0);
    const doubled = await one(`SELECT count(*) - count(DISTINCT load_id) AS n FROM ${loads}`);
    if (doubled > 0) this.#differs("_dlt_loads", `${doubled} loads are there twice`);
    const open = await one(`SELECT count(*) AS n FROM ${loads} WHERE status <> 0`);
    if (open > 0) this.#differs("_dlt_loads", `${open} loads have another status than 0`);
    const least = await one(`SELECT count(*) AS n FROM ${this.#table(this.expected, "_dlt_loads")}`);
    const there = await one(`SELECT count(*) AS n FROM ${loads}`);
    if (there < least) this.#differs("_dlt_loads", `${there} loads in place of ${least} or more`);
    for (const [table, columns] of found.tables) {
      if (!columns.has("_dlt_load_id")) continue;
      const id = this.quote("_dlt_load_id");
      const stray = await one(
        `SELECT count(*) AS n FROM ${this.#table(found, table)} t ` +
          `WHERE NOT EXISTS (SELECT 1 FROM ${loads} l WHERE l.load_id = t.${id} AND l.status = 0)`,
      );
      if (stray > 0) this.#differs(table, `${stray} rows of a load that does not count`);
    }
  }

  /** Cursors and whatever else sources keep; versions and hashes of the state count its writes and may differ. */
  async #compareStates(): Promise<void> {
    const [before, after] = [await this.#states(this.expected), await this.#states(this.found)];
    for (const [pipeline, expected] of before) {
      const found = after.get(pipeline);
      if (found === undefined) this.#differs("_dlt_pipeline_state", `no state of pipeline ${pipeline}`);
      else if (found !== expected) {
        this.#differs(
          "_dlt_pipeline_state",
          `cursors of pipeline ${pipeline} differ at ${firstDifference(JSON.parse(expected), JSON.parse(found))}`,
        );
      }
    }
  }

  async #states(place: Described): Promise<Map<string, string>> {
    if (!place.tables.has("_dlt_pipeline_state")) return new Map();
    const rows = await this.query(
      `SELECT s.pipeline_name, s.state FROM ${this.#table(place, "_dlt_pipeline_state")} s ` +
        `JOIN ${this.#table(place, "_dlt_loads")} l ON l.load_id = s._dlt_load_id WHERE l.status = 0 ORDER BY l.load_id`,
    );
    return new Map(
      rows.map(row => [
        String(row.pipeline_name),
        JSON.stringify(sorted(decodeStateBlob(String(row.state)).sources ?? {})),
      ]),
    );
  }

  #table(place: DatasetPlace, name: string): string {
    return [place.catalog, place.schema, name].map(this.quote).join(".");
  }
}

/** Where two documents differ first: names only, no value. */
function firstDifference(a: unknown, b: unknown, way = ""): string {
  if (a !== null && b !== null && typeof a === "object" && typeof b === "object") {
    const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
    for (const key of keys) {
      const [left, right] = [(a as Row)[key], (b as Row)[key]];
      if (JSON.stringify(left) !== JSON.stringify(right)) {
        // Hashes in a list mean nothing to a reader: the list's name is enough.
        return Array.isArray(a) ? way : firstDifference(left, right, way === "" ? key : `${way}.${key}`);
      }
    }
  }
  return way;
}

/** With keys in one order, and lists of hashes too: neither's order means anything. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(sorted);
    return items.every(item => typeof item === "string") ? [...items].sort() : items;
  }
  // Numbers of our own reader keep their text.
  if (value === null || typeof value !== "object") return typeof value === "bigint" ? String(value) : value;
  if (Object.getPrototypeOf(value) !== Object.prototype) {
    return String((value as { text?: unknown }).text ?? value);
  }
  return Object.fromEntries(
    Object.keys(value)
      // Where the last run began says how often was run, not what is there.
      .filter(key => key !== "start_value")
      .sort()
      .map(key => [key, sorted((value as Row)[key])]),
  );
}

const literal = (text: string) => text.replaceAll("'", "''");
