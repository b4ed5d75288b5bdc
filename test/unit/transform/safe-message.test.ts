import { safeDbtMessage } from "../../../src/transform/safe-message";

describe("messages of dbt nodes", () => {
  const planted = /planted|4711|31337/i;
  test.each([
    [
      "DuckDB cast",
      "Runtime Error in model z1 (models/marts/z1.sql)\n  Conversion Error: Could not convert string 'planted 'it' x' to INT32 when casting from source column title\n  \n  LINE 10: select 'planted'",
      /z1.*Conversion Error: Could not convert string '…' to INT32 when casting from source column title/,
    ],
    [
      "DuckDB timestamp, value in double quotes",
      'Runtime Error in model m (m.sql)\n  Conversion Error: invalid timestamp field format: "planted", expected format is (YYYY-MM-DD)',
      /Conversion Error/,
    ],
    [
      "DuckDB number",
      "Runtime Error in model m (m.sql)\n  Conversion Error: Type INT64 with value 4711 can't be cast to the destination type INT8",
      /Type INT64 with value …/,
    ],
    [
      "DuckDB key",
      'Runtime Error in model m (m.sql)\n  Constraint Error: Duplicate key "id: 4711" violates primary key constraint.',
      /Duplicate key "…" violates/,
    ],
    [
      "DuckDB, raised by SQL",
      "Runtime Error in model m (m.sql)\n  Invalid Input Error: planted words",
      /Invalid Input Error:/,
    ],
    [
      "Databricks",
      "Database Error in model m (m.sql)\n  [CAST_INVALID_INPUT] The value 'planted' of the type \"STRING\" cannot be cast. SQLSTATE: 22018",
      /\[CAST_INVALID_INPUT\]/,
    ],
    [
      "Databricks check constraint, value without quotes",
      "Database Error in model m (m.sql)\n  [DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] CHECK constraint c (x > 0) violated by row with values:\n - x : 31337",
      /DELTA_VIOLATE_CONSTRAINT_WITH_VALUES/,
    ],
    [
      "unit test",
      "\n\nactual differs from expected:\n\n@@ ,claim_id,line_charge\n→  ,planted ,4711→31337\n",
      /^actual differs from expected:$/,
    ],
    [
      "unknown sentence",
      "Runtime Error in model m (m.sql)\n  planted without any form",
      /the database refused/,
    ],
  ])("%s: no value gets through", (_, message, expected) => {
    const safe = safeDbtMessage(message);
    expect(safe).toMatch(expected);
    expect(safe).not.toMatch(planted);
  });

  test("names, counts and dbt's own sentences stay", () => {
    expect(
      safeDbtMessage(
        'Runtime Error in model z2 (models/z2.sql)\n  Catalog Error: Table with name nonexist does not exist!\n  Did you mean "pg_indexes"?\n  \n  LINE 10: x',
      ),
    ).toBe(
      'Runtime Error in model z2 (models/z2.sql): Catalog Error: Table with name nonexist does not exist! Did you mean "pg_indexes"?',
    );
    expect(safeDbtMessage("Got 28 results, configured to warn if != 0")).toBe(
      "Got 28 results, configured to warn if != 0",
    );
    expect(safeDbtMessage("Compilation Error in model z3 (z3.sql)\n  'undefined_macro' is undefined.")).toBe(
      "Compilation Error in model z3 (z3.sql) 'undefined_macro' is undefined.",
    );
    expect(safeDbtMessage(`Compilation Error ${"x".repeat(5000)}`)).toHaveLength(600);
  });
});
