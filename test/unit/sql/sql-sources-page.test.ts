/**
 * Holds docs/sql-sources.md: every row of its tables is what a test shows. Connection parameters and SQLSTATEs are printed
 * from the code, limits compared with it (connection-parameters.test.ts, sql-states.test.ts); the rows of "Types" are
 * loaded one by one in test/contract/sql-types.test.ts.
 */
import { readRepository, tablesOf } from "../../support/page-tables";

const SECTIONS = tablesOf(readRepository("docs/sql-sources.md"));
const ELSEWHERE = ["Connecting", "What a server refuses", "Types", "Limits"];

const SOURCE = "test/contract/sql-source.test.ts";
const RULES = "test/contract/sql-rules.test.ts";
const POOLERS = "test/contract/sql-poolers.test.ts";
const EDGES = "test/contract/sql-edges.test.ts";
const CASES = "test/contract/sql-parity/cases.ts";
const DIFFERENCES = "test/contract/sql-parity/differences.ts";
const KINDS = "test/contract/sql-types.test.ts";

/** First cell of a row → the test, or the case beside dlt, that shows it: file and a part of its text. */
const HELD: { [section: string]: { [row: string]: [file: string, text: string] } } = {
  Arguments: {
    "`credentials`": ["test/unit/sql/credentials.test.ts", "a DSN in every spelling, and a dict of fields"],
    "`table` / `table_names`": [CASES, "}_all_tables`"],
    "`schema`": [CASES, "}_two_schemas`"],
    "`include_views`": [CASES, "}_views`"],
    "`reflection_level`": [CASES, "_level_"],
    "`included_columns`, `excluded_columns`": [SOURCE, 'excluded_columns: ["sen"]'],
    "`chunk_size`": [SOURCE, "wide rows make small pages"],
    "`backend`": [CASES, "}_types`"],
    "`resolve_foreign_keys`": [CASES, "}_foreign_keys`"],
    "`incremental`, `primary_key`, `merge_key`, `write_disposition`, `columns`, …": [
      SOURCE,
      "hints of the spec win, columns are chosen",
    ],
  },
  "Servers with rules": {
    "`statement_timeout`, a table with a primary key": [
      RULES,
      "a keyed table is read on after its last finished page, every row once",
    ],
    "`statement_timeout`, no key (views, plain queries)": [
      RULES,
      "one that is cut in its middle, where rows become slower",
    ],
    "`statement_timeout` that a single row exceeds": [RULES, "a row that takes too long by itself is told"],
    "`idle_in_transaction_session_timeout`": [RULES, "after the server ended the transaction that waited"],
    "a replica's conflict with recovery (40001)": [
      RULES,
      "rows that are cleaned away under a read do not end it",
    ],
    "`lock_timeout`": [RULES, "a lock that others hold is told"],
    "`pgbouncer` in transaction or session mode": [
      POOLERS,
      "one connection to the server: all tables at once",
    ],
    "`pgbouncer` in statement mode, or its own console": [POOLERS, "are no database to read"],
    "`query_timeout`, `idle_transaction_timeout` of `pgbouncer`": [
      POOLERS,
      "a keyed table is read on in shorter statements",
    ],
    "what a pooler refuses at its door (`08P01`, Supavisor's `XX000`)": [
      "test/unit/sql/sql-states.test.ts",
      `a pooler's %s: %s`,
    ],
    "row-level security": [RULES, "a policy decides which rows there are"],
    "a partitioned table": [RULES, "a partitioned table is one table"],
    "a materialized view that is not filled": [RULES, "a materialized view that was never filled"],
    "a database of encoding `SQL_ASCII`": [RULES, "bytes of an SQL_ASCII database that are not UTF-8"],
  },
  Cursors: {
    "`timestamptz`": [EDGES, '["naive", "zoned"])("every spelling of an instant is one range'],
    "`timestamp`": [EDGES, '["naive", "zoned"])("every spelling of an instant is one range'],
    "`date`": [EDGES, "a day is taken where it is clear"],
    text: [EDGES, "texts compare as they are written"],
  },
  "Where the outcome is another than dlt's": {
    "`numeric` of many digits, `sqlalchemy`": [KINDS, '"1.00000000000000000001"'],
    "a domain over `numeric(p,s)`, `pyarrow`": [DIFFERENCES, "pyarrow_type_domain_numeric"],
    "arrays inside JSON, `pyarrow`": [KINDS, "arrays inside JSON, backend pyarrow, stay as they are"],
    "a bare text in `jsonb`, `pyarrow`": [DIFFERENCES, "pyarrow_type_jsonb_text"],
    "`minimal` with JSON or arrays, `pyarrow`": [DIFFERENCES, "pyarrow_level_minimal"],
    "arrays of enums in arrays, infinity in arrays of dates and times": [DIFFERENCES, "type_enum_array_2d"],
    "arrays of domains, `citext[]`, `money[]`, `regclass[]`": [
      EDGES,
      "arrays of types whose text dlt takes for characters are lists",
    ],
    "`numeric` that would be rounded, `pyarrow`": [KINDS, "a numeric that would be rounded, backend pyarrow"],
  },
};

test("every section with a table is held", () => {
  const withTables = [...SECTIONS].filter(([, tables]) => tables.length > 0).map(([section]) => section);
  expect(withTables.sort()).toEqual([...Object.keys(HELD), ...ELSEWHERE].sort());
});

test.each(Object.entries(HELD))(
  "%s: every row is held by a test, and by one that is there",
  (section, held) => {
    const rows = SECTIONS.get(section)!.flat();
    expect(rows.map(([first]) => first).sort()).toEqual(Object.keys(held).sort());
    const missing = Object.entries(held).filter(([, [file, text]]) => !readRepository(file).includes(text));
    expect(missing).toEqual([]);
  },
);
