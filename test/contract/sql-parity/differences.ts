/** Where Tidemark's outcome is another than dlt's, on purpose. docs/sql-sources.md says the same to users. */

export interface Difference {
  why: string;
  /** What is there instead, as far as it matters. */
  ours: object;
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
