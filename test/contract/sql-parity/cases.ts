/** What both engines load, as specs; and where the two differ on purpose. */
import { TYPES } from "./type-tables";

export interface Phase {
  source: "sql_table" | "sql_database";
  args: { [argument: string]: unknown };
}

export interface ParityCase {
  name: string;
  phases: Phase[];
}

const table = (args: Phase["args"]): Phase => ({ source: "sql_table", args });
const database = (args: Phase["args"]): Phase => ({ source: "sql_database", args });
const BACKENDS = ["sqlalchemy", "pyarrow"] as const;

const typeNames = Object.keys(TYPES);
/** What one of the engines refuses, or takes otherwise: each in a case of its own. */
const ALONE = typeNames.filter(name =>
  /enum_array_2d|_array_(nan|late|infinity)|domain_array|date_array|_late_|timestamptz_late|_first|numeric_(nan|infinity|limited_nan|wide|negative_scale)|_bc$|^interval|jsonb_(huge|text)|domain_numeric/.test(
    name,
  ),
);

/** Tables and rows of the cases that are not about types. */
export const TABLES = [
  `CREATE TABLE customers (id int PRIMARY KEY, name varchar(30) NOT NULL, joined timestamptz NOT NULL, score smallint)`,
  `INSERT INTO customers SELECT i, 'c' || i, timestamptz '2026-01-01 00:00+00' + i * interval '1 hour', i % 7
     FROM generate_series(1, 50) i`,
  `CREATE TABLE "Order Lines" ("Order Id" int, "line no" int, "customerId" int REFERENCES customers, "SKU" char(8),
     payload jsonb, tags text[], PRIMARY KEY ("Order Id", "line no"))`,
  `INSERT INTO "Order Lines" SELECT i / 3, i % 3, i % 50 + 1, 'S' || i, jsonb_build_object('n', i, 'list', jsonb_build_array(i, 'x')),
     ARRAY['t' || i, NULL] FROM generate_series(1, 40) i`,
  "CREATE VIEW big_customers AS SELECT id, name FROM customers WHERE id > 40",
  "CREATE TABLE empty_one (id int, note text)",
  "CREATE TABLE unkeyed (a text, b double precision)",
  "INSERT INTO unkeyed VALUES ('x', 1.5), (NULL, NULL), ('x', 1.5)",
  ...["first", "second"].flatMap((schema, phase) => [
    `CREATE SCHEMA ${schema}`,
    `CREATE TABLE ${schema}.events (id int PRIMARY KEY, seen timestamp, rank int, note text)`,
    `INSERT INTO ${schema}.events SELECT i, timestamp '2026-01-01' + i / 2 * interval '1 minute', i * 10, 'n' || i
       FROM generate_series(1, ${30 + phase * 20}) i`,
    `INSERT INTO ${schema}.events VALUES (900, NULL, NULL, 'without a cursor')`,
  ]),
];

const CURSORS: { [name: string]: object } = {
  closed: { cursor_path: "rank", initial_value: 100 },
  open: { cursor_path: "rank", initial_value: 100, range_start: "open" },
  ended: { cursor_path: "rank", initial_value: 100, end_value: 200 },
  ended_closed: { cursor_path: "rank", initial_value: 100, end_value: 200, range_end: "closed" },
  ascending: { cursor_path: "rank", row_order: "asc", initial_value: 20 },
  descending: { cursor_path: "rank", row_order: "desc", initial_value: 20 },
  smallest: { cursor_path: "rank", last_value_func: "min", initial_value: 300 },
  times: { cursor_path: "seen", initial_value: "2026-01-01T00:05:00" },
  times_offset: { cursor_path: "seen", initial_value: "2026-01-01T02:05:00+02:00" },
  times_offset_ended: {
    cursor_path: "seen",
    initial_value: "2026-01-01T02:05:00+02:00",
    end_value: "2026-01-01T05:40:00+05:30",
  },
  times_open: { cursor_path: "seen", initial_value: "2026-01-01T00:05:00", range_start: "open" },
};

const CURSOR_TABLES = Object.entries(CURSORS).flatMap(([name, config]) =>
  (["include", "exclude"] as const).map(on_cursor_value_missing => ({
    name: `${name}_${on_cursor_value_missing}`,
    incremental: { ...config, on_cursor_value_missing },
  })),
);

/** The same events under the name of every cursor, so that one pipeline runs them all. */
export const createCursorTables = (): string[] =>
  ["first", "second"].flatMap(schema =>
    CURSOR_TABLES.flatMap(({ name }) => [
      `CREATE TABLE ${schema}.${name} AS SELECT * FROM ${schema}.events`,
      `ALTER TABLE ${schema}.${name} ADD PRIMARY KEY (id)`,
    ]),
  );

export const CASES: ParityCase[] = [
  ...BACKENDS.flatMap(backend => [
    {
      name: `${backend}_types`,
      phases: [
        database({ schema: "types", backend, table_names: typeNames.filter(name => !ALONE.includes(name)) }),
      ],
    },
    ...ALONE.map(name => ({
      name: `${backend}_type_${name}`,
      phases: [table({ table: name, schema: "types", backend })],
    })),
    ...(["minimal", "full", "full_with_precision"] as const).map(reflection_level => ({
      name: `${backend}_level_${reflection_level}`,
      phases: [
        database({ table_names: ["customers", "Order Lines"], backend, reflection_level, chunk_size: 7 }),
      ],
    })),
    { name: `${backend}_all_tables`, phases: [database({ backend })] },
    { name: `${backend}_views`, phases: [database({ backend, include_views: true })] },
    {
      name: `${backend}_foreign_keys`,
      phases: [database({ backend, table_names: ["Order Lines", "customers"], resolve_foreign_keys: true })],
    },
    { name: `${backend}_view`, phases: [table({ backend, table: "big_customers" })] },
    {
      name: `${backend}_included`,
      phases: [table({ backend, table: "customers", included_columns: ["id", "score"] })],
    },
    {
      name: `${backend}_excluded`,
      phases: [table({ backend, table: "customers", excluded_columns: ["name"] })],
    },
    {
      name: `${backend}_merge`,
      phases: [
        table({ backend, table: "events", schema: "first", write_disposition: "merge" }),
        table({ backend, table: "events", schema: "second", write_disposition: "merge" }),
      ],
    },
    {
      name: `${backend}_replace`,
      phases: [
        table({ backend, table: "events", schema: "second", write_disposition: "replace" }),
        table({ backend, table: "events", schema: "first", write_disposition: "replace" }),
      ],
    },
    {
      name: `${backend}_two_schemas`,
      phases: [
        table({ backend, table: "events", schema: "first" }),
        database({ backend, schema: "second", table_names: ["events"] }),
      ],
    },
    {
      name: `${backend}_cursors`,
      phases: ["first", "second"].map(schema =>
        database({
          backend,
          schema,
          table_names: CURSOR_TABLES.map(({ name }) => name),
          resources: CURSOR_TABLES.map(({ name, incremental }) => ({ name, incremental })),
        }),
      ),
    },
    {
      name: `${backend}_cursor_raise`,
      phases: [table({ backend, table: "events", schema: "first", incremental: { cursor_path: "rank" } })],
    },
  ]),
  {
    name: "sqlalchemy_hints",
    phases: [
      table({
        table: "customers",
        columns: { score: { data_type: "text" }, joined: { data_type: "timestamp", timezone: false } },
      }),
    ],
  },
];
