import { ownDbtMessage, safeDbtMessage } from "../../../src/transform/safe-message";

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
      "a hook of the project",
      "shop.on-run-start.0 failed, error:\n Conversion Error: Could not convert string 'planted' to INT32\n\nLINE 2: select",
      /^shop\.on-run-start\.0 failed, error: Conversion Error: Could not convert string '…' to INT/,
    ],
    [
      "a model in Python that misses a module",
      "Runtime Error in model py (models/py.py)\n  Python model failed:\n  Traceback (most recent call last):\n    File \"x.py\", line 4, in <module>\n      a = 'planted'\n  ModuleNotFoundError: No module named 'pandas'\n  ",
      /^Runtime Error in model py \(models\/py\.py\): Python model failed: ModuleNotFoundError: No module named 'pandas'$/,
    ],
    [
      "a model in Python that meets a value",
      "Runtime Error in model py (models/py.py)\n  Python model failed:\n  Traceback (most recent call last):\n      int(row)\n  ValueError: invalid literal for int() with base 10: 'planted'\n",
      /Python model failed: ValueError \(its words may quote rows/,
    ],
    [
      "a model in Python with an error of its own, raised after another",
      "Runtime Error in model py (py.py)\n  Python model failed:\n  KeyError: 'planted'\n  \n  During handling of the above exception, another exception occurred:\n  \n  shop.errors.PriceError: planted 4711\n",
      /Python model failed: shop\.errors\.PriceError \(/,
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

describe("what dbt says before it opens a connection", () => {
  const rule = "------------------------------";
  test.each([
    [
      "Runtime Error\n  The profile 'shop' does not have a target named 'duckdb'. The valid target names for this profile are:\n   - dev",
      "The profile 'shop' does not have a target named 'duckdb'. The valid target names for this profile are: - dev",
    ],
    ["Runtime Error\n  Could not find profile named 'shop'", "Could not find profile named 'shop'"],
    [
      'Runtime Error\n  Required "name" field not present in project\n\nError encountered in /p/dbt_project.yml',
      'Required "name" field not present in project Error encountered in /p/dbt_project.yml',
    ],
    ["Parsing Error\n  Env var required but not provided: 'DBX'", "Env var required but not provided: 'DBX'"],
    [
      "Compilation Error in model two (models/two.sql)\n  unexpected '}', expected ')'",
      "Compilation Error in model two (models/two.sql) unexpected '}', expected ')'",
    ],
    ["Found a cycle: model.a --> model.b", "Found a cycle: model.a --> model.b"],
    // Of files, which may hold a password, only places and names.
    [
      `Runtime Error\n  \n  dbt encountered an error while trying to read your profiles.yml file.\n  \n  Runtime Error\n    Syntax error near line 5\n    ${rule}\n    4  |     dev: {type: duckdb, password: planted\n    5  |   y: [\n    \n    Raw Error:\n    ${rule}\n    while parsing a flow mapping\n      in "<unicode string>", line 4, column 10\n        dev: {password: planted\n             ^\n    did not find expected ',' or '}'\n      in "<unicode string>", line 5, column 4\n  `,
      "dbt encountered an error while trying to read your profiles.yml file. Runtime Error Syntax error near line 5 while parsing a flow mapping in \"<unicode string>\", line 4, column 10 did not find expected ',' or '}' in \"<unicode string>\", line 5, column 4",
    ],
    [
      "Runtime Error\n  at path ['threads']: 'planted is not it' is not of type 'integer'",
      "at path ['threads']: … is not of type 'integer'",
    ],
    [
      `Runtime Error\n  Credentials in profile "shop", target "dev" invalid: 'planted' is not valid under any of the given schemas`,
      'Credentials in profile "shop", target "dev" invalid: … is not valid under any of the given schemas',
    ],
    [
      `Runtime Error\n  Credentials in profile "shop", target "dev" invalid: 'host' is a required property`,
      `Credentials in profile "shop", target "dev" invalid: 'host' is a required property`,
    ],
    [
      "Parsing Error\n  Invalid unit_tests config given in models/m.yml @ unit_tests: {'name': 'planted', 'given': [{'rows': ['planted']}]} - at path ['model']: 1 is not of type 'string'",
      "Invalid unit_tests config given in models/m.yml @ unit_tests, at path ['model']: … is not of type 'string'",
    ],
    [
      "Compilation Error\n  Could not render {{ planted(: unexpected 'end of template'\n    line 1\n      {{ planted(",
      "Could not render a value of the project's files: its Jinja is wrong",
    ],
    [
      "Runtime Error\n  Compilation Error\n    Could not render {{ planted }}: 'planted' is undefined",
      "Compilation Error Could not render a value of the project's files: its Jinja is wrong",
    ],
    [
      'dbt found two models with the name "one".\n\nSince these resources have the same name, dbt will be unable to find the correct resource',
      'dbt found two models with the name "one". Since these resources have the same name, dbt will be unable to find the correct resource',
    ],
    ["Runtime Error\n  outputs not specified in profile 'shop'", "outputs not specified in profile 'shop'"],
    [
      "Runtime Error\n  Could not find selector named nightly, expected one of ['base']",
      "Could not find selector named nightly, expected one of ['base']",
    ],
  ])("%j", (message, told) => {
    expect(ownDbtMessage(message)).toBe(told);
  });
});
