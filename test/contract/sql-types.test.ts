/**
 * The tables of "Types" in docs/sql-sources.md, row by row: what each names is loaded from a real PostgreSQL into DuckDB,
 * or refused as the page says. That the outcome is dlt's too: sql-parity.test.ts.
 */
import type { PostgresServer } from "../../demo/postgres-server";
import type { Row } from "../../src/json/values";
import type { SourceSpec } from "../../src/pipeline/spec";
import type { Resource } from "../../src/sources/source";
import { sqlTableSource } from "../../src/sources/sql/sql-source";
import { Engine, sourceOf } from "../support/engine";
import { readRepository, tablesOf } from "../support/page-tables";
import { execute, startTestPostgres } from "../support/postgres";

const [KINDS, REFUSALS] = tablesOf(readRepository("docs/sql-sources.md")).get("Types")!;

/** PostgreSQL's type, a value as SQL, the column in DuckDB, the value in it as text, and what its name ends with. */
type Column = [type: string, value: string, column: string, loaded: string | null, part?: string];

const JSON_COLUMN = "JSON";
const ZONED = "TIMESTAMP WITH TIME ZONE";

/** First cell of a row → what it names. */
const LOADED: { [row: string]: Column[] } = {
  "`smallint`, `int`, `bigint`, `oid`": [
    ["smallint", "-32768", "BIGINT", "-32768"],
    ["int", "2147483647", "BIGINT", "2147483647"],
    ["bigint", "-9223372036854775808", "BIGINT", "-9223372036854775808"],
    ["oid", "4294967295", "BIGINT", "4294967295"],
  ],
  "`numeric(p,s)`": [
    ["numeric(12,2)", "-9999999999.99", "DECIMAL(12,2)", "-9999999999.99"],
    ["numeric(38,20)", "1.00000000000000000001", "DECIMAL(38,20)", "1.00000000000000000001"],
    ["numeric(4,4)", "0.0001", "DECIMAL(4,4)", ".0001"],
  ],
  "`numeric`": [
    ["numeric", "-1234567.125", "DECIMAL(38,9)", "-1234567.125000000"],
    ["numeric", "0.1234567894", "DECIMAL(38,9)", "0.123456789"],
  ],
  "`real`, `double precision`": [
    ["real", "1.1", "DOUBLE", "1.1"],
    ["double precision", "0.1", "DOUBLE", "0.1"],
    ["double precision", "'NaN'", "DOUBLE", null],
  ],
  "`boolean`, `date`, `bytea`": [
    ["boolean", "true", "BOOLEAN", "true"],
    ["date", "'1999-12-31'", "DATE", "1999-12-31"],
    ["bytea", "'\\x00ff'", "BLOB", "\\x00\\xFF"],
  ],
  "`timestamp`, `timestamptz`": [
    ["timestamp", "'2026-01-02 03:04:05.123456'", "TIMESTAMP", "2026-01-02 03:04:05.123456"],
    ["timestamp", "'infinity'", "TIMESTAMP", "9999-12-31 23:59:59.999999"],
    ["timestamp", "'-infinity'", "TIMESTAMP", "0001-01-01 00:00:00"],
    ["timestamptz", "'2026-01-02 03:04:05.5+02'", ZONED, "2026-01-02 01:04:05.5+00"],
    ["timestamptz", "'infinity'", ZONED, "9999-12-31 23:59:59.999999+00"],
  ],
  "`time`, `timetz`": [
    ["time", "'03:04:05.123456'", "TIME", "03:04:05.123456"],
    ["time", "'24:00'", "TIME", "00:00:00"],
    ["timetz", "'03:04:05+02'", "TIME", "03:04:05"],
  ],
  "text types, `uuid`, enums": [
    ["text", "'añ🙂'", "VARCHAR", "añ🙂"],
    ["char(5)", "'ab'", "VARCHAR", "ab   "],
    ["uuid", "'A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11'", "VARCHAR", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"],
    ["mood", "'calm'", "VARCHAR", "calm"],
  ],
  "`json`, `jsonb`": [
    ["json", `'{"b" : 1.0, "a": [12345678901234]}'`, JSON_COLUMN, '{"b":1.0,"a":[12345678901234]}'],
    ["jsonb", `'{"k": null}'`, JSON_COLUMN, '{"k":null}'],
    ["jsonb", "'null'", JSON_COLUMN, null],
  ],
  "arrays of types that SQLAlchemy knows, of enums and domains": [
    ["int[]", "'{{1,NULL},{3,4}}'", JSON_COLUMN, "[[1,null],[3,4]]"],
    ["int[]", "'[0:2]={1,2,3}'", JSON_COLUMN, "[1,2,3]"],
    ["text[]", `'{NULL,"NULL",""}'`, JSON_COLUMN, '[null,"NULL",""]'],
    ["mood[]", "'{calm,NULL}'", JSON_COLUMN, '["calm",null]'],
    ["percent[]", "'{1.50}'", JSON_COLUMN, '["1.50"]'],
    ["numeric[]", "'{1.5,NaN}'", JSON_COLUMN, '["1.5","NaN"]'],
  ],
  "arrays of any other type: `box[]`, `point[]`, `xml[]`, of composites, of ranges of one's own": [
    ["box[]", "'{(1,1),(0,0);(3,3),(2,2)}'", "VARCHAR", "{(1,1),(0,0);(3,3),(2,2)}"],
    ["point[]", `'{"(1,2)"}'`, "VARCHAR", '{"(1,2)"}'],
    ["xml[]", "array['<a/>'::xml]", "VARCHAR", "{<a/>}"],
    ["pair[]", "array[(1,'x')::pair]", "VARCHAR", '{"(1,x)"}'],
    ["floatrange[]", "array['[1,2)'::floatrange]", "VARCHAR", '{"[1,2)"}'],
  ],
  "`int2vector`, `oidvector`": [
    ["int2vector", "'1 2 3'", "VARCHAR", "1 2 3"],
    ["oidvector", "'4 5'", "VARCHAR", "4 5"],
  ],
  "a type of one's own that is called as a built-in one": [
    ['own."date"', "'spring'", "VARCHAR", "spring"],
    ['own."int4"', "'x'", "VARCHAR", "x"],
  ],
  domains: [
    ["percent", "99.5", "DECIMAL(38,9)", "99.500000000"],
    ["later", "7", "BIGINT", "7"],
  ],
  "ranges, hstore": [
    ["int4range", "'[1,5)'", "BIGINT", "5", "__upper"],
    ["hstore", "'a=>1'", "VARCHAR", "1", "__a"],
    ["int4multirange", "'{[1,3)}'", "VARCHAR", "{[1,3)}"],
  ],
  "money, inet, cidr, macaddr, bit, xml, tsvector, geometry, composite, reg*, any other": [
    ["money", "-12.5", "VARCHAR", "-$12.50"],
    ["inet", "'10.0.0.1/8'", "VARCHAR", "10.0.0.1/8"],
    ["cidr", "'10.0.0.0/8'", "VARCHAR", "10.0.0.0/8"],
    ["macaddr", "'08:00:2b:01:02:03'", "VARCHAR", "08:00:2b:01:02:03"],
    ["bit(3)", "B'101'", "VARCHAR", "101"],
    ["xml", "'<a/>'", "VARCHAR", "<a/>"],
    ["tsvector", "'a b'::tsvector", "VARCHAR", "'a' 'b'"],
    ["pair", "'(1,x)'", "VARCHAR", "(1,x)"],
    ["regclass", "'pg_class'", "VARCHAR", "pg_class"],
    ["pg_lsn", "'16/B374D848'", "VARCHAR", "16/B374D848"],
  ],
};

/** First cell of a row → types and values that are refused with the row's first code. */
const REFUSED: { [row: string]: [type: string, value: string][] } = {
  "NaN or infinity in a `numeric`": [
    ["numeric", "'NaN'"],
    ["numeric", "'Infinity'"],
    ["numeric(10,2)", "'NaN'"],
  ],
  "a date or timestamp before Christ or after 9999 in UTC, in arrays and ranges too": [
    ["date", "'0044-03-15 BC'"],
    ["timestamp", "'10000-01-01'"],
    ["timestamptz", "'9999-12-31 23:59:59-05'"],
    ["timestamp[]", "'{10000-01-01}'"],
    ["date[]", "'{0044-03-15 BC}'"],
    ["daterange", "'[2026-01-01,10000-01-01)'"],
  ],
  "`interval`": [["interval", "'1 day'"]],
  "an integer beyond 64 bits inside JSON": [
    ["jsonb", "'{\"n\": 12345678901234567890123}'"],
    ["json", "'[18446744073709551616]'"],
  ],
  "`numeric` of more than 38 digits or with a negative scale": [
    ["numeric(50,10)", "1.5"],
    ["numeric(5,-2)", "12345"],
  ],
};

let server: PostgresServer;
const columns = Object.values(LOADED).flat();
const refused = Object.entries(REFUSED).flatMap(([row, kinds]) =>
  kinds.map(([type, value]) => ({ row, type, value })),
);

beforeAll(async () => {
  server = await startTestPostgres();
  await execute(server.adminDsn, [
    "CREATE EXTENSION hstore",
    "CREATE TYPE mood AS ENUM ('calm', 'stormy')",
    "CREATE DOMAIN percent AS numeric(5,2)",
    "CREATE DOMAIN positive AS int CHECK (value > 0)",
    "CREATE DOMAIN later AS positive",
    "CREATE TYPE pair AS (a int, b text)",
    "CREATE TYPE floatrange AS RANGE (subtype = float8)",
    "CREATE SCHEMA own",
    "CREATE TYPE own.\"date\" AS ENUM ('spring')",
    "CREATE TYPE own.\"int4\" AS ENUM ('x')",
    `CREATE TABLE as_rows (id int PRIMARY KEY, ${columns.map(([type], at) => `c${at} ${type}`).join(", ")})`,
    `INSERT INTO as_rows VALUES (1, ${columns.map(([, value]) => value).join(", ")})`,
    "CREATE TABLE as_columns AS SELECT * FROM as_rows",
    ...columns.flatMap(([, , , , part], at) => (part ? [`ALTER TABLE as_columns DROP COLUMN c${at}`] : [])),
    "CREATE TABLE rounded (id int PRIMARY KEY, v numeric)",
    "INSERT INTO rounded VALUES (1, 0.12345678912)",
    "CREATE TABLE documents (id int PRIMARY KEY, v jsonb)",
    `INSERT INTO documents VALUES (1, '{"a": [1.5, true, 2.50]}')`,
    ...refused.flatMap(({ type, value }, at) => [
      `CREATE TABLE refused_${at} (id int PRIMARY KEY, v ${type})`,
      `INSERT INTO refused_${at} VALUES (1, ${value})`,
    ]),
  ]);
});
afterAll(() => server?.stop());

async function table(name: string, backend = "sqlalchemy"): Promise<Resource> {
  const spec = { type: "sql_table", name: "db", credentials: server.adminDsn, table: name, backend };
  return (await sqlTableSource.create(spec as unknown as SourceSpec)).resources[0]!;
}

test("every row of the page is held here", () => {
  expect(KINDS!.map(([first]) => first).sort()).toEqual(Object.keys(LOADED).sort());
  expect(REFUSALS!.map(([first]) => first).sort()).toEqual(Object.keys(REFUSED).sort());
});

// A column that becomes several makes a table travel as rows.
describe.each(["as_rows", "as_columns"])("what is loaded %s", name => {
  const engine = new Engine();
  let types: Map<string, string>;
  let values: Row;
  beforeAll(async () => {
    await engine.run(engine.spec(), sourceOf("db", await table(name)));
    const found = await engine.query(
      `SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = '${name}'`,
    );
    types = new Map(found.map(row => [String(row.column_name), String(row.data_type)]));
    const texts = found.map(({ column_name }) => `"${column_name}"::VARCHAR AS "${column_name}"`);
    [values] = (await engine.query(`SELECT ${texts.join(", ")} FROM raw.${name}`)) as [Row];
  });
  afterAll(() => engine.remove());

  test.each(Object.entries(LOADED))("%s", (_, kinds) => {
    const here = kinds.filter(([, , , , part]) => name === "as_rows" || part === undefined);
    const came = here.map(kind => {
      const [type, value, , , ...part] = kind;
      const column = `c${columns.indexOf(kind)}${part.join("")}`;
      return [type, value, types.get(column), values[column], ...part];
    });
    expect(came).toEqual(here);
  });
});

describe("where dlt's outcome is another", () => {
  async function loaded(name: string, backend: string): Promise<unknown> {
    const engine = new Engine();
    try {
      await engine.run(engine.spec(), sourceOf("db", await table(name, backend)));
      return (await engine.query(`SELECT v::VARCHAR AS v FROM raw.${name}`))[0]!.v;
    } finally {
      engine.remove();
    }
  }

  test("a numeric that would be rounded, backend pyarrow", async () => {
    expect(await loaded("rounded", "sqlalchemy")).toBe("0.123456789");
    await expect(loaded("rounded", "pyarrow")).rejects.toMatchObject({ code: "CANNOT_COERCE" });
  });

  test("arrays inside JSON, backend pyarrow, stay as they are", async () => {
    expect(await loaded("documents", "pyarrow")).toBe('{"a":[1.5,true,2.5]}');
  });
});

async function readAll(resource: Resource): Promise<void> {
  for await (const _ of resource.open({ signal: new AbortController().signal, attempts: 1 }));
}

test.each(refused.map((one, at) => ({ ...one, at })))("$row: $type $value is refused", async one => {
  const [, code] = /`([A-Z_]+)`/.exec(REFUSALS!.find(([first]) => first === one.row)![1]!)!;
  const name = `refused_${one.at}`;
  const engine = new Engine();
  const failure =
    code === "DESTINATION_UNSUPPORTED"
      ? engine.run(engine.spec(), sourceOf("db", await table(name)))
      : readAll(await table(name));
  await expect(failure).rejects.toMatchObject({
    code,
    message: expect.stringMatching(/"(refused_\d+\.)?v".*(excluded_columns|leave it out)/),
  });
  engine.remove();
});
