/** Where Tidemark's outcome is another than dlt's, on purpose. docs/sql-sources.md says the same to users. */

export interface Difference {
  why: string;
  /** What is there instead, as far as it matters. */
  ours: object;
}

function bothBackends(name: string, difference: Difference): { [name: string]: Difference } {
  return { [`sqlalchemy_${name}`]: difference, [`pyarrow_${name}`]: difference };
}

export const DIFFERENCES: { [name: string]: Difference } = {
  pyarrow_type_jsonb_text: {
    why: "dlt writes the text without quotes, and DuckDB refuses it as JSON in the load step",
    ours: { rows: { jsonb_text: ['{"id":"1","v":null}', '{"id":"2","v":"\\"x\\""}'] } },
  },
  pyarrow_type_domain_numeric: {
    why: "dlt takes precision and scale from the values of the first chunk, here (4,2); the domain says (5,2)",
    ours: { columns: { domain_numeric: ["id BIGINT NOT NULL", "v DECIMAL(5,2)"] } },
  },
  ...bothBackends("type_enum_array_2d", {
    why: "SQLAlchemy's reader of enum arrays takes no list in a list, and fails",
    ours: {
      rows: { enum_array_2d: ['{"id":"1","v":null}', '{"id":"2","v":"[[\\"calm\\"],[\\"stormy\\"]]"}'] },
    },
  }),
  ...bothBackends("type_domain_array", {
    why: "psycopg2 hands over the array's text, which SQLAlchemy takes for a list of its characters",
    ours: { rows: { domain_array: ['{"id":"1","v":null}', '{"id":"2","v":"[1,2]"}'] } },
  }),
  ...bothBackends("type_date_array", {
    why: "psycopg2 fails on infinity inside an array; in a column it has the end of the calendar",
    ours: {
      rows: { date_array: ['{"id":"1","v":null}', '{"id":"2","v":"[\\"2026-01-01\\",\\"9999-12-31\\"]"}'] },
    },
  }),
  ...bothBackends("type_timestamptz_array_infinity", {
    why: "psycopg2 fails on infinity inside an array; in a column it has the end of the calendar",
    ours: {
      rows: {
        timestamptz_array_infinity: [
          '{"id":"1","v":null}',
          '{"id":"2","v":"[\\"9999-12-31T23:59:59.999999+00:00\\"]"}',
        ],
      },
    },
  }),
  pyarrow_level_minimal: {
    why: "dlt cannot make arrow arrays of dicts and lists without knowing that they are JSON",
    ours: {
      columns: {
        order_lines: [
          "order_id BIGINT NOT NULL",
          "line_no BIGINT NOT NULL",
          "customer_id BIGINT",
          "sku VARCHAR",
          "payload JSON",
          "tags JSON",
        ],
      },
    },
  },
};
